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
    CodeMalformed,
    InternalFault,
    NotOffered,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    Refusal,
)
from menshen.platforms.base import (
    TOKEN_TIMEOUT,
    Flow,
    PlatformIdentity,
    PlatformPhone,
    PlatformReply,
    PlatformRequest,
    PlatformToken,
    RefusedFor,
    TokenRefused,
    address,
)
from menshen.platforms.oauth import read_answer
from menshen.platforms.reply import OPENID, SESSION_KEY, ErrorTable, printable, read_errcode, read_text, read_token
from menshen.platforms.unmarked_data import Unmarked
from menshen.secret import Secret

__all__ = ["CALL_ERRORS", "Xiaohongshu"]

_CODE = re.compile(r"[0-9A-Za-z_-]{1,256}")
"""Those seen have 32 hex digits."""

CALL_ERRORS: Final[ErrorTable] = MappingProxyType({410101: TokenRefused})
"""The access token is not the app's, seen also for one that has ended (its issue tracker, 1237 and 1402)."""


class Xiaohongshu(Unmarked):
    """The adapter. Stateless. It is a ``TokenLogins``."""

    __slots__ = ()

    name = "xiaohongshu"
    plugin_type = "XiaohongshuMpLogin"
    default_base_url = "https://miniapp.xiaohongshu.com"
    code_pattern = _CODE
    phone_codes = False  # not confirmed
    session_checks = False
    stable_tokens = False  # each call makes another one, and the old one ends five minutes later
    refused_for: Mapping[int, RefusedFor] = MappingProxyType({})
    settings_page = "miniapp.xiaohongshu.com > 开发设置"

    def code2session(self, app: App, code: str) -> Flow[PlatformIdentity]:  # noqa: ARG002
        raise InternalFault("a login on Xiaohongshu comes with an access token")

    def code2session_by(self, app: App, token: Secret, code: str) -> Flow[PlatformIdentity]:
        """``GET {base}/api/rmp/session``. A code that is none is refused before anything is sent."""
        if _CODE.fullmatch(code) is None:
            raise CodeMalformed
        reply = yield PlatformRequest(
            "GET",
            address(app, self.default_base_url, "/api/rmp/session"),
            query={"app_id": app.appid, "access_token": token, "code": Secret(code)},
        )
        data = _data(reply, CALL_ERRORS, CodeInvalid, (token, Secret(code)))
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

    def phone_number(self, *_: object, **__: object) -> Flow[PlatformPhone]:
        raise NotOffered("Xiaohongshu has no phone codes that are confirmed")

    def check_session(self, *_: object, **__: object) -> Flow[bool]:
        raise NotOffered("Xiaohongshu does not tell whether a session_key is good")

    def reset_session_key(self, *_: object, **__: object) -> Flow[PlatformIdentity]:
        raise NotOffered("Xiaohongshu does not make another session_key")


def _data(
    reply: PlatformReply, errors: ErrorTable, other: type[Refusal], hidden: tuple[Secret, ...]
) -> Mapping[str, Any]:
    """The ``data`` of a success: ``code`` 0 and ``success`` true. ``other`` is what an unknown number means."""
    fields = read_answer(reply)
    code, data = read_errcode(fields.get("code"), "code"), fields.get("data")
    if code:
        raise errors.get(code, other)(printable(fields.get("msg"), hidden), platform_errcode=code)
    if reply.status != 200 or fields.get("success") is not True or not isinstance(data, dict):
        raise PlatformReplyInvalid("neither a success nor an error")
    return data
