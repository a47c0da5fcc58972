"""RSA keys, as the platforms' side has them: made, read, and used with PKCS #1 v1.5 and SHA-256.

It shares nothing with what signs and opens in the gateway: it is the other side.
"""

from __future__ import annotations

import base64

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)

__all__ = ["closed_for", "made_key", "public_text", "signature", "signed_by"]


def made_key() -> str:
    """A new private key, as one line of base64: PKCS #8, as Alipay's tool gives it."""
    key = rsa.generate_private_key(65537, 2048)
    return base64.b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()


def public_text(key: str) -> str:
    """The public half, as one line of base64."""
    spki = PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(_key(key).public_key().public_bytes(Encoding.DER, spki)).decode()


def signature(content: bytes, key: str) -> str:
    return base64.b64encode(_key(key).sign(content, PKCS1v15(), SHA256())).decode()


def signed_by(content: bytes, made: str, key: str) -> bool:
    """Whether ``made`` is a signature by this key; False where one of them is none."""
    try:
        _key(key).public_key().verify(base64.b64decode(made), content, PKCS1v15(), SHA256())
    except (ValueError, InvalidSignature):
        return False
    return True


def closed_for(content: bytes, key: str) -> str:
    """What only the holder of this key opens."""
    return base64.b64encode(_key(key).public_key().encrypt(content, PKCS1v15())).decode()


def _key(text: str) -> rsa.RSAPrivateKey:
    """Raises ValueError."""
    # The skipped look costs a tenth of a second at every call.
    if text.startswith("-----"):
        key = load_pem_private_key(text.encode(), None, unsafe_skip_rsa_key_validation=True)
    else:
        key = load_der_private_key(base64.b64decode(text), None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("no RSA key")  # noqa: TRY004 - of the text, not of its type
    return key
