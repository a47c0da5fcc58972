"""Key rings: JWK Sets in the data directory, one file and one purpose each.

The first key makes, every key opens or verifies, so a key can be rotated in without anybody being logged out
(``rotation.py``). A file is made at first start with OS randomness, readable by its owner only; one that others can
read is refused, because the keys in it must be taken as known. No message shows key material.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey

from menshen.errors import KeyRingInvalid
from menshen.storage.private_file import read_private

__all__ = [
    "FILES",
    "KeyRings",
    "Purpose",
    "SigningAlgorithm",
    "SigningKey",
    "SymmetricKey",
    "assertion_keys",
    "check_ring",
    "encode_ring",
    "load_key_rings",
    "new_key",
    "public_jwks",
    "refresh_keys",
    "sealed_keys",
    "session_jwks",
    "signed_keys",
]

Purpose = Literal["sealed", "signed", "refresh", "assertion"]
"""What a ring is for: states of kind ``sealed``, of kind ``signed``, refresh tokens, assertions to backends."""

SigningAlgorithm = Literal["ES256", "EdDSA"]

FILES: dict[Purpose, str] = {
    "sealed": "session-sealed.json",
    "signed": "session-signed.json",
    "refresh": "refresh.json",
    "assertion": "assertion.json",
}
"""The file of each ring in the key directory."""


@dataclass(frozen=True, slots=True)
class SymmetricKey:
    kid: str
    value: bytes

    def __repr__(self) -> str:
        return f"SymmetricKey(kid={self.kid!r})"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the one algorithm it is used with."""

    kid: str
    alg: SigningAlgorithm
    key: ECKey | OKPKey

    def __repr__(self) -> str:
        return f"SigningKey(kid={self.kid!r}, alg={self.alg!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRings:
    """The rings as JWK Set texts, as they travel to the workers. They hold private keys: never log them."""

    sealed: str
    signed: str
    refresh: str
    assertion: str

    def __repr__(self) -> str:
        return "KeyRings(***)"


def sealed_keys(rings: KeyRings) -> tuple[SymmetricKey, ...]:
    """The AES-256 keys of the ``sealed`` kind, the sealing one first. Raises ``KeyRingInvalid``."""
    return _symmetric(rings.sealed, FILES["sealed"])


def refresh_keys(rings: KeyRings) -> tuple[SymmetricKey, ...]:
    """The AES-256 keys of refresh tokens, the sealing one first. Raises ``KeyRingInvalid``."""
    return _symmetric(rings.refresh, FILES["refresh"])


def signed_keys(rings: KeyRings) -> tuple[SigningKey, ...]:
    """The keys of the ``signed`` kind, P-256 or Ed25519, the signing one first. Raises ``KeyRingInvalid``."""
    name = FILES["signed"]
    keys = []
    for key in _key_set(rings.signed, name).keys:
        if isinstance(key, ECKey) and key.kid and key.is_private and key.curve_name == "P-256":
            keys.append(SigningKey(key.kid, "ES256", key))
        elif isinstance(key, OKPKey) and key.kid and key.is_private and key.curve_name == "Ed25519":
            keys.append(SigningKey(key.kid, "EdDSA", key))
        else:
            raise KeyRingInvalid(f"{name}: every key must be a private P-256 or Ed25519 key with a kid")
    return tuple(keys)


def assertion_keys(rings: KeyRings) -> tuple[ECKey, ...]:
    """The P-256 keys that sign assertions, the signing one first. Raises ``KeyRingInvalid``."""
    name = FILES["assertion"]
    keys = []
    for key in _key_set(rings.assertion, name).keys:
        if not isinstance(key, ECKey) or not key.kid or not key.is_private or key.curve_name != "P-256":
            raise KeyRingInvalid(f"{name}: every key must be a private P-256 key with a kid")
        keys.append(key)
    return tuple(keys)


