"""Open data of Feishu: AES-128-CBC with PKCS#7, key and iv in hex.

Facts: the vendor's page "敏感数据处理", whose sample opens as its code says, and not as its text does, which calls both
base64. The sample has a watermark, whose ``appid`` is a number that is not the AppID and that no page explains: it can
be compared with nothing. So it is the session_key that says for which app and which user a payload was made, and the
watermark when.

CBC has no MAC: a user can put any 16 bytes in place of the beginning of a payload of his own. Feishu's begin with the
``openId``, which must be his, and end with the watermark. No page has a phone number in them, and none is taken out of
them (attack class 37).

``rawData`` is signed with "base64(session_key)", and the page does not say of what that is the base64: the bytes, or
the hex that stands for them. Nor has it been seen (unconfirmed). Either is taken, and the key as it is, which Douyin's
page has in the same sentence: who does not have the key can make none of them.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from menshen.config.snapshot import App
from menshen.errors import OpenDataInvalid
from menshen.platforms.base import EncryptedData
from menshen.platforms.open_data import AHEAD, OLDEST, SignedData, encrypted_data, read_object_once, verify_raw
from menshen.secret import Secret

__all__ = ["ByHexKey"]

_HEX16 = re.compile(r"[0-9a-fA-F]{32}")
_GENDERS: Final[Mapping[object, int]] = MappingProxyType({"": 0, "male": 1, "female": 2})


class ByHexKey:
    """What an adapter does with open data of this kind."""

    __slots__ = ()

    open_data = True
    session_keys = True

    def encrypted_data(self, data: str, iv: str) -> EncryptedData:
        if _HEX16.fullmatch(iv) is None:
            raise OpenDataInvalid
        return encrypted_data(data, base64.b64encode(bytes.fromhex(iv)).decode())

    def signed_fields(self, signed: SignedData, session_key: Secret) -> dict[str, Any]:
        """The fields of ``rawData``; a gender as WeChat's. Raises OpenDataInvalid."""
        for key in _signing_keys(session_key):
            try:
                return _worded(verify_raw(signed, key))
            except OpenDataInvalid:
                continue
        raise OpenDataInvalid

    def decrypt(
        self, app: App, closed: EncryptedData, session_key: Secret, *, openid: str, now: float
    ) -> dict[str, Any]:
        """The fields of a payload that Feishu made for this user, not long before ``now``; a gender as WeChat's."""
        fields = _opened(closed, session_key)
        if fields is None or fields.get("openId") != openid or "phoneNumber" in fields:
            raise OpenDataInvalid
        if not _recent(fields.get("watermark"), app.appid, now):
            raise OpenDataInvalid
        return _worded(fields)


def _worded(fields: dict[str, Any]) -> dict[str, Any]:
    gender = fields.get("gender")
    return {**fields, "gender": _GENDERS[gender]} if isinstance(gender, str) and gender in _GENDERS else fields


def _signing_keys(session_key: Secret) -> Iterator[Secret]:
    text = session_key.reveal()
    if _HEX16.fullmatch(text) is not None:
        yield Secret(base64.b64encode(bytes.fromhex(text)).decode())
        yield Secret(base64.b64encode(text.encode()).decode())
        yield session_key


def _recent(watermark: object, appid: str, now: float) -> bool:
    if not isinstance(watermark, dict):
        return False
    marked, made = watermark.get("appid"), watermark.get("timestamp")
    if isinstance(marked, str) and marked != appid:
        return False
    return not isinstance(made, bool) and isinstance(made, int) and now - OLDEST <= made <= now + AHEAD


def _opened(closed: EncryptedData, session_key: Secret) -> dict[str, Any] | None:
    if _HEX16.fullmatch(session_key.reveal()) is None:
        return None
    try:
        decryptor = Cipher(AES128(bytes.fromhex(session_key.reveal())), CBC(closed.iv)).decryptor()
        padded = decryptor.update(closed.data) + decryptor.finalize()
        unpadder = PKCS7(128).unpadder()
        return read_object_once((unpadder.update(padded) + unpadder.finalize()).decode())
    except ValueError:  # UnicodeDecodeError is
        return None
