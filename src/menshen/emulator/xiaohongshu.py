"""Xiaohongshu's voice (``reference/platform-apis.md`` 8).

One error number of it is known, 410101. The others here are made up; for a limit and a busy platform stands HTTP.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from menshen.emulator import identifiers
from menshen.emulator.dialect import Asked, Dialect, Fields, Outcome, json_texts, parameters
from menshen.emulator.identifiers import RandomBytes
from menshen.emulator.payloads import Payload, encrypted, phone_info

if TYPE_CHECKING:
    from menshen.emulator.visitors import Visitor

__all__ = ["XIAOHONGSHU"]

_TOKEN = (410101, "应用访问令牌不匹配")
_BUSY, _TOO_MANY = 990503, 990429


@dataclass(frozen=True, slots=True)
class _Xiaohongshu(Dialect):
    def asked(self, method: str, query: bytes, body: bytes) -> Asked:  # noqa: ARG002 - all is in the query
        params = parameters(query)
        appid, token, code = (params.get(name, "") for name in ("app_id", "access_token", "code"))
        outcome: Outcome | None = None
        if method != "GET":
            outcome = "wrong_method"
        elif not appid:
            outcome = "no_appid"
        elif not token:
            outcome = "no_token"
        elif not code:
            outcome = "no_code"
        return Asked({"appid": appid, "access_token": token, "js_code": code}, appid, token, code, outcome)

    def called(self, query: bytes, body: bytes) -> Mapping[str, str]:
        return {**parameters(query), **json_texts(body)}

    def refuse(self, outcome: Outcome, rid: str, *, login: bool = True) -> Fields:  # noqa: ARG002 - no rid, one form
        code, msg = self.errors[outcome]
        return {"success": False, "msg": msg, "data": None, "code": code}

    def accept(self, openid: str, session_key: str, unionid: str) -> Fields:  # noqa: ARG002 - there is none
        return self._told({"openid": openid, "session_key": session_key})

    def give(self, token: str, seconds: int) -> Fields:
        return self._told({"access_token": token, "expire_in": seconds})

    def status(self, fields: Fields) -> int:
        return {_BUSY: 503, _TOO_MANY: 429}.get(fields.get("code", 0), 200)

    def _told(self, data: Fields) -> Fields:
        return {"data": data, "success": True, "msg": "success", "code": 0}


def _user_info(
    visitor: Visitor,
    profile: Mapping[str, Any],
    watermark: Mapping[str, Any],  # noqa: ARG001 - whether there is one is not known
    *,
    unionid: bool,  # noqa: ARG001 - there is none
    random: RandomBytes,
) -> Payload:
    fields = {"openId": visitor.openid, "nickName": "小红薯", "gender": 0, **profile}
    return Payload(*encrypted(fields, visitor.session_key, random))


def _phone(
    visitor: Visitor,
    number: str,
    country: str,
    watermark: Mapping[str, Any],  # noqa: ARG001 - whether there is one is not known
    *,
    random: RandomBytes,
) -> Payload:
    fields = {**phone_info(number, country), "countryCode": country}
    return Payload(*encrypted(fields, visitor.session_key, random))


XIAOHONGSHU: Final = _Xiaohongshu(
    content_type="application/json",
    errors=MappingProxyType(
        {
            "wrong_method": (990405, "请求方式错误"),
            "no_appid": (990400, "参数错误"),
            "no_secret": (990400, "参数错误"),
            "no_code": (990400, "参数错误"),
            "no_token": _TOKEN,
            "wrong_appid": (990401, "应用不存在"),
            "wrong_secret": (990402, "密钥错误"),
            "wrong_code": (990403, "code 无效"),
            "used_code": (990403, "code 无效"),
            "blocked": (990404, "用户异常"),
            "over_quota": (_TOO_MANY, "请求过于频繁"),
            "busy": (_BUSY, "系统繁忙"),
            "malformed_token": _TOKEN,
            "wrong_token": _TOKEN,
            "expired_token": _TOKEN,
        }
    ),
    greets=MappingProxyType({}),
    parting=MappingProxyType({}),
    sends_rid=False,
    openid=identifiers.xiaohongshu_openid,
    unionid=identifiers.no_unionid,
    session_key=lambda random: base64.b64encode(random(24)).decode(),
    apis=MappingProxyType({"/api/rmp/token": "token"}),
    login_path="/api/rmp/session",
    errcode="code",
    errmsg="msg",
    app_grant="",
    by_token=True,
    user_info=_user_info,
    phone_data=_phone,
)
