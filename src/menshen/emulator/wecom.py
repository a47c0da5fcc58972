"""WeCom's voice (``reference/platform-apis.md`` 2), in the texts that its forum quotes, else in those of its table.

An app's ``platform_key`` is the CorpID of the corp that has linked it; an app without one is of :data:`CORP`. The calls
name no AppID: a token is asked for with CorpID and secret, and says at a login which app that is of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from menshen.emulator import identifiers
from menshen.emulator.dialect import AppSettings, Asked, Dialect, Fields, Outcome, parameters
from menshen.emulator.identifiers import RandomBytes
from menshen.emulator.payloads import Payload, compact, encrypted

if TYPE_CHECKING:
    from menshen.emulator.visitors import Visitor

__all__ = ["CORP", "WECOM"]

CORP: Final = "ww0123456789abcdef"

_MISSING = (40063, "some parameters are empty")
_ADDRESS = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class _WeCom(Dialect):
    def asked(self, method: str, query: bytes, body: bytes) -> Asked:  # noqa: ARG002 - all is in the query
        params = parameters(query)
        token, code = (params.get(name, "") for name in ("access_token", "js_code"))
        outcome: Outcome | None = None
        if method != "GET":
            outcome = "wrong_method"
        elif not token:
            outcome = "no_token"
        elif not code:
            outcome = "no_code"
        elif params.get("grant_type") != "authorization_code":
            outcome = "wrong_grant_type"
        return Asked(params, "", token, code, outcome)

    def called(self, query: bytes, body: bytes) -> Mapping[str, str]:  # noqa: ARG002 - all is in the query
        params = parameters(query)
        names = {"corpid": "appid", "corpsecret": "secret"}
        return {names[name]: value for name, value in params.items() if name in names}

    def app_of(self, apps: Mapping[str, AppSettings], named: str, secret: str) -> str:
        of_corp = [appid for appid, app in apps.items() if app.platform_key == named]
        return next((appid for appid in of_corp if apps[appid].secret == secret), of_corp[0] if of_corp else "")

    def refuse(self, outcome: Outcome, rid: str, *, login: bool = True) -> Fields:  # noqa: ARG002 - one form
        errcode, errmsg = self.errors[outcome]
        hint = str(int(rid.replace("-", ""), 16)).zfill(25)[:25]
        trail = f"hint: [{hint}], from ip: {_ADDRESS}, more info at https://open.work.weixin.qq.com/devtool/query?e={errcode}"
        return {"errcode": errcode, "errmsg": f"{errmsg}, {trail}"}

    def accept(self, openid: str, session_key: str, unionid: str) -> Fields:  # noqa: ARG002 - there is none
        return {**self.greets, "userid": openid, "session_key": session_key, "deviceid": ""}

    def signed(self, fields: Fields, app: AppSettings | None) -> Fields:
        """Not signed, but told of: whose member it is."""
        return {**fields, "corpid": app.platform_key} if app is not None and "userid" in fields else fields

    def registered(self, app: AppSettings) -> AppSettings:
        return app if app.platform_key else replace(app, platform_key=CORP)

    def shown(self, app: AppSettings) -> Fields:
        return {"platform_key": app.platform_key}

    def closes_profile(
        self,
        app: AppSettings,
        visitor: Visitor,
        profile: Mapping[str, Any],
        watermark: Mapping[str, Any],
        random: RandomBytes,
    ) -> Payload:
        shown = {"name": "成员", "gender": 0, **profile}
        raw = compact({**shown, "language": "zh_CN"})
        signature = hashlib.sha1((raw + visitor.session_key).encode(), usedforsecurity=False).hexdigest()
        fields = {"corpid": app.platform_key, "userid": visitor.openid, **shown, "watermark": dict(watermark)}
        return Payload(*encrypted(fields, visitor.session_key, random), raw, signature)


WECOM: Final = _WeCom(
    content_type="application/json; charset=UTF-8",
    errors=MappingProxyType(
        {
            "wrong_method": _MISSING,
            "no_appid": (41002, "corpid missing"),
            "no_secret": (41004, "corpsecret missing"),
            "no_code": (41008, "missing code"),
            "wrong_grant_type": _MISSING,
            "wrong_appid": (40013, "invalid corpid"),
            "wrong_secret": (40001, "invalid credential"),
            "wrong_code": (40029, "invalid code"),
            "used_code": (40029, "invalid code"),
            "blocked": (60021, "userid not in the app's visible range"),
            "over_quota": (45009, "api freq out of limit"),
            "day_quota": (45009, "api freq out of limit"),
            "busy": (-1, "system busy"),
            "no_token": (41001, "access_token missing"),
            "malformed_token": (40014, "invalid access_token"),
            "wrong_token": (40014, "invalid access_token"),
            "expired_token": (42001, "access_token expired"),
            "unauthorized": (48002, "api forbidden"),
            "address_not_listed": (60020, "not allow to access from your ip"),
        }
    ),
    greets=MappingProxyType({"errcode": 0, "errmsg": "ok"}),
    parting=MappingProxyType({}),
    sends_rid=False,
    openid=identifiers.wecom_userid,
    unionid=identifiers.no_unionid,
    session_key=identifiers.wechat_session_key,
    apis=MappingProxyType({"/cgi-bin/gettoken": "token"}),
    login_path="/cgi-bin/miniprogram/jscode2session",
    app_grant="",
    by_token=True,
    steady_tokens=True,
    numbers=False,
)
