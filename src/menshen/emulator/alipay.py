"""Alipay's voice: its gateway, as far as ``alipay.system.oauth.token`` goes (``reference/platform-apis.md`` 4).

Each app has a key of the platform's of its own, as on the real one: its answers to the app are signed with it. What the
gateway says before it knows the app, or of a signature that is none, it does not sign (unconfirmed).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from menshen.emulator import identifiers
from menshen.emulator.answer import encode
from menshen.emulator.dialect import AppSettings, Asked, Dialect, Fields, Outcome, parameters
from menshen.emulator.identifiers import RandomBytes
from menshen.emulator.payloads import Payload
from menshen.emulator.rsa_keys import made_key, public_text, signature, signed_by
from menshen.emulator.visitors import Visitor

__all__ = ["ALIPAY"]

_ANSWER: Final = "alipay_system_oauth_token_response"
_METHOD: Final = "alipay.system.oauth.token"

_MESSAGES: Final = {
    20000: "Service Currently Unavailable",
    40001: "Missing Required Arguments",
    40002: "Invalid Arguments",
    40004: "Business Failed",
    40005: "Call Limited",
    40006: "Insufficient Permissions",
}
_UNSIGNED: Final = ("isv.invalid-app-id", "isv.invalid-signature", "isv.missing-app-id", "isv.missing-signature")
_SUB_MESSAGES: Final = {
    "isv.code-invalid": "授权码code无效",
    "isv.invalid-signature": "无效签名",
    "isv.invalid-app-id": "无效的AppID参数",
    "isp.unknow-error": "系统繁忙",
}
_COMMON: Final = ("charset", "sign_type", "timestamp", "version")


@dataclass(frozen=True, slots=True)
class _Alipay(Dialect):
    def asked(self, method: str, query: bytes, body: bytes) -> Asked:
        params = {**parameters(query), **parameters(body)}
        outcome: Outcome | None = None
        if method != "POST" or params.get("method") != _METHOD or any(name not in params for name in _COMMON):
            outcome = "wrong_method"
        elif "app_id" not in params:
            outcome = "no_appid"
        elif "sign" not in params:
            outcome = "no_secret"
        elif params.get("grant_type") != "authorization_code":
            outcome = "wrong_grant_type"
        elif "code" not in params:
            outcome = "no_code"
        return Asked(params, params.get("app_id", ""), params.get("sign", ""), params.get("code", ""), outcome)

    def distrusts(self, app: AppSettings, asked: Asked) -> Outcome | None:
        content = "&".join(f"{name}={value}" for name, value in sorted(asked.params.items()) if name != "sign")
        return None if signed_by(content.encode(), asked.secret, app.secret) else "wrong_secret"

    def refuse(self, outcome: Outcome, rid: str, *, login: bool = True) -> Fields:  # noqa: ARG002
        code, sub_code = self.errors[outcome]
        told = {
            "code": str(code),
            "msg": _MESSAGES[code],
            "sub_code": sub_code,
            "sub_msg": _SUB_MESSAGES.get(sub_code, sub_code),
        }
        return {"error_response": told}

    def accept(self, openid: str, session_key: str, unionid: str) -> Fields:  # noqa: ARG002 - there is none of both
        token = "authbseB" + hashlib.sha256(openid.encode()).hexdigest()[:32]
        told = {
            "access_token": token,
            "expires_in": 1296000,
            "re_expires_in": 2592000,
            "refresh_token": token[::-1],
            "open_id": openid,
        }
        return {_ANSWER: told}

    def registered(self, app: AppSettings) -> AppSettings:
        return app if app.platform_key else replace(app, platform_key=made_key())

    def shown(self, app: AppSettings) -> Fields:
        return {"platform_key": public_text(app.platform_key)}

    def signed(self, fields: Fields, app: AppSettings | None) -> Fields:
        (told,) = [value for name, value in fields.items() if name in (_ANSWER, "error_response")]
        if app is None or told.get("sub_code") in _UNSIGNED:
            return fields
        return {**fields, "sign": signature(encode(told), app.platform_key)}

    def closes_phone(
        self,
        app: AppSettings,
        visitor: Visitor,  # noqa: ARG002 - a payload names nobody
        number: str,
        country: str,  # noqa: ARG002 - nor a country
        watermark: Mapping[str, Any],  # noqa: ARG002 - nor an app and a time
        random: RandomBytes,  # noqa: ARG002 - and has an IV of zeros
    ) -> Payload:
        """``response`` and ``sign`` of what ``my.getPhoneNumber`` gives."""
        plain = json.dumps({"code": "10000", "msg": "Success", "mobile": number}, separators=(",", ":")).encode()
        padder = PKCS7(128).padder()
        encryptor = Cipher(AES128(base64.b64decode(app.data_key)), CBC(bytes(16))).encryptor()
        closed = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
        text = base64.b64encode(closed).decode()
        return Payload(text, signature(f'"{text}"'.encode(), app.platform_key))


ALIPAY: Final = _Alipay(
    content_type="text/html;charset=utf-8",
    errors=MappingProxyType(
        {
            "wrong_method": (40001, "isv.missing-method"),
            "no_appid": (40001, "isv.missing-app-id"),
            "no_secret": (40001, "isv.missing-signature"),
            "no_code": (40001, "isv.missing-code"),
            "wrong_grant_type": (40002, "isv.grant-type-invalid"),
            "wrong_appid": (40002, "isv.invalid-app-id"),
            "wrong_secret": (40002, "isv.invalid-signature"),
            "wrong_code": (40002, "isv.code-invalid"),
            "used_code": (40002, "isv.code-invalid"),
            "blocked": (40004, "isv.user-blocked"),  # not documented at Alipay; only a fault asks for it
            "over_quota": (40005, "isv.app-call-limited"),
            "busy": (20000, "isp.unknow-error"),
        }
    ),
    greets=MappingProxyType({}),
    parting=MappingProxyType({}),
    sends_rid=False,
    openid=identifiers.alipay_openid,
    unionid=identifiers.no_unionid,
    session_key=identifiers.no_session_key,
    apis=MappingProxyType({}),
    login_path="/gateway.do",
    errcode="code",
    errmsg="msg",
    profiles=False,
    closed_by_app=frozenset({"data"}),
)
