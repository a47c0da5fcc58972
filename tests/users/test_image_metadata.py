"""What an avatar does not tell strangers: its pixels stay, everything beside them goes."""

from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.users.image_metadata import ImageBroken, without_metadata
from menshen.users.images import ImageType, image_of
from tests.users.image_samples import PNG_END, exif, gif, jpeg, png, png_chunk, riff, segment, webp

PLANTED = b"planted-gps-position"
SCAN = segment(0xDA, b"\1\1\0\0\x3f\0") + b"\x12\xff\0\x34\xff\xd0\x56"
PHOTO = jpeg()[:-2] + SCAN + b"\xff\xd9"
ANIMATION = gif()[:-1] + b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0!\xf9\4\0\0\0\0\0" + gif()[19:]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("image/png", png(3, 4)),
        ("image/gif", gif()),
        ("image/gif", ANIMATION),
        ("image/jpeg", jpeg(3, 4)),
        ("image/jpeg", PHOTO),
        ("image/jpeg", PHOTO[:-2] + SCAN + b"\xff\xd9"),
        ("image/webp", webp(3, 4)),
        ("image/webp", webp(3, 4, b"VP8L")),
        ("image/webp", webp(3, 4, b"VP8X")),
    ],
)
def test_an_image_that_says_nothing_else_stays_as_it_is(kind: ImageType, content: bytes) -> None:
    assert without_metadata(kind, content) == content


@pytest.mark.parametrize(
    ("kind", "content", "left"),
    [
        ("image/jpeg", jpeg(before=exif(1)), jpeg()),
        ("image/jpeg", jpeg(before=segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + PLANTED)), jpeg()),
        ("image/jpeg", jpeg(before=segment(0xED, b"Photoshop 3.0\0" + PLANTED)), jpeg()),
        ("image/jpeg", jpeg(before=segment(0xFE, PLANTED)), jpeg()),
        ("image/jpeg", jpeg(before=segment(0xE2, b"MPF\0" + PLANTED)), jpeg()),
        ("image/jpeg", PHOTO[:-2] + segment(0xFE, PLANTED) + SCAN + b"\xff\xd9", PHOTO[:-2] + SCAN + b"\xff\xd9"),
        ("image/jpeg", PHOTO + PLANTED, PHOTO),
        ("image/jpeg", jpeg(before=b"\xff\xff" + segment(0xFE, PLANTED)), jpeg()),
        ("image/png", png().replace(PNG_END, png_chunk(b"eXIf", PLANTED) + PNG_END), png()),
        ("image/png", png().replace(PNG_END, png_chunk(b"tEXt", PLANTED) + PNG_END), png()),
        ("image/png", png().replace(PNG_END, png_chunk(b"abCd", PLANTED) + PNG_END), png()),
        ("image/png", png() + PLANTED, png()),
        ("image/gif", gif()[:-1] + b"!\xfe\x14" + PLANTED + b"\0;", gif()),
        ("image/gif", gif()[:-1] + b"!\xff\x0bXMP DataXMP\x14" + PLANTED + b"\0;", gif()),
        ("image/gif", gif() + PLANTED, gif()),
        (
            "image/webp",
            riff((b"VP8 ", webp()[20:]), (b"EXIF", PLANTED), (b"XMP ", PLANTED), (b"junk", PLANTED)),
            webp(),
        ),
        ("image/webp", webp() + PLANTED, webp()),
    ],
)
def test_what_it_says_beside_its_pixels_goes(kind: ImageType, content: bytes, left: bytes) -> None:
    assert without_metadata(kind, content) == left
    assert image_of(left) == image_of(content)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("turned", [2, 3, 6, 8])
def test_a_photograph_stays_turned_as_it_is(turned: int, order: str) -> None:
    left = without_metadata("image/jpeg", jpeg(before=exif(turned, order)))
    assert PLANTED not in left
    assert b"PLAN" not in left
    tiff = left[left.index(b"Exif\0\0") + 6 :]
    assert struct.unpack_from(">4sIHHHIHHI", tiff) == (b"MM\0*", 8, 1, 0x0112, 3, 1, turned, 0, 0)
    assert image_of(left) == image_of(jpeg())
    assert without_metadata("image/jpeg", left) == left


@pytest.mark.parametrize("data", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\1"])
def test_exif_that_is_broken_goes_whole(data: bytes) -> None:
    assert without_metadata("image/jpeg", jpeg(before=segment(0xE1, data))) == jpeg()


def test_colours_stay() -> None:
    profile, adobe = segment(0xE2, b"ICC_PROFILE\0\1\1x"), segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")
    photo = jpeg(before=profile + adobe)
    assert without_metadata("image/jpeg", photo) == photo
    drawn = png().replace(PNG_END, png_chunk(b"gAMA", b"\0\0\xb1\x8f") + png_chunk(b"fdAT", b"x") + PNG_END)
    assert without_metadata("image/png", drawn) == drawn


def test_a_webp_does_not_promise_what_is_gone() -> None:
    said = b"\x2c\0\0\0" + bytes(6)
    content = riff((b"VP8X", said), (b"ICCP", b"xyz"), (b"VP8 ", webp()[20:]), (b"EXIF", PLANTED))
    left = riff((b"VP8X", b"\x20" + said[1:]), (b"ICCP", b"xyz"), (b"VP8 ", webp()[20:]))
    assert without_metadata("image/webp", content) == left


KINDS: dict[ImageType, bytes] = {
    "image/png": png(),
    "image/gif": ANIMATION,
    "image/jpeg": PHOTO,
    "image/webp": webp(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_that_ends_too_early_is_broken(kind: ImageType) -> None:
    whole = KINDS[kind]
    for length in range(len(whole)):
        with pytest.raises(ImageBroken):
            without_metadata(kind, whole[:length])


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=64), st.integers(0, 64), st.integers(0, 200))
def test_whatever_comes_is_an_image_or_broken(kind: ImageType, junk: bytes, cut: int, at: int) -> None:
    whole = KINDS[kind]
    content = whole[:at] + junk + whole[at + cut :]
    try:
        left = without_metadata(kind, content)
    except ImageBroken:
        return
    assert len(left) <= len(content) + 8
    assert without_metadata(kind, left) == left


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("image/png", png()[:33] + png_chunk(b"tEXt", b"") * 340_000),
        ("image/jpeg", jpeg()[:20] + segment(0xFE, b"") * 1_000_000),
        ("image/gif", gif()[:19] + b"!\xfe\0" * 1_300_000),
        ("image/webp", b"RIFF" + struct.pack("<I", 4_000_004) + b"WEBP" + b"junk\0\0\0\0" * 500_000),
    ],
)
def test_a_file_of_nothing_but_parts_takes_no_time(kind: ImageType, content: bytes) -> None:
    started = time.process_time()
    with pytest.raises(ImageBroken):
        without_metadata(kind, content)
    assert time.process_time() - started < 5
