"""What is handed out to be shown again: cookies, API tokens, the set-up token. 256 random bits each.

Only SHA-256 of it is kept. It needs no salt and no slow hash: nobody guesses 256 bits, and a digest that was read in a
backup opens nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Final

from menshen.secret import Secret

__all__ = ["TOKEN_PREFIX", "digest_of", "made", "same"]

TOKEN_PREFIX: Final = "mst_"  # noqa: S105  (what scanners of leaked secrets look for)

_BYTES = 32


def made(random: Callable[[int], bytes], prefix: str = "") -> Secret:
    """A new one: ``prefix`` and 43 characters of URL-safe Base64. ``random`` is OS randomness."""
    return Secret(prefix + base64.urlsafe_b64encode(random(_BYTES)).rstrip(b"=").decode())


def digest_of(text: str) -> str:
    """64 hex digits, whatever the text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def same(digest: str, text: str) -> bool:
    """Whether it is the text of the digest, in constant time."""
    return hmac.compare_digest(digest, digest_of(text))
