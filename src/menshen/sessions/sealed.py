"""Login states of kind ``sealed``: JWE compact, ``dir`` with A256GCM (RFC 7516, RFC 7518 5.3).

The protected header is one of the few byte strings that this key ring itself writes, so it is looked up, not parsed:
``alg``, ``enc``, ``zip``, ``crit`` or an embedded key in a client's header are never read (attack class 22). The
sealed text is decoded strictly; another spelling of the same bytes is a forgery, so that no bit of a state can change
and still be taken (attack class 20).
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Mapping
from functools import lru_cache, partial

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from menshen.errors import SessionExpired, SessionInvalid
from menshen.sessions.claims import RandomBytes, SessionClaims
from menshen.sessions.keys import SymmetricKey

__all__ = ["MAX_STATE_BYTES", "SealedSessions"]

MAX_STATE_BYTES = 1024
"""A longer text is refused unread. A WeChat identity takes under 512 bytes."""

_TAG = 16
_KEPT = 4096
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_PADDING = (b"", b"===", b"==", b"=")  # by the length modulo 4
_decode_claims = msgspec.json.Decoder(SessionClaims).decode
_encode_claims = msgspec.json.Encoder().encode


def _b64(data: bytes) -> bytes:
    return b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=")


def _unb64(text: bytes) -> bytes:
    data = a2b_base64(text.translate(_FROM_URL) + _PADDING[len(text) % 4])
    if _b64(data) != text:
        raise ValueError
    return data


class SealedSessions:
    """Seals with the first key, opens with any key of the ring."""

    def __init__(self, keys: Iterable[SymmetricKey], random: RandomBytes) -> None:
        self._random = random
        self._ciphers: dict[bytes, AESGCM] = {}
        for key in keys:
            header = msgspec.json.encode({"alg": "dir", "enc": "A256GCM", "kid": key.kid})
            self._ciphers[_b64(header)] = AESGCM(key.value)
        if not self._ciphers:
            raise ValueError("a key ring needs a key")
        self._header, self._cipher = next(iter(self._ciphers.items()))
        # A page of a mini program sends one state many times in a second. What is kept is the opened text, never a
        # verdict: time, app and revocation are looked at on every request. A forged text raises and is not kept.
        self._unsealed = lru_cache(_KEPT)(partial(_unseal, self._ciphers))

    def mint(self, claims: SessionClaims) -> str:
        """The login state for these claims. The nonce is random: 2^32 states a key stay far from a collision."""
        nonce = self._random(12)
        sealed = self._cipher.encrypt(nonce, _encode_claims(claims), self._header)
        parts = (self._header, b"", _b64(nonce), _b64(sealed[:-_TAG]), _b64(sealed[-_TAG:]))
        return b".".join(parts).decode()

    def open(self, state: bytes, now: float) -> SessionClaims:
        """The claims of a login state.

        Raises ``SessionInvalid`` for anything this ring did not make, whatever is wrong with it, and ``SessionExpired``
        for a genuine state that is too old (``now`` in Unix seconds).
        """
        claims = self._unsealed(state)
        if now >= claims.exp:
            raise SessionExpired
        return claims


def _unseal(ciphers: Mapping[bytes, AESGCM], state: bytes) -> SessionClaims:
    if len(state) > MAX_STATE_BYTES:
        raise SessionInvalid("oversized")
    try:
        header, empty, nonce, sealed, tag = state.split(b".")
        cipher = ciphers[header]
        if empty:
            raise SessionInvalid("an encrypted key where there is none")
        return _decode_claims(cipher.decrypt(_unb64(nonce), _unb64(sealed) + _unb64(tag), header))
    except (ValueError, KeyError, InvalidTag, msgspec.MsgspecError):
        raise SessionInvalid("not sealed by this key ring") from None
