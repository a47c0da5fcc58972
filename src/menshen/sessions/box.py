"""Sealed boxes: values that a client holds and cannot read or change.

JWE compact, ``dir`` with A256GCM (RFC 7516, RFC 7518 5.3). The protected header is one of the few byte strings that
this key ring itself writes, so it is looked up, not parsed: ``alg``, ``enc``, ``zip``, ``crit`` or an embedded key in
a client's header are never read (attack class 22). The sealed text is decoded strictly; another spelling of the same
bytes is a forgery, so that no bit of a box can change and still be taken (attack class 20).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Generic, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from menshen.errors import SessionInvalid
from menshen.sessions import base64url
from menshen.sessions.claims import RandomBytes
from menshen.sessions.keys import SymmetricKey

__all__ = ["MAX_BYTES", "Box"]

MAX_BYTES = 2048
"""A longer text is refused unread, and never made."""

_TAG = 16
_KEPT = 4096
_encode_json = msgspec.json.Encoder().encode

T = TypeVar("T")


class Box(Generic[T]):
    """Seals values of one type with the first key, opens with any key of the ring.

    ``open`` gives the value in a text and raises ``SessionInvalid`` for anything this ring did not make, whatever is
    wrong with it. ``kept`` opened texts are remembered: 0 where a text is not expected twice. ``write`` makes a value's
    JSON.
    """

    open: Callable[[bytes], T]

    def __init__(
        self,
        keys: Iterable[SymmetricKey],
        random: RandomBytes,
        type_: type[T],
        *,
        kept: int = _KEPT,
        write: Callable[[T], bytes] = _encode_json,
    ) -> None:
        self._random = random
        self._write = write
        self._ciphers: dict[bytes, AESGCM] = {}
        for key in keys:
            header = msgspec.json.encode({"alg": "dir", "enc": "A256GCM", "kid": key.kid})
            self._ciphers[base64url.encode(header)] = AESGCM(key.value)
        if not self._ciphers:
            raise ValueError("a key ring needs a key")
        self._header, self._cipher = next(iter(self._ciphers.items()))
        # A page of a mini program sends one state many times in a second. What is kept is the opened text, never a
        # verdict: time, app and revocation are looked at on every request. A forged text raises and is not kept.
        # Nothing in it refers to the box, so a box that is given up is freed without a collector.
        self.open = lru_cache(kept)(partial(_open, self._ciphers, msgspec.json.Decoder(type_).decode))

    def seal(self, value: T) -> str:
        """The text for a value. The nonce is random: 2^32 texts a key stay far from a collision.

        Raises ``ValueError`` for a value whose text would be too long to be opened.
        """
        nonce = self._random(12)
        sealed = self._cipher.encrypt(nonce, self._write(value), self._header)
        parts = (nonce, sealed[:-_TAG], sealed[-_TAG:])
        text = b".".join((self._header, b"", *map(base64url.encode, parts)))
        if len(text) > MAX_BYTES:
            raise ValueError(f"{len(text)} bytes sealed, {MAX_BYTES} at most")
        return text.decode()


def _open(ciphers: Mapping[bytes, AESGCM], decode: Callable[[bytes], T], text: bytes) -> T:
    if len(text) > MAX_BYTES:
        raise SessionInvalid("oversized")
    try:
        header, empty, nonce, sealed, tag = text.split(b".")
        cipher = ciphers[header]
        if empty:
            raise SessionInvalid("an encrypted key where there is none")
        parts = base64url.decode(sealed) + base64url.decode(tag)
        return decode(cipher.decrypt(base64url.decode(nonce), parts, header))
    except (ValueError, KeyError, InvalidTag, msgspec.MsgspecError):
        raise SessionInvalid("not sealed by this key ring") from None
