"""WeChat's access token, by ``stable_token``.

Of WeChat's two ways to a token this is the one that several holders can use: inside the validity every call gets the
same one, so that a second gateway, or a service that has not been told of ours, invalidates nothing. Facts:
developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken (``reference/platform-apis.md`` 1.2).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from menshen.config.snapshot import App
from menshen.errors import PlatformLimit, PlatformRefusedUs, PlatformSaysBusy
from menshen.platforms.base import TOKEN_TIMEOUT, Flow, PlatformRequest, PlatformToken, TokenRefused, address
from menshen.platforms.reply import ErrorTable
from menshen.platforms.tencent import read_token

__all__ = ["CALL_ERRORS", "TOKEN_ERRORS", "stable_token"]

TOKEN_ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        -1: PlatformSaysBusy,  # system busy
        40001: PlatformRefusedUs,  # token page: AppSecret wrong, or of another app
        40002: PlatformRefusedUs,  # token page: grant_type; only a wrong address can do this to us
        40013: PlatformRefusedUs,  # token page: not an AppID
        40125: PlatformRefusedUs,  # seen in public projects: AppSecret wrong
        40164: PlatformRefusedUs,  # seen in public projects: our address is not on the app's list
        41002: PlatformRefusedUs,  # global table: no appid
        41004: PlatformRefusedUs,  # global table: no secret
        45009: PlatformLimit,  # global table: the app's daily quota
        45011: PlatformLimit,  # global table: the minute's quota
        48001: PlatformRefusedUs,  # global table: the app may not use this API
        89503: PlatformRefusedUs,  # a library's tracker: our address waits for the administrator's word
    }
)

CALL_ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        -1: PlatformSaysBusy,  # every page: system busy
        40001: TokenRefused,  # AccessToken page: wrong, or superseded by a newer one
        40014: TokenRefused,  # SDKs: malformed
        40164: PlatformRefusedUs,  # our address is not on the app's list
        42001: TokenRefused,  # AccessToken page: expired
        45009: PlatformLimit,  # the app's daily quota
        45011: PlatformLimit,  # the minute's quota
        48001: PlatformRefusedUs,  # forum: the app may not use this API
        89503: PlatformRefusedUs,  # our address waits for the administrator's word
    }
)
"""What every call that needs a token can answer. SDKs get a new token on exactly the same three."""


def stable_token(app: App, force: bool, default_base_url: str) -> Flow[PlatformToken]:
    """``POST {base}/cgi-bin/stable_token``.

    ``force`` makes a new token and the old one worthless; WeChat does it 20 times a day, 30 seconds apart, and
    otherwise answers with the present one.
    """
    reply = yield PlatformRequest(
        "POST",
        address(app, default_base_url, "/cgi-bin/stable_token"),
        json={
            "grant_type": "client_credential",
            "appid": app.appid,
            "secret": app.secret,
            "force_refresh": force,
        },
        timeout=TOKEN_TIMEOUT,
    )
    return read_token(reply, TOKEN_ERRORS, hidden=(app.secret,))
