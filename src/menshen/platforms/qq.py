"""QQ mini programs (QQ小程序).

Facts: mirrors of q.qq.com's page "port_login" and a public SDK (``reference/platform-apis.md`` 3). The shape is
WeChat's; success carries ``errcode`` 0, and wrong credentials have a number of QQ's own.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from menshen.config.snapshot import App
from menshen.errors import CodeInvalid, PlatformLimit, PlatformRefusedUs, PlatformSaysBusy
from menshen.platforms.base import Flow
from menshen.platforms.tencent import CODE_PATTERN, ErrorTable, jscode2session

__all__ = ["ERRORS", "QQ"]

ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        -1: PlatformSaysBusy,  # port_login mirror: system busy
        40029: CodeInvalid,  # port_login mirror: invalid code; no other number is documented for a used one
        45011: PlatformLimit,  # port_login mirror: 100 a minute for one user
        -101222100: PlatformRefusedUs,  # port_login mirror: wrong parameter; check appid, secret and the IDE's appid
    }
)


class QQ:
    """The adapter. Stateless."""

    __slots__ = ()

    name = "qq"
    plugin_type = "QQMPLogin"
    default_base_url = "https://api.q.qq.com"
    code_pattern = CODE_PATTERN

    def code2session(self, app: App, code: str) -> Flow:
        return jscode2session(app, code, self.default_base_url, ERRORS)
