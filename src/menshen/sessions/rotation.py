"""Key rotation: a new key goes first and makes from then on, the older ones still open or verify until retired.

Works on the files, with or without a node running on them. A running node reads a ring that was replaced; who reads
while it is replaced gets the old ring or the new one, both whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from menshen.errors import KeyRingInvalid
from menshen.sessions.keys import (
    FILES,
    KeyRings,
    Purpose,
    SigningAlgorithm,
    check_ring,
    encode_ring,
    load_key_rings,
    new_key,
)
from menshen.storage.private_file import read_private, replace_private

__all__ = ["KeyInfo", "listed", "making_since", "retire", "rotate"]

_LOCK = "rotation.lock"
_ALGORITHMS = {"oct": "A256GCM", "EC": "ES256", "OKP": "EdDSA"}


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key without its material. ``signs`` is the first of its ring; ``made_at`` is Unix seconds, 0 if not known."""

    purpose: Purpose
    kid: str
    algorithm: str
    signs: bool
    made_at: int


def rotate(directory: Path, purpose: Purpose, now: float, algorithm: SigningAlgorithm = "ES256") -> str:
    """Make a new key the first of its ring; its ``kid``. Rings that are missing are made before.

    ``algorithm`` is for purpose ``signed``; the others have one only. Raises ``KeyRingInvalid``.
    """
    if algorithm != "ES256" and purpose != "signed":
        raise KeyRingInvalid(f"{purpose}: {algorithm} is for the signed ring only")
    with _alone(directory):
        load_key_rings(directory, lambda: now)
        key = new_key(purpose, now, algorithm)
        _write(directory, purpose, [key, *_read(directory, purpose)])
    return str(key["kid"])


def retire(directory: Path, kid: str) -> Purpose:
    """Take a key out of its ring, and with it all that it made; the ring's purpose.

    Raises ``KeyRingInvalid`` for a key that is in no ring and for the first of one: it makes, so rotate before.
    """
    if not directory.is_dir():
        raise KeyRingInvalid(f"no key {kid}")
    with _alone(directory):
        for purpose in FILES:
            keys = _read(directory, purpose)
            kids = [key["kid"] for key in keys]
            if kid not in kids:
                continue
            if kid == kids[0]:
                raise KeyRingInvalid(f"key {kid} is in use: menshen keys rotate {purpose} comes first")
            _write(directory, purpose, [key for key in keys if key["kid"] != kid])
            return purpose
    raise KeyRingInvalid(f"no key {kid}")


def listed(directory: Path) -> list[KeyInfo]:
    """Every key of a data directory, ring by ring, the first one first. Makes nothing. Raises ``KeyRingInvalid``."""
    return [
        KeyInfo(purpose, key["kid"], _ALGORITHMS[key["kty"]], place == 0, _made_at(key))
        for purpose in FILES
        for place, key in enumerate(_read(directory, purpose))
    ]


def making_since(rings: KeyRings) -> dict[Purpose, int]:
    """When the key was made that makes now, by purpose, in Unix seconds; without the purposes where nobody knows."""
    first = {purpose: msgspec.json.decode(getattr(rings, purpose))["keys"][0] for purpose in FILES}
    return {purpose: made_at for purpose, key in first.items() if (made_at := _made_at(key))}


def _made_at(key: dict[str, Any]) -> int:
    made_at = key.get("iat")
    return int(made_at) if isinstance(made_at, int | float) else 0


def _read(directory: Path, purpose: Purpose) -> list[dict[str, Any]]:
    """The keys of a ring as they are written, members of others included; none where there is no file."""
    path = directory / FILES[purpose]
    if not path.exists():
        return []
    text = read_private(path, bytes)
    check_ring(purpose, text)
    keys: list[dict[str, Any]] = msgspec.json.decode(text)["keys"]
    return keys


def _write(directory: Path, purpose: Purpose, keys: list[dict[str, Any]]) -> None:
    content = encode_ring(keys)
    check_ring(purpose, content.decode())
    replace_private(directory / FILES[purpose], content)


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """One change at a time among all processes, or one of two rotations at the same moment would lose its key."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise KeyRingInvalid(f"{_LOCK}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
