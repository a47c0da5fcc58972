"""Douyin's voice (``reference/platform-apis.md`` 5). The texts of its errors are not known: v1's stand in for them.

Nor is it known what it says of a blocked user or a used-up quota: what it says here only a fault asks for, but for the
quota of a user, which has a number that Douyin has for other calls.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from menshen.emulator import identifiers
from menshen.emulator.dialect import AppSettings, Asked, Dialect, Fields, Outcome
from menshen.emulator.rsa_keys import closed_for

__all__ = ["DOUYIN"]

_TOKENS: Final[Mapping[Outcome, tuple[int, str]]] = MappingProxyType(
    {
        "no_appid": (10002, "Parameter error"),
        "no_secret": (10002, "Parameter error"),
        "wrong_grant_type": (10002, "Parameter error"),
        "wrong_appid": (10003, "client_key not exist"),
        "wrong_secret": (10013, "client_key or client_secret error"),
    }
)
"""What only the call for a token is refused with."""


def _body(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


@dataclass(frozen=True, slots=True)
class _Douyin(Dialect):
    def asked(self, method: str, query: bytes, body: bytes) -> Asked:  # noqa: ARG002 - all of it is in the body
        params = {name: value for name, value in _body(body).items() if isinstance(value, str) and value}
        code, anonymous = params.get("code", ""), params.get("anonymous_code", "")
        outcome: Outcome | None = None
        if method != "POST":
            outcome = "wrong_method"
        elif "appid" not in params:
            outcome = "no_appid"
        elif "secret" not in params:
            outcome = "no_secret"
        elif not code and not anonymous:
            outcome = "no_code"
        return Asked(
            params,
            params.get("appid", ""),
            params.get("secret", ""),
            code or anonymous,
            outcome,
            anonymous=not code and bool(anonymous),
        )

    def called(self, query: bytes, body: bytes) -> Mapping[str, str]:  # noqa: ARG002 - all of it is in the body
        names = {"client_key": "appid", "client_secret": "secret"}
        return {names.get(name, name): value for name, value in _body(body).items() if isinstance(value, str)}

    def refuse(self, outcome: Outcome, rid: str, *, login: bool = True) -> Fields:
        if login:
            errcode, errmsg = self.errors[outcome]
            return {"err_no": errcode, "err_tips": errmsg, "log_id": rid}
        if outcome in _TOKENS:
            errcode, errmsg = _TOKENS[outcome]
            return {"data": {"description": errmsg, "error_code": errcode}, "message": "error"}
        errcode, errmsg = self.errors[outcome]
        return {"err_no": errcode, "err_msg": errmsg, "log_id": rid}

    def accept(self, openid: str, session_key: str, unionid: str) -> Fields:
        data = {"session_key": session_key, "openid": openid, "anonymous_openid": "", "unionid": unionid}
        return {**self.greets, "data": data}

    def accept_device(self, openid: str) -> Fields:
        data = {"session_key": "", "openid": "", "anonymous_openid": openid, "unionid": ""}
        return {**self.greets, "data": data}

    def give(self, token: str, seconds: int) -> Fields:
        data = {"access_token": token, "description": "", "error_code": 0, "expires_in": seconds}
        return {"data": data, "message": "success"}

    def tell_phone(self, app: AppSettings, info: Fields) -> Fields:
        shown = {**info, "countryCode": str(info["countryCode"])}
        plain = json.dumps(shown, separators=(",", ":")).encode()
        return {"err_no": 0, "err_msg": "success", "log_id": "", "data": closed_for(plain, app.data_key)}


_PARAMETERS = (40014, "bad params")

DOUYIN: Final = _Douyin(
    content_type="application/json; charset=utf-8",
    errors=MappingProxyType(
        {
            "wrong_method": _PARAMETERS,
            "no_appid": _PARAMETERS,
            "no_secret": _PARAMETERS,
            "no_code": _PARAMETERS,
            "wrong_grant_type": _PARAMETERS,
            "wrong_appid": (40015, "bad appid"),
            "wrong_secret": (40017, "bad secret"),
            "wrong_code": (40018, "bad code"),
            "used_code": (40018, "bad code"),
            "wrong_anonymous_code": (40019, "bad anonymous code"),
            "blocked": (40226, "code blocked"),
            "over_quota": (28003017, "quota is used up"),
            "day_quota": (28003017, "quota is used up"),
            "busy": (-1, "system error"),
            "wrong_verb": (28001007, "invalid parameter"),
            "wrong_body": (28001007, "invalid parameter"),
            "no_token": (28001003, "access_token is invalid"),
            "malformed_token": (28001003, "access_token is invalid"),
            "wrong_token": (28001003, "access_token is invalid"),
            "expired_token": (28001008, "access_token is expired"),
            "wrong_phone_code": (28005187, "code is invalid"),
            "foreign_phone_code": (28005187, "code is invalid"),
            "unauthorized": (28001018, "the app has not this capability"),
            "address_not_listed": (40006, "ip is not in the whitelist"),
            "address_not_approved": (40006, "ip is not in the whitelist"),
        }
    ),
    greets=MappingProxyType({"err_no": 0, "err_tips": "success"}),
    parting=MappingProxyType({}),
    sends_rid=False,
    openid=identifiers.douyin_openid,
    unionid=identifiers.douyin_unionid,
    session_key=identifiers.wechat_session_key,
    apis=MappingProxyType({"/oauth/client_token/": "token", "/api/apps/v1/get_phonenumber_info/": "phone_number"}),
    login_path="/api/apps/v2/jscode2session",
    errcode="err_no",
    errmsg="err_tips",
    anonymous=True,
    closed_by_app=frozenset({"code"}),
)
