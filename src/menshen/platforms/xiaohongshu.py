"""Xiaohongshu mini programs (小红书小程序).

Facts: public projects that quote miniapp.xiaohongshu.com, and its team's issue tracker (``reference/platform-apis.md``
8). A login comes with the app's access token. Getting a token shortens the life of the one before to five minutes, and
no more than two are good: so there is one holder of it, and no login gets one for itself.

Of the error numbers one is known, 410101. What the others mean follows from what they answer to: a call with AppID and
AppSecret only, and a call with a code and a token that was taken. A busy platform and a limit are known by HTTP alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from menshen.config.snapshot import App
from menshen.errors import (
    CodeInvalid,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    Refusal,
)
from menshen.platforms.bare import BareTokenPlatform
from menshen.platforms.base import (
    TOKEN_TIMEOUT,
    Flow,
    PlatformIdentity,
    PlatformReply,
    PlatformRequest,
    PlatformToken,
    TokenRefused,
    address,
)
from menshen.platforms.oauth import read_answer
from menshen.platforms.reply import OPENID, SESSION_KEY, ErrorTable, read_data, read_text, read_token, refuse
from menshen.platforms.unmarked_data import Unmarked
from menshen.platforms.words import PlatformWords
from menshen.secret import Secret

__all__ = ["CALL_ERRORS", "Xiaohongshu"]

_CODE = re.compile(r"[0-9A-Za-z_-]{1,256}")
"""Those seen have 32 hex digits."""

CALL_ERRORS: Final[ErrorTable] = MappingProxyType({410101: TokenRefused})
"""The access token is not the app's, seen also for one that has ended (its issue tracker, 1237 and 1402)."""


class Xiaohongshu(Unmarked, BareTokenPlatform):
    """The adapter. Stateless. It is a ``TokenLogins``."""

    __slots__ = ()

    name = "xiaohongshu"
    plugin_type = "XiaohongshuMpLogin"
    default_base_url = "https://miniapp.xiaohongshu.com"
    code_pattern = _CODE
    # No phone codes: none are confirmed. Each call makes another token, and the old one ends five minutes later.
    settings_page = "miniapp.xiaohongshu.com > 开发设置"
    words = PlatformWords(("Xiaohongshu", "小红书"), "xhs.login", proof=("the access token", "access token"))

    def code2session_by(self, app: App, token: Secret, code: str) -> Flow[PlatformIdentity]:
        """``GET {base}/api/rmp/session``. A code that is none is refused before anything is sent."""
        given = self.possible(code)
        reply = yield PlatformRequest(
            "GET",
            address(app, self.default_base_url, "/api/rmp/session"),
            query={"app_id": app.appid, "access_token": token, "code": given},
        )
        data = _data(reply, CALL_ERRORS, CodeInvalid, (token, given))
        return PlatformIdentity(
            openid=read_text(data, "open_id" if "openid" not in data else "openid", OPENID),  # its pages have either
            unionid="",
            session_key=Secret(read_text(data, "session_key", SESSION_KEY)),
        )

    def access_token(self, app: App, force: bool) -> Flow[PlatformToken]:  # noqa: ARG002  (every call makes a new one)
        """``POST {base}/api/rmp/token``. Its ``expire_in`` has no s."""
        reply = yield PlatformRequest(
            "POST",
            address(app, self.default_base_url, "/api/rmp/token"),
            json={"appid": app.appid, "secret": app.secret},
            timeout=TOKEN_TIMEOUT,
        )
        data = _data(reply, MappingProxyType({}), PlatformRefusedUs, (app.secret,))
        return read_token(data, "expire_in" if "expires_in" not in data else "expires_in")


def _data(
    reply: PlatformReply, errors: ErrorTable, other: type[Refusal], hidden: tuple[Secret, ...]
) -> Mapping[str, Any]:
    """The ``data`` of a success: ``code`` 0 and ``success`` true. ``other`` is what an unknown number means."""
    fields = read_answer(reply)
    refuse(fields.get("code"), fields.get("msg"), errors, hidden, name="code", unknown=other)
    if reply.status != 200 or fields.get("success") is not True:
        raise PlatformReplyInvalid("neither a success nor an error")
    return read_data(fields)
