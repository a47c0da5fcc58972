"""Open data as the platforms hand it to a client: encrypted, or plain with a signature.

It shares nothing with what opens it: it is the other side.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from menshen.emulator.identifiers import RandomBytes

if TYPE_CHECKING:
    from menshen.emulator.visitors import Visitor  # whose ids a dialect makes, and a dialect has the payloads

__all__ = ["ANONYMOUS", "Payload", "compact", "encrypted", "phone_info", "phone_payload", "user_info_payload"]

ANONYMOUS: Final[Mapping[str, Any]] = {
    "nickName": "微信用户",
    "gender": 0,
    "language": "",
    "city": "",
    "province": "",
    "country": "",
    "avatarUrl": "https://thirdwx.qlogo.cn/mmopen/vi_32/anonymous/132",
}
"""What every app gets of every user since 2022 (reference, 1.6); the address of the grey picture is made up."""


@dataclass(frozen=True, slots=True)
class Payload:
    """``rawData`` and ``signature`` are "" where the platform gives none."""

    encrypted_data: str
    iv: str
    raw_data: str = ""
    signature: str = ""


def user_info_payload(
    visitor: Visitor, profile: Mapping[str, Any], watermark: Mapping[str, Any], *, unionid: bool, random: RandomBytes
) -> Payload:
    raw = compact({**ANONYMOUS, **profile})
    signature = hashlib.sha1((raw + visitor.session_key).encode(), usedforsecurity=False).hexdigest()
    fields = {"openId": visitor.openid, **ANONYMOUS, **profile}
    if unionid:
        fields["unionId"] = visitor.unionid
    closed, iv = encrypted({**fields, "watermark": dict(watermark)}, visitor.session_key, random)
    return Payload(closed, iv, raw, signature)


def phone_payload(
    visitor: Visitor, number: str, country: str, watermark: Mapping[str, Any], *, random: RandomBytes
) -> Payload:
    """Here ``countryCode`` is a text."""
    fields = {**phone_info(number, country), "countryCode": country, "watermark": dict(watermark)}
    return Payload(*encrypted(fields, visitor.session_key, random))


def phone_info(number: str, country: str) -> dict[str, Any]:
    """As the API says it: ``countryCode`` a number, and ``phoneNumber`` with it for numbers of elsewhere."""
    shown = number if country == "86" else f"+{country}{number}"
    return {"phoneNumber": shown, "purePhoneNumber": number, "countryCode": int(country)}


def encrypted(fields: Mapping[str, Any], session_key: str, random: RandomBytes) -> tuple[str, str]:
    """AES-CBC with PKCS#7, in base64, and the iv."""
    iv = random(16)
    padder = PKCS7(128).padder()
    padded = padder.update(compact(fields).encode()) + padder.finalize()
    encryptor = Cipher(AES(base64.b64decode(session_key)), CBC(iv)).encryptor()
    closed = encryptor.update(padded) + encryptor.finalize()
    return base64.b64encode(closed).decode(), base64.b64encode(iv).decode()


def compact(fields: Mapping[str, Any]) -> str:
    """JSON as the platforms write it."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
