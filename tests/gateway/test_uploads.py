"""Files in request bodies: bare, in a form, and in everything that is neither."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.errors import AvatarTooLarge, CallMalformed, ClientSentSecret, Refusal
from menshen.gateway.uploads import FORM_BYTES, read_upload

LIMIT = 1000
FORM = "multipart/form-data; boundary=sep"
FILE = 'form-data; name="file"; filename="../../etc/passwd"'


class Body:
    """Chunks, and how many of them were asked for."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            self.taken += 1
            yield chunk


def form(*parts: tuple[str, bytes], end: bytes = b"--sep--\r\n") -> bytes:
    written = [
        f"--sep\r\nContent-Disposition: {head}\r\nContent-Type: text/html\r\n\r\n".encode() + content + b"\r\n"
        for head, content in parts
    ]
    return b"".join(written) + end


def read(content_type: str, *chunks: bytes) -> bytes:
    return asyncio.run(read_upload(content_type, Body(*chunks), LIMIT))


def pieces(data: bytes, size: int) -> Sequence[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("content_type", ["image/png", "image/anything", "application/octet-stream", "IMAGE/PNG; a=b"])
def test_a_bare_file(content_type: str) -> None:
    assert read(content_type, b"ab", b"", b"c") == b"abc"


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10_000])
def test_a_form_as_wx_upload_file_sends_it(size: int) -> None:
    content = b"\x89PNG\r\n--se\r\n--sep\r" * 20
    body = form(('form-data; name="user"', b"x" * 30), (FILE, content), ('form-data; name="n"', b""))
    assert read(FORM, *pieces(body, size)) == content


@given(st.binary(max_size=200).filter(lambda content: b"--sep" not in content), st.integers(1, 50))
def test_whatever_the_file_it_arrives_as_it_was(content: bytes, size: int) -> None:
    assert read(FORM, *pieces(form((FILE, content)), size)) == content


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/mixed; boundary=sep"],
)
def test_another_type_is_refused_unread(content_type: str) -> None:
    body = Body(form((FILE, b"x")))
    with pytest.raises(CallMalformed):
        asyncio.run(read_upload(content_type, body, LIMIT))
    assert body.taken == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--sep--\r\n",
        form(),
        form(('form-data; name="other"', b"x")),
        form(("form-data", b"x")),
        form(('form-data; filename="file"', b"x")),
        form((FILE, b"x"), end=b""),
        form((FILE, b"x"))[:-20],
        form((FILE, b"x"), (FILE, b"y")),
        form((FILE + '\r\nContent-Disposition: form-data; name="a"', b"x")),
        b"--other\r\nContent-Disposition: " + FILE.encode() + b"\r\n\r\nx\r\n--other--\r\n",
        b"no form at all",
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_a_form_without_one_whole_file_is_refused(body: bytes) -> None:
    with pytest.raises(CallMalformed):
        read(FORM, body)


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=" + "s" * 300, "multipart/form-data;boundary"],
)
def test_a_form_needs_a_boundary(content_type: str) -> None:
    with pytest.raises(CallMalformed):
        read(content_type, form((FILE, b"x")))


@pytest.mark.parametrize("name", ["secret", "appsecret", "AppSecret", "app_secret"])
def test_a_form_with_an_app_secret_is_refused(name: str) -> None:
    with pytest.raises(ClientSentSecret) as refused:
        read(FORM, form((f'form-data; name="{name}"', b"planted-app-secret"), (FILE, b"x")))
    assert "planted" not in f"{refused.value} {refused.value.detail}"


@pytest.mark.parametrize("content_type", ["image/png", FORM])
def test_the_largest_file_is_taken_and_a_byte_more_is_not(content_type: str) -> None:
    def body(size: int) -> bytes:
        return form((FILE, b"x" * size)) if content_type == FORM else b"x" * size

    assert len(read(content_type, *pieces(body(LIMIT), 100))) == LIMIT
    with pytest.raises(AvatarTooLarge):
        read(content_type, *pieces(body(LIMIT + 1), 100))


@pytest.mark.parametrize(
    ("content_type", "start"),
    [
        ("image/png", b""),
        (FORM, f"--sep\r\nContent-Disposition: {FILE}\r\n\r\n".encode()),
        (FORM, b'--sep\r\nContent-Disposition: form-data; name="other"\r\n\r\n'),
        (FORM, b"--sep\r\nContent-Disposition: "),
    ],
)
def test_an_endless_body_is_not_read_to_its_end(content_type: str, start: bytes) -> None:
    body = Body(start, *[b"x" * 1000] * 1000)
    with pytest.raises(Refusal) as refused:
        asyncio.run(read_upload(content_type, body, LIMIT))
    assert isinstance(refused.value, AvatarTooLarge | CallMalformed)
    assert body.taken <= (LIMIT + FORM_BYTES) // 1000 + 2


@given(st.binary(max_size=300))
def test_no_bytes_break_it(body: bytes) -> None:
    for content_type in (FORM, "multipart/form-data; boundary=\x80"):
        with contextlib.suppress(CallMalformed, ClientSentSecret):
            read(content_type, b"--sep\r\nContent-Disposition:" + body)
