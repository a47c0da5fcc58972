"""WeChat mini programs (微信小程序).

Facts: developers.weixin.qq.com/miniprogram/dev/server/API/user-login/api_code2session, and for what that page leaves
out the global return codes and answers that developers quote in WeChat's forum (``reference/platform-apis.md`` 1.1).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from menshen.config.app_keys import AppKeys
from menshen.config.snapshot import App
from menshen.errors import (
    CodeInvalid,
    CodeUsed,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformSaysBusy,
    UserBlocked,
)
from menshen.platforms.bare import BarePlatform
from menshen.platforms.base import Flow, PlatformIdentity, PlatformPhone, PlatformToken, RefusedFor
from menshen.platforms.open_data import BySessionKey
from menshen.platforms.reply import ErrorTable
from menshen.platforms.tencent import CODE_PATTERN, jscode2session
from menshen.platforms.wechat_api_security import API_KEYS, secured
from menshen.platforms.wechat_api_security import REFUSED_FOR as API_SECURITY_REFUSED_FOR
from menshen.platforms.wechat_phone import get_phone_number
from menshen.platforms.wechat_session_key import check_session, reset_session_key
from menshen.platforms.wechat_token import stable_token
from menshen.platforms.words import PlatformWords
from menshen.secret import Secret

__all__ = ["ERRORS", "REFUSED_FOR", "WeChat"]

ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        -1: PlatformSaysBusy,  # interface page: system busy, try again later
        40001: PlatformRefusedUs,  # global table: AppSecret wrong or not this app's; not seen for this call
        40002: PlatformRefusedUs,  # global table: grant_type not accepted; only a wrong address can do this to us
        40013: PlatformRefusedUs,  # global table and forum: not an AppID
        40029: CodeInvalid,  # interface page: unknown, expired or another app's code
        40125: PlatformRefusedUs,  # seen in public projects: AppSecret wrong
        40163: CodeUsed,  # global table and forum: the code was exchanged before
        40226: UserBlocked,  # interface page: high-risk user, login intercepted
        41002: PlatformRefusedUs,  # global table and forum: no appid (or the call came as POST)
        41004: PlatformRefusedUs,  # global table: no secret
        41008: CodeInvalid,  # global table: no code
        42003: CodeInvalid,  # global table: the code timed out; not seen for this call
        43003: PlatformRefusedUs,  # forum: HTTPS required, so base_url is wrong
        45009: PlatformLimit,  # global table: the app's daily quota
        45011: PlatformLimit,  # interface page: minute quota (older pages: 100 a minute for one user)
        48001: PlatformRefusedUs,  # global table: the app may not use this API; not seen for this call
    }
)

REFUSED_FOR: Final[Mapping[int, RefusedFor]] = MappingProxyType(
    {
        40001: "secret",
        40002: "transport",
        40013: "appid",
        40125: "secret",
        40164: "address",
        41002: "transport",
        41004: "transport",
        43003: "transport",
        48001: "permission",
        89503: "approval",
        **API_SECURITY_REFUSED_FOR,
    }
)
"""Of logins, of access tokens, and of calls with one."""


class WeChat(BySessionKey, BarePlatform):
    """The adapter. ``clock`` gives Unix seconds, ``random(n)`` n random bytes: for calls that are signed."""

    __slots__ = ("_clock", "_random")

    name = "wechat"
    plugin_type = "WeChatMpLogin"
    default_base_url = "https://api.weixin.qq.com"
    code_pattern = CODE_PATTERN
    phone_codes = True
    session_checks = True
    stable_tokens = True
    refused_for = REFUSED_FOR
    settings_page = "mp.weixin.qq.com > 开发管理 > 开发设置"
    words = PlatformWords(("WeChat", "微信"), "wx.login")
    app_keys: Final[AppKeys] = API_KEYS

    def __init__(
        self, clock: Callable[[], float] = time.time, random: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._clock = clock
        self._random = random

    def code2session(self, app: App, code: str) -> Flow[PlatformIdentity]:
        return jscode2session(app, code, self.default_base_url, ERRORS)

    def access_token(self, app: App, force: bool) -> Flow[PlatformToken]:
        return stable_token(app, force, self.default_base_url)

    def phone_number(self, app: App, token: Secret, code: str, openid: str) -> Flow[PlatformPhone]:
        flow = get_phone_number(app, token, code, openid, self.default_base_url)
        keys = app.api_security
        return flow if keys is None else secured(flow, app, keys, self._clock, self._random)

    def check_session(self, app: App, token: Secret, openid: str, session_key: Secret) -> Flow[bool]:
        return check_session(app, token, openid, session_key, self.default_base_url)

    def reset_session_key(self, app: App, token: Secret, openid: str, session_key: Secret) -> Flow[PlatformIdentity]:
        return reset_session_key(app, token, openid, session_key, self.default_base_url)
