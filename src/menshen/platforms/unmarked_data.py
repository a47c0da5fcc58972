"""Open data as WeChat's, of platforms for which no watermark is confirmed.

AES-CBC with PKCS#7; the length of the key says which AES. A watermark that is there must be right. One that is not
there cannot say for which app a payload was made, nor when: the session_key alone ties it, which belongs to one user of
one app and changes when he logs in.

CBC has no MAC, so a user can cut a payload of his own and put any 16 bytes in front of the rest: of a profile, whose
nickname he chooses, he makes what begins like a number. A payload is therefore either a number's, with no field that is
not a number's, or a profile with the user's openid; the rest of a profile that was cut is neither (attack class 37).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from menshen.config.snapshot import App
from menshen.errors import OpenDataInvalid
from menshen.platforms.base import EncryptedData
from menshen.platforms.open_data import AHEAD, OLDEST, encrypted_data, read_object_once
from menshen.secret import Secret

__all__ = ["Unmarked", "decrypt", "mainland"]

_OF_A_NUMBER: Final = frozenset({"phoneNumber", "purePhoneNumber", "countryCode", "watermark"})
_MAINLAND = re.compile(r"(?:\+?86[ -]?)?(1[0-9]{10})")


class Unmarked:
    """What an adapter does with open data of this kind."""

    __slots__ = ()

    open_data = True
    phone_data = True
    session_keys = True

    def encrypted_data(self, data: str, iv: str) -> EncryptedData:
        return encrypted_data(data, iv)

    def decrypt(
        self, app: App, closed: EncryptedData, session_key: Secret, *, openid: str, now: float
    ) -> dict[str, Any]:
        return decrypt(closed, session_key, appid=app.appid, openid=openid, now=now)


def decrypt(closed: EncryptedData, session_key: Secret, *, appid: str, openid: str, now: float) -> dict[str, Any]:
    """The fields of a payload: a number's three, or a profile's with the user's ``openId``.

    Raises OpenDataInvalid, whatever is wrong.
    """
    fields = _opened(closed, session_key)
    if fields is None or not _fits(fields.get("watermark"), appid, now):
        raise OpenDataInvalid
    if "phoneNumber" in fields:
        return _number(fields)
    if fields.get("openId") != openid:
        raise OpenDataInvalid
    return fields


def mainland(number: object) -> dict[str, str]:
    """A number of the mainland under WeChat's names. Raises OpenDataInvalid for any other: its country is not said."""
    found = _MAINLAND.fullmatch(number) if isinstance(number, str) else None
    if found is None:
        raise OpenDataInvalid
    return {"phoneNumber": found[1], "purePhoneNumber": found[1], "countryCode": "86"}


def _number(fields: Mapping[str, Any]) -> dict[str, Any]:
    if not fields.keys() <= _OF_A_NUMBER:
        raise OpenDataInvalid
    if "purePhoneNumber" in fields or "countryCode" in fields:
        return dict(fields)  # all three, or ``open_data.phone_of`` refuses them
    return mainland(fields["phoneNumber"])


def _fits(watermark: object, appid: str, now: float) -> bool:
    if watermark is None:
        return True
    if not isinstance(watermark, dict) or watermark.get("appid") != appid:
        return False
    made = watermark.get("timestamp")
    return not isinstance(made, bool) and isinstance(made, int) and now - OLDEST <= made <= now + AHEAD


def _opened(closed: EncryptedData, session_key: Secret) -> dict[str, Any] | None:
    try:
        key = base64.b64decode(session_key.reveal(), validate=True)
        decryptor = Cipher(AES(key), CBC(closed.iv)).decryptor()
        padded = decryptor.update(closed.data) + decryptor.finalize()
        unpadder = PKCS7(128).unpadder()
        return read_object_once((unpadder.update(padded) + unpadder.finalize()).decode())
    except ValueError:  # binascii.Error and UnicodeDecodeError are
        return None
