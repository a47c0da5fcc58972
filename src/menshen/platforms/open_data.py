"""Open data (开放数据): what a platform gives a client to carry, closed or signed with the user's session_key.

AES-128-CBC and SHA-1 are the platforms' choice (developers.weixin.qq.com/miniprogram/dev/framework/open-ability/
signature; QQ does the same). Neither the cipher nor the client is to be trusted further than this module goes:

- CBC has no MAC. Who has one payload of his own with its plain text, which every client has, can put any 16 bytes in
  place of its beginning, at will. So the appid stands at the end, an ``openId`` that is there must be the user's, a key
  may not come twice, and what is read must have its whole shape (:func:`phone_of`), more than 16 bytes of it.
- A padding oracle would open the rest. So everything that depends on the key fails alike: one refusal, no detail.

Attack class 37.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, runtime_checkable

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from menshen.config.snapshot import App
from menshen.errors import OpenDataInvalid, PlatformReplyInvalid
from menshen.platforms.base import EncryptedData, Platform, PlatformPhone
from menshen.platforms.wechat_phone import read_phone
from menshen.secret import Secret

__all__ = [
    "AHEAD",
    "OLDEST",
    "BySessionKey",
    "EncryptedData",
    "SignedData",
    "SignsOtherwise",
    "decrypt",
    "encrypted_data",
    "phone_of",
    "profile_of",
    "read_object_once",
    "signed_data",
    "signed_fields",
    "verify_raw",
]

OLDEST: Final = 600
"""Seconds that a payload is believed after its watermark. A client sends it when it gets it; a log's copy is old."""

AHEAD: Final = 120
"""Seconds that the platform's clock may be ahead of ours."""

_MOST = 8 * 1024  # characters; a profile with every field at its longest is below 2,000
_BLOCK = 16
_SIGNATURE = re.compile(r"[0-9a-fA-F]{40}")
_PROFILE: Final = {
    "name": "nickname",  # WeCom's signed data
    "nickName": "nickname",
    "gender": "gender",
    "language": "language",
    "city": "city",
    "province": "province",
    "country": "country",
}
_GENDERS = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class SignedData:
    """A ``rawData`` and its ``signature``, not compared yet."""

    raw: str = field(repr=False)
    signature: str = field(repr=False)


class BySessionKey:
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


def encrypted_data(data: str, iv: str) -> EncryptedData:
    """What a client sent, decoded. Raises OpenDataInvalid for what no key could open."""
    if len(data) > _MOST:
        raise OpenDataInvalid
    decoded = EncryptedData(_decoded(data), _decoded(iv))
    if not decoded.data or len(decoded.data) % _BLOCK or len(decoded.iv) != _BLOCK:
        raise OpenDataInvalid
    return decoded


def signed_data(raw: str, signature: str) -> SignedData:
    """What a client sent. Raises OpenDataInvalid for what cannot be signed data."""
    if len(raw) > _MOST or _SIGNATURE.fullmatch(signature) is None:
        raise OpenDataInvalid
    return SignedData(raw, signature.lower())


def decrypt(closed: EncryptedData, session_key: Secret, *, appid: str, openid: str, now: float) -> dict[str, Any]:
    """The fields of a payload that the platform made for this user of this app, not long before ``now``.

    Raises OpenDataInvalid, whatever is wrong.
    """
    fields = _opened(closed, session_key)
    watermark = fields.get("watermark") if fields is not None else None
    if fields is None or not isinstance(watermark, dict) or watermark.get("appid") != appid:
        raise OpenDataInvalid
    made = watermark.get("timestamp")
    if isinstance(made, bool) or not isinstance(made, int) or not now - OLDEST <= made <= now + AHEAD:
        raise OpenDataInvalid
    if "openId" in fields and fields["openId"] != openid:
        raise OpenDataInvalid
    return fields


def verify_raw(signed: SignedData, session_key: Secret) -> dict[str, Any]:
    """The fields of ``rawData``, of which nothing is read before the signature has been compared.

    It says neither when nor for which app it was made: the session_key, which belongs to one user of one app and
    changes, is all that ties it, and nothing is signed where there is none. Raises OpenDataInvalid.
    """
    if not session_key:
        raise OpenDataInvalid
    # SHA-1 over text and key is WeChat's rule.
    made = hashlib.sha1((signed.raw + session_key.reveal()).encode(errors="replace"), usedforsecurity=False).hexdigest()
    fields = read_object_once(signed.raw) if hmac.compare_digest(made, signed.signature) else None
    if fields is None:
        raise OpenDataInvalid
    return fields


@runtime_checkable
class SignsOtherwise(Protocol):
    """What a built-in platform's adapter has besides, whose ``rawData`` is not signed as WeChat's is."""

    def signed_fields(self, signed: SignedData, session_key: Secret) -> dict[str, Any]:
        """As :func:`verify_raw`."""
        ...


def signed_fields(platform: Platform, signed: SignedData, session_key: Secret) -> dict[str, Any]:
    """The fields of ``rawData``, verified as this platform signs it. Raises OpenDataInvalid."""
    if isinstance(platform, SignsOtherwise):
        return platform.signed_fields(signed, session_key)
    return verify_raw(signed, session_key)


def phone_of(fields: Mapping[str, Any]) -> PlatformPhone:
    """The number in an opened payload. Raises OpenDataInvalid where it is none.

    All three fields must agree, so that no forged first block makes a number out of another payload.
    """
    try:
        phone = read_phone(fields)
    except PlatformReplyInvalid:
        raise OpenDataInvalid from None
    if "openId" in fields or not re.sub(r"[^0-9]", "", phone.number).endswith(phone.pure):
        raise OpenDataInvalid
    return phone


def profile_of(fields: Mapping[str, Any]) -> dict[str, str]:
    """The profile in opened or verified data: ``nickname``, ``gender`` ("0" unknown, "1" male, "2" female),
    ``language``, ``city``, ``province``, ``country``, those that are there and not empty.

    Since 2022 platforms mostly give "微信用户" and nothing else (reference, 1.6).
    """
    profile: dict[str, str] = {}
    for theirs, ours in _PROFILE.items():
        value = fields.get(theirs)
        if theirs == "gender":
            value = str(value) if value in _GENDERS and type(value) is int else ""
        if isinstance(value, str) and value:
            profile[ours] = value
    return profile


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, ValueError):
        pass
    raise OpenDataInvalid


def _opened(closed: EncryptedData, session_key: Secret) -> dict[str, Any] | None:
    try:
        key = base64.b64decode(session_key.reveal(), validate=True)
        decryptor = Cipher(AES128(key), CBC(closed.iv)).decryptor()
        padded = decryptor.update(closed.data) + decryptor.finalize()
        unpadder = PKCS7(_BLOCK * 8).unpadder()
        # QQ's plain texts were seen with stray bytes around the object.
        text = (unpadder.update(padded) + unpadder.finalize()).decode().strip(_STRAY)
    except ValueError:  # binascii.Error and UnicodeDecodeError are
        return None
    return read_object_once(text)


_STRAY: Final = "".join(map(chr, range(0x21)))


def read_object_once(text: str) -> dict[str, Any] | None:
    """A JSON object in which no key comes twice; None for anything else."""
    try:
        value = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key comes twice")
    return fields
