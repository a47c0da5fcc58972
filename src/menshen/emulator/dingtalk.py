"""DingTalk's voice (``reference/platform-apis.md`` 10), in the texts of answers that public projects quote.

Which refusals come within 88 is known of access tokens and of permissions; the others come under their own number here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from menshen.emulator import identifiers
from menshen.emulator.dialect import Asked, Dialect, Fields, Outcome, json_texts, parameters

__all__ = ["DINGTALK"]

_NO_PARAMETER = (40035, "缺少参数 corpid or appkey")
_NO_PAIR = (40096, "不合法的appKey或appSecret")
_NO_CODE = (40078, "不存在的临时授权码")
_NO_TOKEN = (40014, "不合法的access_token")
_ADDRESS = (60020, "访问ip不在白名单之中")
_WITHIN_88: Final = frozenset({40000, 40014, 60011, 60020})


@dataclass(frozen=True, slots=True)
class _DingTalk(Dialect):
    def asked(self, method: str, query: bytes, body: bytes) -> Asked:
        token = parameters(query).get("access_token", "")
        code = json_texts(body).get("code", "") or parameters(body).get("code", "")
        outcome: Outcome | None = None
        if method != "POST":
            outcome = "wrong_method"
        elif not token:
            outcome = "no_token"
        elif not code:
            outcome = "no_code"
        return Asked({"access_token": token, "js_code": code}, "", token, code, outcome)

    def called(self, query: bytes, body: bytes) -> Mapping[str, str]:  # noqa: ARG002 - all is in the query
        names = {"appkey": "appid", "appsecret": "secret"}
        return {names.get(name, name): value for name, value in parameters(query).items()}

    def refuse(self, outcome: Outcome, rid: str, *, login: bool = True) -> Fields:
        number, said = self.errors[outcome]
        request_id = {"request_id": rid.replace("-", "")[:13]} if login else {}
        if number not in _WITHIN_88:
            return {"errcode": number, "errmsg": said, **request_id}
        errmsg = f"ding talk error[subcode={number},submsg={said}]"
        return {"errcode": 88, "sub_code": str(number), "sub_msg": said, "errmsg": errmsg, **request_id}

    def accept(self, openid: str, session_key: str, unionid: str) -> Fields:  # noqa: ARG002 - there is none
        result = {"userid": openid, "name": "员工", "device_id": "0" * 32, "sys": False, "sys_level": 0}
        more = {"unionid": unionid, "associated_unionid": unionid[::-1]} if unionid else {}
        return {"errcode": 0, "errmsg": "ok", "result": result | more, "request_id": "emulated"}


DINGTALK: Final = _DingTalk(
    content_type="application/json;charset=UTF-8",
    errors=MappingProxyType(
        {
            "wrong_method": (22, "Invalid method"),
            "no_appid": _NO_PARAMETER,
            "no_secret": _NO_PARAMETER,
            "no_code": (41026, "参数缺少临时授权码"),
            "no_token": (40000, "access_token is blank"),
            "wrong_appid": _NO_PAIR,
            "wrong_secret": _NO_PAIR,
            "wrong_code": _NO_CODE,
            "used_code": _NO_CODE,
            "blocked": (60121, "找不到该用户"),
            "over_quota": (90018, "请求被暂时限制"),
            "day_quota": (90006, "请求被暂时禁用"),
            "busy": (-1, "系统繁忙"),
            "malformed_token": _NO_TOKEN,
            "wrong_token": _NO_TOKEN,
            "expired_token": _NO_TOKEN,
            "unauthorized": (60011, "没有调用该接口的权限"),
            "address_not_listed": _ADDRESS,
            "address_not_approved": _ADDRESS,
        }
    ),
    greets=MappingProxyType({"errcode": 0, "errmsg": "ok"}),
    parting=MappingProxyType({}),
    sends_rid=False,
    openid=identifiers.dingtalk_userid,
    unionid=identifiers.dingtalk_unionid,
    session_key=identifiers.no_session_key,
    apis=MappingProxyType({"/gettoken": "token"}),
    login_path="/topapi/v2/user/getuserinfo",
    app_grant="",
    by_token=True,
    steady_tokens=True,
    profiles=False,
    numbers=False,
)
