"""Keys of apps, made anew by each run: no key is kept anywhere."""

from __future__ import annotations

import base64
import functools

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

AES_KEY = "AAECAwQFBgcICQoLDA0ODw=="
"""Bytes 0 to 15, as the vector of reference/platform-apis.md 4.2 has it."""


def key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """One of this name, the same all through the run."""
    return _made(name, bits)


@functools.cache
def _made(_name: str, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def private_text(name: str, bits: int = 2048, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    made = key(name, bits).private_bytes(Encoding.DER, form, NoEncryption())
    return base64.b64encode(made).decode()


def public_text(name: str, bits: int = 2048, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    return base64.b64encode(key(name, bits).public_key().public_bytes(Encoding.DER, form)).decode()
