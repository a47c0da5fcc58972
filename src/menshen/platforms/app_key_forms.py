"""Keys as platforms' consoles and tools hand them to an operator, read.

Alipay's key tool gives one line of base64, OpenSSL gives PEM, and what passes through an environment variable or a form
of one line has lost its line ends. So a text is whatever base64 it has between the PEM's marks; what that encodes is
DER, PKCS#1 or PKCS#8, X.509 or PKCS#1.

Of a certificate the public key is read: the operator took it from the platform's own page, so who issued it, and until
when it holds, is told by ``menshen doctor`` and refuses nothing.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key
from cryptography.x509 import Certificate, load_der_x509_certificate

from menshen.secret import Secret

__all__ = [
    "aes256_key",
    "aes_key",
    "certificate",
    "certified_key",
    "no_aes256_key",
    "no_aes_key",
    "no_certificate",
    "no_private_key",
    "no_public_key",
    "private_key",
    "public_key",
]

SMALLEST: Final = 2048
"""Bits. RSA2 has no smaller ones."""

_MARK = re.compile(r"-----(?:BEGIN|END) [A-Z ]+-----")
_SPACE = re.compile(r"\s|\\n|\\r")
_AES_BYTES: Final = 16
_AES256_BYTES: Final = 32


def private_key(text: Secret, *, trusted: bool = True) -> RSAPrivateKey:
    """An RSA private key. Raises ValueError, without a word of the key.

    A key that is not ``trusted`` is looked at whole, which takes a tenth of a second: done once, when it is configured.
    """
    try:
        key = load_der_private_key(_der(text.reveal()), None, unsafe_skip_rsa_key_validation=trusted)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey) or key.key_size < SMALLEST:
        raise ValueError("no RSA private key")
    return key


def public_key(text: str) -> RSAPublicKey:
    """An RSA public key. Raises ValueError."""
    try:
        key = load_der_public_key(_der(text))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey) or key.key_size < SMALLEST:
        raise ValueError("no RSA public key")
    return key


def aes_key(text: Secret) -> bytes:
    """A key of AES-128. Raises ValueError."""
    key = _der(text.reveal())
    if len(key) != _AES_BYTES:
        raise ValueError("no key of AES-128")
    return key


def aes256_key(text: Secret) -> bytes:
    """A key of AES-256. Raises ValueError."""
    key = _der(text.reveal())
    if len(key) != _AES256_BYTES:
        raise ValueError("no key of AES-256")
    return key


def certificate(text: str) -> Certificate:
    """A certificate of an RSA key. Raises ValueError."""
    try:
        read = load_der_x509_certificate(_der(text))
        key = read.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey) or key.key_size < SMALLEST:
        raise ValueError("no certificate of an RSA key")
    return read


def certified_key(text: str) -> RSAPublicKey:
    """The public key in a certificate. Raises ValueError."""
    key = certificate(text).public_key()
    if not isinstance(key, RSAPublicKey):
        raise ValueError("no certificate of an RSA key")  # noqa: TRY004 - of the text, not of its type
    return key


def no_private_key(text: Secret) -> tuple[str, str] | None:
    """What is wrong with a text that should be a private key, in English and in Chinese."""
    try:
        private_key(text, trusted=False)
    except ValueError:
        return (
            "must be an RSA private key of 2048 bits or more, in one line of base64 or as PEM, with no password",
            "必须是 2048 位以上的 RSA 私钥：单行 base64 或 PEM，不带密码",
        )
    return None


def no_public_key(text: Secret) -> tuple[str, str] | None:
    """As :func:`no_private_key`, of a public key."""
    try:
        public_key(text.reveal())
    except ValueError:
        return (
            "must be an RSA public key of 2048 bits or more, in one line of base64 or as PEM; a certificate is none",
            "必须是 2048 位以上的 RSA 公钥：单行 base64 或 PEM；证书不是公钥",
        )
    return None


def no_aes_key(text: Secret) -> tuple[str, str] | None:
    """As :func:`no_private_key`, of a key of AES-128."""
    try:
        aes_key(text)
    except ValueError:
        return "must be an AES key: base64 of 16 bytes", "必须是 AES 密钥：16 字节的 base64"
    return None


def no_aes256_key(text: Secret) -> tuple[str, str] | None:
    """As :func:`no_private_key`, of a key of AES-256."""
    try:
        aes256_key(text)
    except ValueError:
        return (
            "must be a key of AES-256: base64 of 32 bytes; SM4 is not supported",
            "必须是 AES-256 密钥：32 字节的 base64；不支持 SM4",
        )
    return None


def no_certificate(text: Secret) -> tuple[str, str] | None:
    """As :func:`no_private_key`, of a certificate."""
    try:
        certificate(text.reveal())
    except ValueError:
        return (
            "must be one certificate of an RSA key of 2048 bits or more, as PEM or its base64; SM2 is not supported",
            "必须是 2048 位以上 RSA 公钥的证书（仅一个）：PEM 或其 base64；不支持 SM2",
        )
    return None


def _der(text: str) -> bytes:
    try:
        return base64.b64decode(_SPACE.sub("", _MARK.sub("", text)), validate=True)
    except (binascii.Error, ValueError):
        pass
    raise ValueError("no base64")
