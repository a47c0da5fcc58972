"""Key rings: JWK Sets in the data directory, one file and one purpose each.

The first key makes, every key opens or verifies, so a key can be rotated in without anybody being logged out. A file
is made at first start with OS randomness, readable by its owner only; one that others can read is refused, because the
keys in it must be taken as known.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from joserfc.jwk import ECKey, KeySet, OctKey

from menshen.errors import KeyRingInvalid
from menshen.storage.private_file import read_private

__all__ = ["KeyRings", "SymmetricKey", "assertion_keys", "load_key_rings", "public_jwks", "sealed_keys"]

_SEALED = "session-sealed.json"
_ASSERTION = "assertion.json"


@dataclass(frozen=True, slots=True)
class SymmetricKey:
    kid: str
    value: bytes

    def __repr__(self) -> str:
        return f"SymmetricKey(kid={self.kid!r})"


@dataclass(frozen=True, slots=True)
class KeyRings:
    """The rings as JWK Set texts, as they travel to the workers. They hold private keys: never log them."""

    sealed: str
    assertion: str

    def __repr__(self) -> str:
        return "KeyRings(***)"


def sealed_keys(rings: KeyRings) -> tuple[SymmetricKey, ...]:
    """The AES-256 keys of the ``sealed`` kind, the sealing one first. Raises ``KeyRingInvalid``."""
    keys = []
    for key in _key_set(rings.sealed, _SEALED).keys:
        if not isinstance(key, OctKey) or not key.kid or len(key.raw_value) != 32:
            raise KeyRingInvalid(f"{_SEALED}: every key must be a 256-bit oct key with a kid")
        keys.append(SymmetricKey(key.kid, key.raw_value))
    return tuple(keys)


def assertion_keys(rings: KeyRings) -> tuple[ECKey, ...]:
    """The P-256 keys that sign assertions, the signing one first. Raises ``KeyRingInvalid``."""
    keys = []
    for key in _key_set(rings.assertion, _ASSERTION).keys:
        if not isinstance(key, ECKey) or not key.kid or not key.is_private or key.curve_name != "P-256":
            raise KeyRingInvalid(f"{_ASSERTION}: every key must be a private P-256 key with a kid")
        keys.append(key)
    return tuple(keys)


def public_jwks(rings: KeyRings) -> dict[str, Any]:
    """The public halves of the assertion keys, for ``/.well-known/jwks.json``."""
    public = [{**key.as_dict(private=False), "use": "sig", "alg": "ES256"} for key in assertion_keys(rings)]
    return {"keys": public}


def load_key_rings(directory: Path) -> KeyRings:
    """The rings of a data directory, made where there are none. Raises ``KeyRingInvalid``."""
    rings = KeyRings(
        sealed=_load(directory / _SEALED, lambda kid: OctKey.generate_key(256, {"kid": kid})),
        assertion=_load(directory / _ASSERTION, lambda kid: ECKey.generate_key("P-256", {"kid": kid})),
    )
    sealed_keys(rings)
    assertion_keys(rings)
    return rings


def _key_set(text: str, name: str) -> KeySet:
    try:
        keys = KeySet.import_key_set(msgspec.json.decode(text))
    except Exception as error:  # noqa: BLE001 - joserfc raises many kinds; none may show key material
        raise KeyRingInvalid(f"{name}: not a JWK Set ({type(error).__name__})") from None
    if not keys.keys:
        raise KeyRingInvalid(f"{name}: no key in it")
    return keys


def _load(path: Path, generate: Callable[[str], OctKey | ECKey]) -> str:
    def make() -> bytes:
        key = generate(os.urandom(6).hex())
        return msgspec.json.format(msgspec.json.encode({"keys": [key.as_dict(private=True)]}))

    return read_private(path, make)
