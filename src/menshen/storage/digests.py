"""Keyed digests: finding a row by what must not be read in it.

There are so few IP addresses, phone numbers and six-digit codes that a plain hash of one is as good as the thing
itself. Under a key that is not in the database it tells nothing.
"""

from __future__ import annotations

import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["KeyedDigest"]


class KeyedDigest:
    """HMAC-SHA256 under a key derived from the master key (32 bytes) for one purpose."""

    def __init__(self, master_key: bytes, purpose: str) -> None:
        info = f"menshen/{purpose}".encode()
        self._key = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(master_key)

    def of(self, *parts: str) -> str:
        """64 hex digits. Parts are told apart: ("a", "bc") is another thing than ("ab", "c")."""
        # A lone surrogate may come in a JSON string; it is a text like any other here.
        texts = [part.encode("utf-8", "surrogatepass") for part in parts]
        content = b"".join(len(text).to_bytes(4, "big") + text for text in texts)
        return hmac.digest(self._key, content, "sha256").hex()
