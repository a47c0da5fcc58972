"""A file in a request's body: its bare bytes, or the one ``file`` of a multipart form, as ``wx.uploadFile`` sends it.

The body is read as it comes and never more of it than the limit allows, whatever its length says. Neither the file's
name nor its type is taken from the client: nobody here asks for them.
"""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from menshen.errors import AvatarTooLarge, CallMalformed, ClientSentSecret
from menshen.gateway.wire import SECRET_HEADERS

__all__ = ["FORM_BYTES", "read_upload"]

FORM_BYTES: Final = 16_384
"""What a form may hold around its file: boundaries, headers, other fields. They are read over."""

_FIELD = b"file"
_SECRETS = frozenset(name.encode() for name in SECRET_HEADERS)


async def read_upload(content_type: str, body: AsyncIterable[bytes], most_bytes: int) -> bytes:
    """The file. Raises ``AvatarTooLarge``, ``CallMalformed`` or ``ClientSentSecret``, without reading on."""
    kind, options = parse_options_header(content_type)
    if kind == b"multipart/form-data":
        return await _from_form(options.get(b"boundary", b""), body, most_bytes)
    if kind.startswith(b"image/") or kind == b"application/octet-stream":
        file = bytearray()
        async for chunk in body:
            _add(file, chunk, most_bytes)
        return bytes(file)
    raise CallMalformed("neither an image nor a form")


async def _from_form(boundary: bytes, body: AsyncIterable[bytes], most_bytes: int) -> bytes:
    form = _Form(most_bytes)
    size = 0
    try:
        parser = MultipartParser(boundary, form.callbacks())  # type: ignore[arg-type]
        async for chunk in body:
            size += len(chunk)
            if size > most_bytes + FORM_BYTES:
                raise AvatarTooLarge("a form over the limit")
            parser.write(chunk)
    except (FormParserError, ValueError):
        raise CallMalformed("not a form") from None
    if not form.ended or form.file is None:
        raise CallMalformed("a form without a whole file in it")
    return bytes(form.file)


class _Form:
    """What has been read of a form so far. ``file`` is None until its part has begun."""

    def __init__(self, most_bytes: int) -> None:
        self.file: bytearray | None = None
        self.ended = False
        self._most_bytes = most_bytes
        self._in_file = False
        self._name = bytearray()
        self._value = bytearray()
        self._disposition = b""

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._part_begins,
            "on_header_begin": self._header_begins,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header_ends,
            "on_headers_finished": self._content_begins,
            "on_part_data": self._content,
            "on_end": self._ends,
        }

    def _part_begins(self) -> None:
        self._in_file = False
        self._disposition = b""

    def _header_begins(self) -> None:
        self._name.clear()
        self._value.clear()

    def _header_ends(self) -> None:
        if bytes(self._name).lower() == b"content-disposition":
            if self._disposition:
                raise CallMalformed("a part with two dispositions")
            self._disposition = bytes(self._value)

    def _content_begins(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"")
        if name.lower() in _SECRETS:
            raise ClientSentSecret("in a form")
        if name == _FIELD:
            if self.file is not None:
                raise CallMalformed("a form with two files")
            self.file = bytearray()
            self._in_file = True

    def _content(self, data: bytes, start: int, end: int) -> None:
        if self._in_file and self.file is not None:
            _add(self.file, data[start:end], self._most_bytes)

    def _ends(self) -> None:
        self.ended = True


def _add(file: bytearray, chunk: bytes, most_bytes: int) -> None:
    if len(file) + len(chunk) > most_bytes:
        raise AvatarTooLarge(f"over {most_bytes} bytes")
    file += chunk
