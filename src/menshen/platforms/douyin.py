"""Douyin mini programs (抖音小程序), and those of its sister apps.

Facts: developer.open-douyin.com, "code-2-session", and SDKs for its numbers (``reference/platform-apis.md`` 5). Unlike
WeChat's the call is a POST of JSON, and everything but the error is one level down. What Douyin writes into
``err_tips`` is not confirmed, nor what its codes look like: neither is looked at more than it must be.

``tt.login`` gives a ``code`` of who is logged in to the app around the mini program, and an ``anonymousCode`` of the
device. The second is taken where the client says so, as ``anonymous:CODE``, and makes an openid that says so too: a
device is no user, and must not become one by chance.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from menshen.config.app_keys import AppKey, AppKeys
from menshen.config.snapshot import App
from menshen.errors import (
    CodeInvalid,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformSaysBusy,
)
from menshen.platforms.app_key_forms import no_private_key
from menshen.platforms.bare import BarePlatform
from menshen.platforms.base import (
    Flow,
    PlatformIdentity,
    PlatformPhone,
    PlatformReply,
    PlatformRequest,
    PlatformToken,
    RefusedFor,
    address,
)
from menshen.platforms.douyin_phone import client_token, get_phone_number
from menshen.platforms.open_data import BySessionKey
from menshen.platforms.reply import (
    OPENID,
    SESSION_KEY,
    ErrorTable,
    read_data,
    read_object,
    read_text,
    refuse,
)
from menshen.platforms.words import PlatformWords
from menshen.secret import Secret

__all__ = ["ANONYMOUS", "ERRORS", "REFUSED_FOR", "Douyin"]

ANONYMOUS: Final = "anonymous:"
"""In front of an anonymous code, and of the openid that it brings. No code and no openid has a colon."""

ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        -1: PlatformSaysBusy,  # SDKs: system error
        40014: PlatformRefusedUs,  # SDKs: a parameter is missing; only a wrong address can do this to us
        40015: PlatformRefusedUs,  # SDKs: not an AppID
        40017: PlatformRefusedUs,  # SDKs: AppSecret wrong
        40018: CodeInvalid,  # SDKs: unknown, used, expired, or another app's; no other number is known for a used one
        40019: CodeInvalid,  # SDKs: the same of an anonymous code
        28003017: PlatformLimit,  # unconfirmed: the quota of Douyin's newer calls; none is known for this one
    }
)

REFUSED_FOR: Final[Mapping[int, RefusedFor]] = MappingProxyType(
    {
        10002: "transport",
        10003: "appid",
        10013: "secret",
        40014: "transport",
        40015: "appid",
        40006: "address",
        40017: "secret",
        2100005: "transport",
        28001007: "transport",
        28001016: "permission",
        28001018: "permission",
    }
)
"""Of logins, of tokens, and of calls with one."""


class Douyin(BySessionKey, BarePlatform):
    """The adapter. Stateless."""

    __slots__ = ()

    name = "douyin"
    plugin_type = "DouyinMpLogin"
    default_base_url = "https://developer.toutiao.com"
    code_pattern = re.compile(rf"(?:{ANONYMOUS})?[0-9A-Za-z_.=-]{{1,480}}")  # unconfirmed: no page shows a real one
    phone_codes = True  # with tokens of which each call makes another one, and ends none
    refused_for = REFUSED_FOR
    settings_page = "developer.open-douyin.com > 开发 > 开发设置"
    words = PlatformWords(("Douyin", "抖音"), "tt.login")
    app_keys: Final[AppKeys] = MappingProxyType({"data_key": AppKey(no_private_key)})

    def code2session(self, app: App, code: str) -> Flow[PlatformIdentity]:
        """``POST {base}/api/apps/v2/jscode2session``. Raises CodeMalformed before anything is sent."""
        plain = self.possible(code).reveal().removeprefix(ANONYMOUS)
        anonymous = plain != code
        reply = yield PlatformRequest(
            "POST",
            address(app, self.default_base_url, "/api/apps/v2/jscode2session"),
            json={
                "appid": app.appid,
                "secret": app.secret,
                "anonymous_code" if anonymous else "code": Secret(plain),
            },
        )
        data = _data(reply, hidden=(app.secret, Secret(plain)))
        if anonymous:
            openid = read_text(data, "anonymous_openid", OPENID)
            return PlatformIdentity(f"{ANONYMOUS}{openid}", "", Secret(""))
        return PlatformIdentity(
            openid=read_text(data, "openid", OPENID),
            unionid=read_text(data, "unionid", OPENID, optional=True),
            session_key=Secret(read_text(data, "session_key", SESSION_KEY)),
        )

    def access_token(self, app: App, force: bool) -> Flow[PlatformToken]:  # noqa: ARG002  (every call makes a new one)
        return client_token(app)

    def phone_number(self, app: App, token: Secret, code: str, openid: str) -> Flow[PlatformPhone]:
        return get_phone_number(app, token, code, openid)


def _data(reply: PlatformReply, hidden: tuple[Secret, ...]) -> Mapping[str, Any]:
    """``data`` of a success. Raises a refusal of ``ERRORS``, and PlatformReplyInvalid.

    Errors of the first version of this call have other names (``errcode``, ``errmsg``); a proxy in between may still
    speak it.
    """
    fields = read_object(reply)
    number, said = fields.get("err_no", fields.get("errcode")), fields.get("err_tips", fields.get("errmsg"))
    refuse(number, said, ERRORS, hidden, name="err_no")
    return read_data(fields)
