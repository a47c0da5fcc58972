"""Feishu and Lark mini programs (飞书小程序). Lark is Feishu with another ``base_url``, open.larksuite.com.

Facts: open.feishu.cn's own pages on ``tokenLoginValidate``, on ``app_access_token`` of custom apps, on its limits and
on its server's error codes (``reference/platform-apis.md`` 9). The first of them stands among the older ones: Feishu
advises new mini programs to take ``tt.requestAccess`` and the OAuth calls of its web apps, which give no session_key.
The codes of ``tt.login``, which are not good for those calls, go here.

A login comes with the app's access token, which Feishu gives again as long as it has half an hour left: asking ends
nobody's. The answer to a login has the user's own access token and refresh token in it, which open his mail and files:
they are dropped. So are ``union_id``, which the page calls obsolete and no Union ID, and ``tenant_key``: a custom app
is of one company.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from menshen.config.snapshot import App
from menshen.errors import (
    CodeInvalid,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    PlatformSaysBusy,
    UserBlocked,
)
from menshen.platforms.bare import BareTokenPlatform
from menshen.platforms.base import (
    TOKEN_TIMEOUT,
    Flow,
    PlatformIdentity,
    PlatformReply,
    PlatformRequest,
    PlatformToken,
    RefusedFor,
    TokenRefused,
    address,
)
from menshen.platforms.feishu_data import ByHexKey
from menshen.platforms.oauth import read_answer
from menshen.platforms.reply import OPENID, SESSION_KEY, ErrorTable, read_data, read_text, read_token, refuse
from menshen.platforms.tencent import CODE_PATTERN
from menshen.platforms.words import PlatformWords
from menshen.secret import Secret

__all__ = ["CALL_ERRORS", "REFUSED_FOR", "TOKEN_ERRORS", "Feishu"]

_COMMON: Final[ErrorTable] = MappingProxyType(
    {
        1500: PlatformSaysBusy,  # server's codes: internal error, try again later
        5000: PlatformSaysBusy,  # server's codes: internal error, ask less, wait a while
        9499: PlatformRefusedUs,  # server's codes: a bad request; only a wrong address can do this to us
        10101: PlatformSaysBusy,  # server's codes: internal error, try again later
        10500: PlatformSaysBusy,  # server's codes: internal server error
        11207: PlatformRefusedUs,  # server's codes: the app is not in use
        11209: PlatformRefusedUs,  # server's codes: there is no such app
        99991201: PlatformRefusedUs,  # server's codes: there is nothing at this path
        99991301: PlatformRefusedUs,  # server's codes: not with this method
        99991400: PlatformLimit,  # page on limits, with HTTP 429 or 400
        99991401: PlatformRefusedUs,  # page on the IP whitelist: our address is not on the app's
        99991543: PlatformRefusedUs,  # server's codes: no such app_id, or not its app_secret
        99991662: PlatformRefusedUs,  # server's codes: the app is disabled
        99991672: PlatformRefusedUs,  # server's codes: the app has not applied for the permission
        99991673: PlatformRefusedUs,  # server's codes: the app is not installed, or not available
    }
)

TOKEN_ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        **_COMMON,
        10003: PlatformRefusedUs,  # server's codes: a parameter is wrong, and there are AppID and AppSecret only
        10005: PlatformRefusedUs,  # server's codes: what is said of the app is wrong
        10012: PlatformRefusedUs,  # server's codes: no app_access_token can be had
        10014: PlatformRefusedUs,  # server's codes: the app is deactivated; public projects: no such app, wrong secret
        10015: PlatformRefusedUs,  # server's codes: wrong app secret
    }
)

CALL_ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        **_COMMON,
        10202: TokenRefused,  # login page: the access token is invalid
        10204: CodeInvalid,  # server's codes: the code is used or has ended; not seen for this call
        10213: CodeInvalid,  # login page: the code is another app's, used, or has ended
        10228: UserBlocked,  # login page: the app is not for this user to see
        99991661: PlatformRefusedUs,  # server's codes: no token, so that something has taken our header away
        99991663: TokenRefused,  # server's codes: a tenant's token, which begins as an app's does
        99991664: TokenRefused,  # server's codes: not an app's access token
        99991671: TokenRefused,  # server's codes: of no token's form
        99991677: TokenRefused,  # server's codes: the token has ended
    }
)

REFUSED_FOR: Final[Mapping[int, RefusedFor]] = MappingProxyType(
    {
        9499: "transport",
        10003: "credentials",
        10005: "credentials",
        10012: "credentials",
        10014: "credentials",
        10015: "secret",
        11207: "permission",
        11209: "appid",
        99991201: "transport",
        99991301: "transport",
        99991401: "address",
        99991543: "credentials",
        99991661: "transport",
        99991662: "permission",
        99991672: "permission",
        99991673: "permission",
    }
)

_HEADERS: Final = {"Content-Type": "application/json; charset=utf-8"}


class Feishu(ByHexKey, BareTokenPlatform):
    """The adapter. Stateless. It is a ``TokenLogins``."""

    __slots__ = ()

    name = "feishu"
    plugin_type = "FeishuMpLogin"
    default_base_url = "https://open.feishu.cn"
    code_pattern = CODE_PATTERN
    stable_tokens = True
    refused_for = REFUSED_FOR
    settings_page = "open.feishu.cn/app > 凭证与基础信息"
    words = PlatformWords(
        ("Feishu", "飞书"),
        "tt.login",
        appid="App ID",
        secret=("App Secret", "App Secret"),
        proof=("the access token", "access token"),
    )

    def code2session_by(self, app: App, token: Secret, code: str) -> Flow[PlatformIdentity]:
        """``POST {base}/open-apis/mina/v2/tokenLoginValidate``. A code that is none is refused before that."""
        given = self.possible(code)
        reply = yield PlatformRequest(
            "POST",
            address(app, self.default_base_url, "/open-apis/mina/v2/tokenLoginValidate"),
            json={"code": given},
            headers={**_HEADERS, "Authorization": Secret(f"Bearer {token.reveal()}")},
        )
        data = read_data(_fields(reply, CALL_ERRORS, (token, given)))
        return PlatformIdentity(
            openid=read_text(data, "open_id", OPENID),
            unionid="",
            session_key=Secret(read_text(data, "session_key", SESSION_KEY)),
        )

    def access_token(self, app: App, force: bool) -> Flow[PlatformToken]:  # noqa: ARG002  (there is no way to force one)
        """``POST {base}/open-apis/auth/v3/app_access_token/internal``, which is for custom apps (企业自建应用)."""
        reply = yield PlatformRequest(
            "POST",
            address(app, self.default_base_url, "/open-apis/auth/v3/app_access_token/internal"),
            json={"app_id": app.appid, "app_secret": app.secret},
            headers=_HEADERS,
            timeout=TOKEN_TIMEOUT,
        )
        fields = _fields(reply, TOKEN_ERRORS, (app.secret,))
        return read_token({"access_token": fields.get("app_access_token"), "expire": fields.get("expire")}, "expire")


def _fields(reply: PlatformReply, errors: ErrorTable, hidden: tuple[Secret, ...]) -> Mapping[str, Any]:
    """The fields of a success, which is ``code`` 0."""
    fields = read_answer(reply)
    refuse(fields.get("code"), fields.get("msg"), errors, hidden, name="code")
    if reply.status != 200 or fields.get("code") is None:
        raise PlatformReplyInvalid("neither a success nor an error")
    return fields
