"""What a file is, by its content."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.users.images import Image, image_of
from tests.users.image_samples import gif, jpeg, png, webp

MAKERS = {
    "image/png": png,
    "image/gif": gif,
    "image/jpeg": jpeg,
    "image/webp": webp,
}


@pytest.mark.parametrize(("kind", "make"), MAKERS.items())
def test_type_and_size_are_read_from_the_head(kind: str, make) -> None:  # type: ignore[no-untyped-def]
    assert image_of(make(640, 480)) == Image(kind, 640, 480)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [b"VP8 ", b"VP8L", b"VP8X"])
def test_every_kind_of_webp(kind: bytes) -> None:
    assert image_of(webp(300, 200, kind)) == Image("image/webp", 300, 200)


@pytest.mark.parametrize("frame", [0xC0, 0xC1, 0xC2, 0xC9])
def test_every_frame_of_a_jpeg_after_whatever_segments(frame: int) -> None:
    exif = b"\xff\xe1\0\x08Exif\0\0"
    assert image_of(jpeg(20, 10, before=exif + b"\xff\xff\xff" + exif[1:], frame=frame)) == Image("image/jpeg", 20, 10)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html><script>alert(1)</script>",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"%PDF-1.4",
        b"PK\3\4",
        b"BM" + bytes(60),
        b"\0\0\1\0" + bytes(60),
        b"GIF88a" + bytes(20),
        b"\x89PNG\r\n\x1a\n" + bytes(30),
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xda\0\x04\0\0",
        b"RIFF\0\0\0\0WAVE" + bytes(30),
        b"RIFF\0\0\0\0WEBPVP9 " + bytes(30),
        b" " + png(),
        b"\n" + gif(),
    ],
)
def test_anything_else_is_no_image(content: bytes) -> None:
    assert image_of(content) is None


@pytest.mark.parametrize("make", [png, gif, jpeg, webp])
def test_an_image_without_pixels_is_none(make) -> None:  # type: ignore[no-untyped-def]
    assert image_of(make(0, 5)) is None
    assert image_of(make(5, 0)) is None


@pytest.mark.parametrize("make", MAKERS.values())
def test_a_file_that_ends_within_its_head_is_none(make) -> None:  # type: ignore[no-untyped-def]
    whole = make(3, 2)
    answers = [image_of(whole[:length]) for length in range(len(whole))]
    assert answers[0] is None
    assert {answer for answer in answers if answer is not None} <= {image_of(whole)}


@given(st.binary(max_size=200))
def test_no_bytes_break_it(content: bytes) -> None:
    for start in (b"", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"GIF89a", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPVP8"):
        image_of(start + content)


def test_a_polyglot_is_the_image_it_begins_with() -> None:
    """It is served with that type, and a browser may not guess another: see ``menshen.gateway.avatars``."""
    assert image_of(gif() + b"<script>alert(1)</script>") == Image("image/gif", 1, 1)
    assert image_of(jpeg(before=b"\xff\xfe\0\x1b<script>alert(1)</script>")) == Image("image/jpeg", 1, 1)


@pytest.mark.parametrize("filling", [b"\xff" * 4_000_000, b"\xff\xe1\0\2" * 1_000_000])
def test_a_head_without_an_end_takes_no_time(filling: bytes) -> None:
    started = time.process_time()
    assert image_of(b"\xff\xd8" + filling) is None
    assert time.process_time() - started < 2
