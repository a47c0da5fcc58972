"""Secrets at rest: AES-256-GCM under keys derived from the data directory's master key.

Each purpose has its own key (HKDF-SHA256), so that a value sealed for one column opens in no other. The master key is
``MENSHEN_MASTER_KEY`` (32 bytes, base64) or, made at first start, ``master.key`` in the data directory, readable by its
owner only. Whoever has the database without it has no AppSecret and no session_key.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from menshen.errors import KeyRingInvalid
from menshen.secret import Secret
from menshen.storage.private_file import read_private

__all__ = ["MASTER_KEY_VARIABLE", "Sealer", "derived_key", "load_master_key"]

MASTER_KEY_VARIABLE = "MENSHEN_MASTER_KEY"


def load_master_key(directory: Path, env: Mapping[str, str]) -> bytes:
    """The 32-byte master key, made at first start. Raises ``KeyRingInvalid``."""
    text = env.get(MASTER_KEY_VARIABLE)
    if text is not None:
        return _decode(text, MASTER_KEY_VARIABLE)
    text = read_private(directory / "master.key", lambda: base64.b64encode(os.urandom(32)) + b"\n")
    return _decode(text, "master.key")


def _decode(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise KeyRingInvalid(f"{where}: must be 32 bytes in base64")
    return key


def derived_key(master_key: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose (HKDF-SHA256)."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"menshen/{purpose}".encode()).derive(master_key)


class Sealer:
    """Seals texts for one purpose. ``context`` binds a text to its row: in another row it does not open."""

    def __init__(self, master_key: bytes, purpose: str, random: Callable[[int], bytes] = os.urandom) -> None:
        self._cipher = AESGCM(derived_key(master_key, purpose))
        self._random = random

    def seal(self, value: Secret, context: str = "") -> str:
        nonce = self._random(12)
        sealed = self._cipher.encrypt(nonce, value.reveal().encode(), context.encode())
        return base64.b64encode(nonce + sealed).decode()

    def unseal(self, text: str, context: str = "") -> Secret:
        """The value. Raises ``KeyRingInvalid`` where it was sealed with another master key, purpose or context."""
        try:
            data = base64.b64decode(text, validate=True)
            return Secret(self._cipher.decrypt(data[:12], data[12:], context.encode()).decode())
        except (ValueError, InvalidTag):
            raise KeyRingInvalid("a sealed value does not open with this master key") from None
