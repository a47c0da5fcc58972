"""What an image file is, by its content: never by its name or by what the client says of it (stored XSS).

Only as much is read as tells the type and the size in pixels. A file may be an image and something else as well; it is
served as the image that it was found to be, in a sandbox, so that the rest of it never runs.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["EXTENSIONS", "Image", "ImageType", "image_of"]

ImageType = Literal["image/png", "image/jpeg", "image/gif", "image/webp"]

EXTENSIONS: Final[dict[ImageType, str]] = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
}

_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
_MOST_SEGMENTS = 512
"""Before a JPEG's frame. Millions of them, or of bytes that pad them, would only take our time."""


@dataclass(frozen=True, slots=True)
class Image:
    """``width`` and ``height`` in pixels, as the file's head declares them."""

    type: ImageType
    width: int
    height: int


def image_of(data: bytes) -> Image | None:
    """None for what is no PNG, JPEG, GIF or WebP, or has no pixels."""
    try:
        image = _png(data) or _gif(data) or _webp(data) or _jpeg(data)
    except (struct.error, IndexError):  # it ends within its head
        return None
    return image if image is not None and image.width and image.height else None


def _png(data: bytes) -> Image | None:
    if not data.startswith(b"\x89PNG\r\n\x1a\n") or data[12:16] != b"IHDR":
        return None
    return Image("image/png", *struct.unpack_from(">II", data, 16))


def _gif(data: bytes) -> Image | None:
    if not data.startswith((b"GIF87a", b"GIF89a")):
        return None
    return Image("image/gif", *struct.unpack_from("<HH", data, 6))


def _webp(data: bytes) -> Image | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    match data[12:16]:
        case b"VP8 " if data[23:26] == b"\x9d\x01\x2a":
            width, height = struct.unpack_from("<HH", data, 26)
            return Image("image/webp", width & 0x3FFF, height & 0x3FFF)
        case b"VP8L" if data[20] == 0x2F:
            (bits,) = struct.unpack_from("<I", data, 21)
            return Image("image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        case b"VP8X":
            low_width, high_width, low_height, high_height = struct.unpack_from("<HBHB", data, 24)
            return Image("image/webp", (high_width << 16 | low_width) + 1, (high_height << 16 | low_height) + 1)
    return None


def _jpeg(data: bytes) -> Image | None:
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    at = 2
    for _ in range(_MOST_SEGMENTS):
        marker = data[at + 1]
        if data[at] != 0xFF:
            return None
        if marker == 0xFF or marker in _JPEG_BARE:  # padding, or a marker without a length
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return Image("image/jpeg", width, height)
        (length,) = struct.unpack_from(">H", data, at + 2)
        if length < 2 or marker in (0xD9, 0xDA):  # a scan without a frame before it
            return None
        at += 2 + length
    return None
