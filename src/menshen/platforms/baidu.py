"""Baidu smart programs (百度智能小程序).

Facts: copies of Baidu's page "Session Key" and of its OAuth pages (``reference/platform-apis.md`` 6). Of Baidu's two
ways from a code to a session_key this is the one that takes AppKey and AppSecret: the other wants an access token
first, and both take what ``swan.getLoginCode`` gives. The numbers below 1,000 are those of Baidu's open API, from its
own pages of other services; which of them this call has is unconfirmed, and so is any number for a used code or a
blocked user. An error is also read by its name.

An app's ``appid`` is the AppKey here, not the AppID. A unionid takes another call, which is not made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from menshen.config.snapshot import App
from menshen.errors import (
    PlatformLimit,
    PlatformRefusedUs,
    PlatformSaysBusy,
)
from menshen.platforms import baidu_data
from menshen.platforms.bare import BarePlatform
from menshen.platforms.base import (
    TOKEN_TIMEOUT,
    EncryptedData,
    Flow,
    PlatformIdentity,
    PlatformReply,
    PlatformRequest,
    PlatformToken,
    RefusedFor,
    address,
)
from menshen.platforms.oauth import read_answer, succeeded
from menshen.platforms.open_data import encrypted_data
from menshen.platforms.reply import OPENID, SESSION_KEY, ErrorTable, read_errcode, read_text, read_token
from menshen.platforms.words import PlatformWords
from menshen.secret import Secret

__all__ = ["ERRORS", "REFUSED_FOR", "Baidu"]

_CODE = re.compile(r"[0-9A-Za-z@._-]{1,256}")
"""A code with an @ in it is another host app's, whom Baidu asks."""

_TOKENS = "https://openapi.baidu.com"

ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        1: PlatformSaysBusy,  # open API: unknown error, to be tried again
        2: PlatformSaysBusy,  # open API: service temporarily unavailable
        3: PlatformRefusedUs,  # open API: there is no such method
        4: PlatformLimit,  # open API: request limit
        5: PlatformRefusedUs,  # open API: our address may not ask
        6: PlatformRefusedUs,  # open API: no permission
        17: PlatformLimit,  # open API: the day's limit
        18: PlatformLimit,  # open API: requests a second
        19: PlatformLimit,  # open API: the limit of all requests
        101: PlatformRefusedUs,  # open API: the AppKey
        10010100: PlatformRefusedUs,  # Session Key page: a parameter is missing or invalid; the example's is client_id
    }
)

REFUSED_FOR: Final[Mapping[int, RefusedFor]] = MappingProxyType(
    {3: "transport", 5: "address", 6: "permission", 101: "appid", 10010100: "credentials"}
)


class Baidu(BarePlatform):
    """The adapter. Stateless."""

    __slots__ = ()

    name = "baidu"
    plugin_type = "BaiduMpLogin"
    default_base_url = "https://spapi.baidu.com"
    code_pattern = _CODE
    open_data = True
    phone_data = True
    session_keys = True
    # No phone codes: numbers come encrypted only. Each call makes another token; whether the old one lives is not said.
    refused_for = REFUSED_FOR
    settings_page = "smartprogram.baidu.com > 设置 > 开发设置"
    words = PlatformWords(
        ("Baidu", "百度"),
        "swan.getLoginCode",
        appid="App Key",
        secret=("App Secret", "App Secret"),
        proof=("the App Secret", "App Secret"),
    )

    def code2session(self, app: App, code: str) -> Flow[PlatformIdentity]:
        """``POST {base}/oauth/jscode2sessionkey``. A code that is none is refused before anything is sent."""
        given = self.possible(code)
        reply = yield PlatformRequest(
            "POST",
            address(app, self.default_base_url, "/oauth/jscode2sessionkey"),
            form={"code": given, "client_id": app.appid, "sk": app.secret},
        )
        fields = _fields(reply, (app.secret, given))
        return PlatformIdentity(
            openid=read_text(fields, "openid", OPENID),
            unionid="",
            session_key=Secret(read_text(fields, "session_key", SESSION_KEY)),
        )

    def encrypted_data(self, data: str, iv: str) -> EncryptedData:
        return encrypted_data(data, iv)

    def decrypt(
        self,
        app: App,
        closed: EncryptedData,
        session_key: Secret,
        *,
        openid: str,
        now: float,  # noqa: ARG002  (a payload does not say when it was made)
    ) -> dict[str, Any]:
        return baidu_data.decrypt(closed, session_key, appid=app.appid, openid=openid)

    def access_token(self, app: App, force: bool) -> Flow[PlatformToken]:  # noqa: ARG002  (every call makes a new one)
        """``GET https://openapi.baidu.com/oauth/2.0/token``, or ``{base_url}`` in its place. Good for 30 days."""
        reply = yield PlatformRequest(
            "GET",
            address(app, _TOKENS, "/oauth/2.0/token"),
            query={
                "grant_type": "client_credentials",
                "client_id": app.appid,
                "client_secret": app.secret,
                "scope": "smartapp_snsapi_base",
            },
            timeout=TOKEN_TIMEOUT,
        )
        return read_token(_fields(reply, (app.secret,)))


def _fields(reply: PlatformReply, hidden: tuple[Secret, ...]) -> dict[str, Any]:
    """The fields of a success, which is no error's: ``errno``, ``error_code`` and ``error`` are absent or 0."""
    fields = read_answer(reply)
    number = read_errcode(fields.get("errno"), "errno") or read_errcode(fields.get("error_code"), "error_code")
    return succeeded(reply, fields, number, ERRORS, hidden)
