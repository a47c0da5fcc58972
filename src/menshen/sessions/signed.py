"""Login states of kind ``signed``: a JWT (RFC 7519) that Envoy checks without asking us, and that the client can read.

JWS compact (RFC 7515), ES256 or EdDSA (Ed25519). As with sealed states, the protected header is one of the byte
strings that this ring itself writes, looked up and not parsed: a client's ``alg``, ``jwk``, ``jku``, ``x5u`` or
``crit`` are never read, and a key is only ever used with its own algorithm (attack class 22). There is one spelling of
a state: base64url is decoded strictly, and of the two ECDSA signatures that say the same only the one with the smaller
``s`` is made and taken (attack class 20).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from menshen.errors import SessionExpired, SessionInvalid
from menshen.sessions import base64url
from menshen.sessions.claims import SessionClaims
from menshen.sessions.keys import SigningKey

__all__ = ["ISSUER", "MAX_STATE_BYTES", "SignedSessions", "audience"]

ISSUER = "menshen/session"
"""Not the assertion's issuer: one is never taken for the other (attack class 23)."""

MAX_STATE_BYTES = 2048
"""A longer text is refused unread, by Envoy too, and never made."""

_KEPT = 4096
_CLAIM = "c_"
"""A user's own claims are flat, for Envoy puts top-level claims into headers; the prefix keeps them off our names."""

