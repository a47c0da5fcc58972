"""Baidu's voice (``reference/platform-apis.md`` 6).

Two kinds of errors: OAuth's by name, with HTTP 400, and numbers in ``errno``. Which of them a wrong code, a blocked
user or a limit gets is not known; they get what Baidu's pages on OAuth and on its open API have for such.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from menshen.emulator import identifiers
from menshen.emulator.dialect import Fields, Outcome
from menshen.emulator.identifiers import RandomBytes
from menshen.emulator.payloads import Payload, compact
from menshen.emulator.renamed import RenamedDialect

if TYPE_CHECKING:
    from menshen.emulator.visitors import Visitor

__all__ = ["BAIDU"]

_INVALID = (10010100, "parameter is invalid")
_BLOCK = 32  # bytes, of the padding


@dataclass(frozen=True, slots=True)
class _Baidu(RenamedDialect):
    def refuse(self, outcome: Outcome, rid: str, *, login: bool = True) -> Fields:  # noqa: ARG002 - no rid, one form
        number, error = self.errors[outcome]
        fields = {"error": error, "error_description": error.replace("_", " ")}
        return {"errno": number, **fields} if number else fields

    def accept(self, openid: str, session_key: str, unionid: str) -> Fields:  # noqa: ARG002 - another call has it
        return {"openid": openid, "session_key": session_key}

    def give(self, token: str, seconds: int) -> Fields:
        return {"expires_in": seconds, "access_token": token, "scope": "public smartapp_snsapi_base"}

    def status(self, fields: Fields) -> int:
        return 400 if "error" in fields and "errno" not in fields else 200


def _user_info(
    visitor: Visitor,
    profile: Mapping[str, Any],
    watermark: Mapping[str, Any],
    *,
    unionid: bool,  # noqa: ARG001 - it is in no payload
    random: RandomBytes,
) -> Payload:
    fields = {"openid": visitor.openid, "nickname": "百度网友", "headimgurl": "https://example.com/0.png", "sex": 0}
    return _framed({**fields, **profile}, visitor, watermark, random)


def _phone(
    visitor: Visitor,
    number: str,
    country: str,  # noqa: ARG001 - it is not told
    watermark: Mapping[str, Any],
    *,
    random: RandomBytes,
) -> Payload:
    return _framed({"mobile": number}, visitor, watermark, random)


def _framed(fields: Mapping[str, Any], visitor: Visitor, watermark: Mapping[str, Any], random: RandomBytes) -> Payload:
    """Encrypted, with the AppKey for a watermark. There is no rawData."""
    data, iv = compact(fields).encode(), random(16)
    frame = random(16) + len(data).to_bytes(4, "big") + data + str(watermark["appid"]).encode()
    padding = _BLOCK - len(frame) % _BLOCK
    encryptor = Cipher(AES(base64.b64decode(visitor.session_key)), CBC(iv)).encryptor()
    closed = encryptor.update(frame + bytes([padding]) * padding) + encryptor.finalize()
    return Payload(base64.b64encode(closed).decode(), base64.b64encode(iv).decode())


BAIDU: Final = _Baidu(
    content_type="application/json",
    errors=MappingProxyType(
        {
            "wrong_method": _INVALID,
            "no_appid": _INVALID,
            "no_secret": _INVALID,
            "no_code": _INVALID,
            "wrong_grant_type": (0, "unsupported_grant_type"),
            "wrong_appid": (0, "invalid_client"),
            "wrong_secret": (0, "invalid_client"),
            "wrong_code": (0, "invalid_grant"),
            "used_code": (0, "invalid_grant"),
            "blocked": (6, "No permission to access user data"),
            "over_quota": (18, "Open api qps request limit reached"),
            "day_quota": (17, "Open api daily request limit reached"),
            "busy": (2, "Service temporarily unavailable"),
            "unauthorized": (6, "No permission to access user data"),
            "address_not_listed": (5, "Unauthorized client IP address"),
        }
    ),
    greets=MappingProxyType({}),
    parting=MappingProxyType({}),
    sends_rid=False,
    openid=identifiers.baidu_openid,
    unionid=identifiers.no_unionid,
    session_key=identifiers.baidu_session_key,
    apis=MappingProxyType({"/oauth/2.0/token": "token"}),
    login_path="/oauth/jscode2sessionkey",
    errcode="errno",
    errmsg="error_description",
    app_grant="client_credentials",
    user_info=_user_info,
    phone_data=_phone,
    names=MappingProxyType({"client_id": "appid", "sk": "secret", "client_secret": "secret", "code": "js_code"}),
)