def public_jwks(rings: KeyRings) -> dict[str, Any]:
    """The public halves of the assertion keys, for ``/.well-known/jwks.json``."""
    return _public((key, "ES256") for key in assertion_keys(rings))


def session_jwks(rings: KeyRings) -> dict[str, Any]:
    """The public halves of the keys of the ``signed`` kind, for Envoy."""
    return _public((key.key, key.alg) for key in signed_keys(rings))


def load_key_rings(directory: Path, clock: Callable[[], float] = time.time) -> KeyRings:
    """The rings of a data directory, made where there are none. Raises ``KeyRingInvalid``."""

    def text(purpose: Purpose) -> str:
        return read_private(directory / FILES[purpose], lambda: encode_ring([new_key(purpose, clock())]))

    rings = KeyRings(sealed=text("sealed"), signed=text("signed"), refresh=text("refresh"), assertion=text("assertion"))
    for purpose in FILES:
        check_ring(purpose, getattr(rings, purpose))
    return rings


def check_ring(purpose: Purpose, text: str) -> None:
    """Raises ``KeyRingInvalid`` where a text is not a ring for this purpose."""
    only = KeyRings(sealed=text, signed=text, refresh=text, assertion=text)
    match purpose:
        case "sealed":
            sealed_keys(only)
        case "signed":
            signed_keys(only)
        case "refresh":
            refresh_keys(only)
        case "assertion":
            assertion_keys(only)


def new_key(purpose: Purpose, now: float, algorithm: SigningAlgorithm = "ES256") -> dict[str, Any]:
    """A new private JWK; ``iat`` holds when it was made (Unix seconds)."""
    key: OctKey | ECKey | OKPKey
    if purpose in ("sealed", "refresh"):
        key = OctKey.generate_key(256)
    elif purpose == "signed" and algorithm == "EdDSA":
        key = OKPKey.generate_key("Ed25519")
    else:
        key = ECKey.generate_key("P-256")
    members: dict[str, Any] = key.as_dict(private=True)
    return members | {"kid": os.urandom(6).hex(), "iat": int(now)}


def encode_ring(keys: Iterable[dict[str, Any]]) -> bytes:
    return msgspec.json.format(msgspec.json.encode({"keys": list(keys)}))


def _symmetric(text: str, name: str) -> tuple[SymmetricKey, ...]:
    keys = []
    for key in _key_set(text, name).keys:
        if not isinstance(key, OctKey) or not key.kid or len(key.raw_value) != 32:
            raise KeyRingInvalid(f"{name}: every key must be a 256-bit oct key with a kid")
        keys.append(SymmetricKey(key.kid, key.raw_value))
    return tuple(keys)


def _public(keys: Iterable[tuple[ECKey | OKPKey, str]]) -> dict[str, Any]:
    published = []
    for key, alg in keys:
        members: dict[str, Any] = key.as_dict(private=False)
        public = {name: members[name] for name in ("kty", "crv", "x", "y", "kid") if name in members}
        published.append(public | {"use": "sig", "alg": alg})
    return {"keys": published}


def _key_set(text: str, name: str) -> KeySet:
    try:
        written = msgspec.json.decode(text)
        keys = KeySet.import_key_set(written)
        kids = [key.get("kid") for key in written["keys"]]
    except Exception as error:  # noqa: BLE001 - joserfc raises many kinds; none may show key material
        raise KeyRingInvalid(f"{name}: not a JWK Set ({type(error).__name__})") from None
    if not keys.keys:
        raise KeyRingInvalid(f"{name}: no key in it")
    # joserfc would give a key without one its thumbprint, which for a symmetric key is a hash of the secret.
    if not all(isinstance(kid, str) and kid for kid in kids):
        raise KeyRingInvalid(f"{name}: a key without a kid")
    if len(set(kids)) != len(kids):
        raise KeyRingInvalid(f"{name}: two keys with one kid")
    return keys
