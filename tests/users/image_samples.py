"""The smallest true images of every type, made by hand: a pixel's worth, and any size in their heads."""

from __future__ import annotations

import struct
import zlib

PNG_END = b"\0\0\0\0IEND\xaeB`\x82"


def png(width: int = 1, height: int = 1) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", zlib.compress(b"\0\0")) + PNG_END


def gif(width: int = 1, height: int = 1) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return head + b",\0\0\0\0\1\0\1\0\0\2\2\x44\1\0;"


def jpeg(width: int = 1, height: int = 1, before: bytes = b"", frame: int = 0xC0) -> bytes:
    start = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
    sizes = struct.pack(">BHH", 8, height, width)
    return start + before + b"\xff" + bytes([frame]) + b"\0\x0b" + sizes + b"\1\1\x11\0" + b"\xff\xd9"


def webp(width: int = 1, height: int = 1, kind: bytes = b"VP8 ") -> bytes:
    if kind == b"VP8 ":
        data = b"\x30\1\0\x9d\1\x2a" + struct.pack("<HH", width, height)
    elif kind == b"VP8L":
        data = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14)
    else:
        data = b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff((kind, data))


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    content = b"WEBP"
    for kind, data in chunks:
        content += kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def segment(marker: int, data: bytes) -> bytes:
    """Of a JPEG."""
    return b"\xff" + bytes([marker]) + struct.pack(">H", 2 + len(data)) + data


def exif(orientation: int, order: str = "<") -> bytes:
    """A camera's: how it was held, a note, and where it was."""
    head = b"II*\0" if order == "<" else b"MM\0*"
    note = struct.pack(f"{order}HHI4s", 0x010F, 2, 4, b"PLAN")
    turned = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    gps = struct.pack(f"{order}HHII", 0x8825, 4, 1, 99)
    tiff = head + struct.pack(f"{order}IH", 8, 3) + note + turned + gps + bytes(4) + b"planted-gps-position"
    return segment(0xE1, b"Exif\0\0" + tiff)
