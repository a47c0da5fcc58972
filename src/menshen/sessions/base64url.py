"""base64url without padding (RFC 7515 2), one spelling only.

The last letter of a text has bits that say nothing, and lenient decoders skip letters they do not know. Both make
several texts of the same bytes; here every other spelling is an error (attack class 20).
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64

__all__ = ["decode", "encode"]

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_PADDING = (b"", b"===", b"==", b"=")  # by the length modulo 4


def encode(data: bytes) -> bytes:
    return b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=")


def decode(text: bytes) -> bytes:
    """Raises ``ValueError`` for any text that ``encode`` would not have written."""
    data = a2b_base64(text.translate(_FROM_URL) + _PADDING[len(text) % 4])
    if encode(data) != text:
        raise ValueError
    return data
