"""An image without what it says beside its pixels: where it was taken, with what, by whom, and what hangs on its end.

Photographs carry GPS positions, and phones append whole videos to them; an avatar is shown to strangers. Nothing is
drawn anew: parts that are not needed to draw are left out. How a photograph is turned stays in it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import Final

from menshen.users.images import ImageType

__all__ = ["ImageBroken", "without_metadata"]

_MOST_PARTS = 20_000
"""Of a file. True images have some hundreds; more would only take our time."""

_png_drawn = re.compile(rb"IHDR|PLTE|IDAT|IEND|tRNS|cHRM|gAMA|iCCP|sBIT|sRGB|cICP|acTL|fcTL|fdAT").fullmatch
_WEBP_DRAWN = frozenset([b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L"])
_WEBP_EXIF_AND_XMP = 0x0C
_GIF_LOOPS = (b"\x0bNETSCAPE2.0", b"\x0bANIMEXTS1.0")

_APP0, _APP1, _APP2, _APP14, _APP15, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_after_scan = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]").search
"""Within a scan, 0xFF is stuffed with 0, and restart markers belong to it."""

_ORIENTATION: Final = 0x0112


class ImageBroken(ValueError):
    """The file does not have the structure that its head promises."""


def without_metadata(kind: ImageType, content: bytes) -> bytes:
    """The same image of this type. Raises ``ImageBroken``."""
    try:
        return b"".join(_PARTS[kind](content))
    except (IndexError, struct.error):
        raise ImageBroken("it ends in the middle of a part") from None


def _png(content: bytes) -> Iterator[bytes]:
    yield content[:8]
    at, kind = 8, b""
    for _ in range(_MOST_PARTS):
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if end > len(content):
            raise ImageBroken("a chunk beyond the end")
        if _png_drawn(kind):
            yield content[at:end]
        if kind == b"IEND":
            return
        at = end
    raise ImageBroken("too many chunks")


def _webp(content: bytes) -> Iterator[bytes]:
    (size,) = struct.unpack_from("<I", content, 4)
    if 8 + size > len(content):
        raise ImageBroken("shorter than it says")
    kept = b"".join(_webp_chunks(content, 8 + size))
    yield b"RIFF" + struct.pack("<I", 4 + len(kept)) + b"WEBP" + kept


def _webp_chunks(content: bytes, end: int) -> Iterator[bytes]:
    at = 12
    for _ in range(_MOST_PARTS):
        if at >= end:
            return
        kind, length = struct.unpack_from("<4sI", content, at)
        chunk = content[at : at + 8 + length + length % 2]
        if at + 8 + length > end:
            raise ImageBroken("a chunk beyond the end")
        if kind == b"VP8X":
            chunk = chunk[:8] + bytes([chunk[8] & ~_WEBP_EXIF_AND_XMP]) + chunk[9:]
        if kind in _WEBP_DRAWN:
            yield chunk + b"\0" * (len(chunk) % 2)
        at += len(chunk)
    raise ImageBroken("too many chunks")


def _gif(content: bytes) -> Iterator[bytes]:
    at = 13 + _colours(content[10])
    yield content[:at]
    for _ in range(_MOST_PARTS):
        match content[at]:
            case 0x3B:
                yield b";"
                return
            case 0x2C:
                end = _gif_blocks(content, at + 11 + _colours(content[at + 9]))
                yield content[at:end]
            case 0x21:
                end = _gif_blocks(content, at + 2)
                drawn = content[at + 1] == 0xF9 or content.startswith(_GIF_LOOPS, at + 2)
                if drawn:
                    yield content[at:end]
            case _:
                raise ImageBroken("neither an image nor an extension")
        at = end
    raise ImageBroken("too many blocks")


def _colours(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _gif_blocks(content: bytes, at: int) -> int:
    """Where the run of blocks that begins here ends."""
    while length := content[at]:
        at += 1 + length
    return at + 1


def _jpeg(content: bytes) -> Iterator[bytes]:
    yield content[:2]
    at = 2
    for _ in range(_MOST_PARTS):
        while content[at] == 0xFF == content[at + 1]:
            at += 1
        marker = content[at + 1]
        if content[at] != 0xFF:
            raise ImageBroken("no marker where one belongs")
        if marker == _END_OF_IMAGE:
            yield content[at : at + 2]
            return
        (length,) = struct.unpack_from(">H", content, at + 2)
        end = at + 2 + length
        if length < 2 or end > len(content):
            raise ImageBroken("a segment beyond the end")
        if marker == _START_OF_SCAN:
            after = _after_scan(content, end)
            if after is None:
                raise ImageBroken("a scan without an end")
            end = after.start()
        yield _jpeg_kept(marker, content[at:end])
        at = end
    raise ImageBroken("too many segments")


def _jpeg_kept(marker: int, segment: bytes) -> bytes:
    """The segment, or what of it is needed to draw."""
    if marker == _APP1:
        return _turned(segment)
    if marker == _APP2:
        return segment if segment[4:].startswith(b"ICC_PROFILE\0") else b""
    if marker in (_APP0, _APP14):
        return segment
    return b"" if _APP0 < marker <= _APP15 or marker == _COMMENT else segment


def _turned(segment: bytes) -> bytes:
    """An Exif segment that says how the photograph is turned, and nothing else; empty where it is upright."""
    try:
        turned = _orientation(segment)
    except struct.error:
        turned = 1
    if not 2 <= turned <= 8:
        return b""
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, _ORIENTATION, 3, 1, turned, 0, 0)
    return b"\xff\xe1" + struct.pack(">H", 8 + len(tiff)) + b"Exif\0\0" + tiff


def _orientation(segment: bytes) -> int:
    tiff = segment[10:]
    order = {b"MM\0*": ">", b"II*\0": "<"}.get(tiff[:4])
    if order is None or segment[4:10] != b"Exif\0\0":
        return 1
    (first,) = struct.unpack_from(f"{order}I", tiff, 4)
    (entries,) = struct.unpack_from(f"{order}H", tiff, first)
    for number in range(min(entries, 200)):
        tag, kind, count, value = struct.unpack_from(f"{order}HHIH", tiff, first + 2 + 12 * number)
        if (tag, kind, count) == (_ORIENTATION, 3, 1):
            return int(value)
    return 1


_PARTS: Final[dict[ImageType, Callable[[bytes], Iterator[bytes]]]] = {
    "image/png": _png,
    "image/webp": _webp,
    "image/gif": _gif,
    "image/jpeg": _jpeg,
}
