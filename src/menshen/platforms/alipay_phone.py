"""Alipay's phone numbers, which a client is given closed and signed, to carry here.

Facts: mirrors of the page of ``my.getPhoneNumber`` (``reference/platform-apis.md`` 4.2). AES-128-CBC under a key of the
app with an IV of zeros is Alipay's choice. What a client sends as ``encryptedData`` is the member ``response``, and as
``iv`` the member ``sign``: nothing is opened before the signature has been found to be Alipay's over exactly that text,
quotes included, which ends both padding oracles and payloads of one's own making (attack class 37).

A payload names no user, no app and no time. What ties it to the app is its key; nothing ties it to the user, so whoever
has another's payload has his number: TLS and the mini program keep it between the phone and here.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from menshen.config.snapshot import App
from menshen.errors import NotOffered, OpenDataInvalid
from menshen.platforms.alipay_signing import verified
from menshen.platforms.app_key_forms import aes_key
from menshen.platforms.base import EncryptedData
from menshen.secret import Secret

__all__ = ["ByAppKey"]

_MOST: Final = 4096
"""Characters; a number's payload has about 88."""

_BLOCK: Final = 16
_SIGNATURES: Final = (256, 512)
"""Bytes of a signature: between those of RSA keys of 2048 and 4096 bits."""

_GOOD: Final = "10000"


class ByAppKey:
    """What the adapter does with data that a client carries."""

    __slots__ = ()

    open_data = True
    phone_data = True
    session_keys = False

    def encrypted_data(self, data: str, iv: str) -> EncryptedData:
        if len(data) > _MOST:
            raise OpenDataInvalid
        closed = EncryptedData(_decoded(data), _decoded(iv))
        if not closed.data or len(closed.data) % _BLOCK or not _SIGNATURES[0] <= len(closed.iv) <= _SIGNATURES[1]:
            raise OpenDataInvalid
        return closed

    def decrypt(
        self,
        app: App,
        closed: EncryptedData,
        session_key: Secret,  # noqa: ARG002  (there is none)
        *,
        openid: str,  # noqa: ARG002  (the payload names nobody)
        now: float,  # noqa: ARG002  (nor a time)
    ) -> dict[str, Any]:
        """``phoneNumber``, ``purePhoneNumber`` and ``countryCode``. Raises NotOffered for an app without ``data_key``.

        Alipay gives numbers of the mainland without a country code (unconfirmed for others).
        """
        if not app.data_key:
            raise NotOffered("the app has no data_key")
        text = base64.b64encode(closed.data)
        if not verified(b'"' + text + b'"', closed.iv, app.platform_key):
            raise OpenDataInvalid
        fields = _opened(app, closed.data)
        number = fields.get("mobile") if fields is not None else None
        # An error is closed and signed like a number, and has a code of its own.
        if fields is None or fields.get("code") != _GOOD or not isinstance(number, str):
            raise OpenDataInvalid
        return {"phoneNumber": number, "purePhoneNumber": number, "countryCode": "86"}


def _opened(app: App, data: bytes) -> dict[str, Any] | None:
    try:
        decryptor = Cipher(AES128(aes_key(app.data_key)), CBC(bytes(_BLOCK))).decryptor()
        padded = decryptor.update(data) + decryptor.finalize()
        unpadder = PKCS7(_BLOCK * 8).unpadder()
        fields = json.loads(unpadder.update(padded) + unpadder.finalize())
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, ValueError):
        pass
    raise OpenDataInvalid
