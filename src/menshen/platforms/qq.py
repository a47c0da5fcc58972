"""QQ mini programs (QQ小程序).

Facts: mirrors of q.qq.com's page "port_login" and a public SDK (``reference/platform-apis.md`` 3). The shape is
WeChat's; success carries ``errcode`` 0, and wrong credentials have a number of QQ's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from menshen.config.snapshot import App
from menshen.errors import CodeInvalid, PlatformLimit, PlatformRefusedUs, PlatformSaysBusy
from menshen.platforms.bare import BarePlatform
from menshen.platforms.base import (
    TOKEN_TIMEOUT,
    Flow,
    PlatformIdentity,
    PlatformRequest,
    PlatformToken,
    RefusedFor,
    address,
)
from menshen.platforms.open_data import BySessionKey
from menshen.platforms.reply import ErrorTable
from menshen.platforms.tencent import CODE_PATTERN, jscode2session, read_token
from menshen.platforms.words import PlatformWords

__all__ = ["ERRORS", "QQ", "REFUSED_FOR"]

ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        -1: PlatformSaysBusy,  # port_login mirror: system busy
        40029: CodeInvalid,  # port_login mirror: invalid code; no other number is documented for a used one
        45011: PlatformLimit,  # port_login mirror: 100 a minute for one user
        -101222100: PlatformRefusedUs,  # port_login mirror: wrong parameter; check appid, secret and the IDE's appid
    }
)

REFUSED_FOR: Final[Mapping[int, RefusedFor]] = MappingProxyType({-101222100: "credentials"})


class QQ(BySessionKey, BarePlatform):
    """The adapter. Stateless."""

    __slots__ = ()

    name = "qq"
    plugin_type = "QQMPLogin"
    default_base_url = "https://api.q.qq.com"
    code_pattern = CODE_PATTERN
    # No phone codes: numbers come encrypted only. Each call makes another token.
    refused_for = REFUSED_FOR
    settings_page = "q.qq.com > 开发管理 > 开发设置"
    words = PlatformWords(("QQ", "QQ"), "qq.login")

    def code2session(self, app: App, code: str) -> Flow[PlatformIdentity]:
        return jscode2session(app, code, self.default_base_url, ERRORS)

    def access_token(self, app: App, force: bool) -> Flow[PlatformToken]:  # noqa: ARG002  (every call makes a new one)
        """``GET {base}/api/getToken``, as public projects call it."""
        reply = yield PlatformRequest(
            "GET",
            address(app, self.default_base_url, "/api/getToken"),
            query={"grant_type": "client_credential", "appid": app.appid, "secret": app.secret},
            timeout=TOKEN_TIMEOUT,
        )
        return read_token(reply, ERRORS, hidden=(app.secret,))