_TAG = "t_"

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256. ``s`` and ``_ORDER - s`` are the same signature."""

_Sign = Callable[[bytes], bytes]
_Verify = Callable[[bytes, bytes], None]
"""Signature and data; raises ``InvalidSignature``."""

_encode_json = msgspec.json.Encoder().encode
_decode_json = msgspec.json.Decoder(dict[str, Any]).decode


class _Payload(msgspec.Struct, frozen=True):
    iss: str
    aud: str
    sub: str
    sid: str
    platform: str
    appid: str
    iat: int
    exp: int
    auth: int
    end: int
    life: int
    openid: str = ""
    unionid: str = ""
    account: str = ""


def audience(platform: str, appid: str) -> str:
    """The ``aud`` of an app's states: Envoy compares it, so that a state is nothing at another app's door."""
    return f"{platform}/{appid}"


class SignedSessions:
    """Signs with the first key of the ring, verifies with any."""

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        if not keys:
            raise ValueError("a key ring needs a key")
        verifiers = {_header(key): _verifier(key) for key in keys}
        self._header = _header(keys[0])
        self._sign = _signer(keys[0])
        # As in Box: what is kept is a verified text, never a verdict, and nothing in it refers to this object.
        self._verified = lru_cache(_KEPT)(partial(_open, verifiers))

    def mint(self, claims: SessionClaims, *, disclose: Collection[str], renew_at: int, app: str) -> str:
        """The login state for these claims.

        The client can read it: ``openid``, ``unionid`` and ``account`` are in it only where ``disclose`` names them.
        ``renew_at`` is when Envoy must begin to ask for a new state (Unix seconds, 0: never); ``app`` is the app's
        name.
        Raises ``ValueError`` where the state would be too long.
        """
        payload: dict[str, str | int] = {
            "iss": ISSUER,
            "aud": audience(claims.platform, claims.appid),
            "sub": claims.sub,
            "sid": claims.sid,
            "app": app,
            "platform": claims.platform,
            "appid": claims.appid,
            "iat": claims.iat,
            "exp": claims.exp,
            "auth": claims.auth,
            "end": claims.end,
            "life": claims.life,
        }
        if "openid" in disclose:
            payload["openid"] = claims.openid
        if "unionid" in disclose and claims.unionid:
            payload["unionid"] = claims.unionid
        if "account" in disclose and claims.account:
            payload["account"] = claims.account
        if renew_at:
            payload["rnw"] = renew_at
        for name, value in claims.claims.items():
            payload[_CLAIM + name] = value
        for name, value in claims.tags.items():
            payload[_TAG + name] = value
        signed = self._header + b"." + base64url.encode(_encode_json(payload))
        state = signed + b"." + base64url.encode(self._sign(signed))
        if len(state) > MAX_STATE_BYTES:
            raise ValueError(f"{len(state)} bytes signed, {MAX_STATE_BYTES} at most")
        return state.decode()

    def open(self, state: bytes, now: float) -> SessionClaims:
        """The claims of a login state; ``openid``, ``unionid`` and ``account`` are "" where it does not disclose them.

        Raises ``SessionInvalid`` for anything this ring did not make, whatever is wrong with it, and ``SessionExpired``
        for a genuine state that is too old (``now`` in Unix seconds). As with sealed states an ``iat`` in the future
        is no reason to refuse.
        """
        claims = self._verified(state)
        if now >= claims.exp:
            raise SessionExpired
        return claims


def _open(verifiers: Mapping[bytes, _Verify], state: bytes) -> SessionClaims:
    if len(state) > MAX_STATE_BYTES:
        raise SessionInvalid("oversized")
    try:
        header, encoded, signature = state.split(b".")
        verify = verifiers[header]
        verify(base64url.decode(signature), state[: len(header) + 1 + len(encoded)])
        return _claims(_decode_json(base64url.decode(encoded)))
    except (ValueError, KeyError, InvalidSignature, msgspec.MsgspecError):
        raise SessionInvalid("not signed by this key ring") from None


def _claims(members: dict[str, Any]) -> SessionClaims:
    payload = msgspec.convert(members, _Payload)
    # The same key might once sign something else: what is not a login state is none (attack class 23).
    if payload.iss != ISSUER or payload.aud != audience(payload.platform, payload.appid):
        raise ValueError
    return SessionClaims(
        sub=payload.sub,
        sid=payload.sid,
        platform=payload.platform,
        appid=payload.appid,
        openid=payload.openid,
        unionid=payload.unionid,
        iat=payload.iat,
        exp=payload.exp,
        auth=payload.auth,
        end=payload.end,
        life=payload.life,
        claims=_named(members, _CLAIM),
        account=payload.account,
        tags=_named(members, _TAG),
    )


def _named(members: Mapping[str, Any], prefix: str) -> dict[str, str]:
    named = {name.removeprefix(prefix): value for name, value in members.items() if name.startswith(prefix)}
    return msgspec.convert(named, dict[str, str])


def _header(key: SigningKey) -> bytes:
    return base64url.encode(msgspec.json.encode({"alg": key.alg, "kid": key.kid, "typ": "JWT"}))


def _signer(key: SigningKey) -> _Sign:
    private = key.key.private_key
    if isinstance(private, EllipticCurvePrivateKey):
        return partial(_sign_es256, private)
    if isinstance(private, Ed25519PrivateKey):
        return private.sign
    raise ValueError(f"key {key.kid} cannot sign")


def _verifier(key: SigningKey) -> _Verify:
    public = key.key.public_key
    if isinstance(public, EllipticCurvePublicKey):
        return partial(_verify_es256, public)
    if isinstance(public, Ed25519PublicKey):
        return public.verify
    raise ValueError(f"key {key.kid} cannot verify")


def _sign_es256(key: EllipticCurvePrivateKey, data: bytes) -> bytes:
    """``r || s``, 32 bytes each (RFC 7518 3.4).

    Two signatures with one nonce give the key away (attack class 30). OpenSSL mixes the key and the data into the
    random nonce, so that not even a broken source of randomness repeats one for another text.
    """
    r, s = decode_dss_signature(key.sign(data, ECDSA(SHA256())))
    return r.to_bytes(32, "big") + min(s, _ORDER - s).to_bytes(32, "big")


def _verify_es256(key: EllipticCurvePublicKey, signature: bytes, data: bytes) -> None:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if len(signature) != 64 or s > _ORDER // 2:
        raise InvalidSignature
    key.verify(encode_dss_signature(r, s), data, ECDSA(SHA256()))
