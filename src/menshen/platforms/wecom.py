"""WeCom mini programs (企业微信): those that a corp has linked to an app of its own, or to one made for it.

Facts: developer.work.weixin.qq.com 96959 (code2Session), 91039 and 97164 (gettoken), 90455 (the global return codes)
and 96977 (getMobile), and answers that developers quote in WeChat's forum (``reference/platform-apis.md`` 2). A login
comes with the access token of the linked app, and says whose member logged in. ``apps[].appid`` is the mini program's,
which open data names; ``platform_key`` is the corp's CorpID, which tokens are asked for with and answers are held
against. Mini programs of third-party apps (``suite_access_token``) speak another protocol, which is not offered.

A mini program can be linked by several corps, and a userid means somebody within one: ``lin`` of another corp is not
our ``lin``, so whoever is not of this corp is let in by nobody.
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
    CodeUsed,
    PlatformLimit,
    PlatformRefusedUs,
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
from menshen.platforms.reply import SESSION_KEY, ErrorTable, read_object, read_text, read_token, refuse
from menshen.platforms.tencent import CODE_PATTERN
from menshen.platforms.wecom_data import ByMember
from menshen.platforms.words import PlatformWords
from menshen.secret import Secret

__all__ = ["CALL_ERRORS", "REFUSED_FOR", "TOKEN_ERRORS", "WeCom"]

TOKEN_ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        -1: PlatformSaysBusy,  # global table: system busy
        40001: PlatformRefusedUs,  # global table: not a secret
        40013: PlatformRefusedUs,  # global table: not a CorpID
        40091: PlatformRefusedUs,  # global table: a secret, perhaps of another corp
        41002: PlatformRefusedUs,  # global table: no corpid; only a wrong address can do this to us
        41004: PlatformRefusedUs,  # global table: no secret
        45009: PlatformLimit,  # global table: too many calls; for as long as what was exceeded counts
        45033: PlatformLimit,  # global table: too many at once
        48004: PlatformRefusedUs,  # global table: the corp has taken the app's authorization back
        50003: PlatformRefusedUs,  # global table: the app is switched off
        60020: PlatformRefusedUs,  # global table: our address is not on the app's list; not seen for this call
        301007: PlatformRefusedUs,  # global table: there is no such corp any more
    }
)

CALL_ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        -1: PlatformSaysBusy,  # global table: system busy
        40001: TokenRefused,  # an older global table: the token is none; not seen for this call
        40014: TokenRefused,  # global table: not an access token; its advice is to get another
        40029: CodeInvalid,  # interface page; the global table: used, or over five minutes old
        41001: PlatformRefusedUs,  # global table: no access token; only a wrong address can do this to us
        41008: CodeInvalid,  # global table: no code
        42001: TokenRefused,  # global table: expired
        42022: CodeUsed,  # global table: the code was used; not seen for this call
        45009: PlatformLimit,  # global table: too many calls
        45033: PlatformLimit,  # global table: too many at once
        48002: PlatformRefusedUs,  # forum: the token is of an app that is not linked to the mini program
        48004: PlatformRefusedUs,  # global table: the corp has taken the app's authorization back
        48005: PlatformRefusedUs,  # global table: the call is no more
        48006: PlatformRefusedUs,  # global table: the app lost its permission, being unused
        50002: UserBlocked,  # global table: the member is beyond the app's reach; not seen for this call
        50003: PlatformRefusedUs,  # global table: the app is switched off
        60020: PlatformRefusedUs,  # public projects, for this call: our address is not on the app's list
        60021: UserBlocked,  # global table: the member may not see the app; not seen for this call
    }
)
"""40163, which WeChat has for a used code, is in no table of WeCom's."""

REFUSED_FOR: Final[Mapping[int, RefusedFor]] = MappingProxyType(
    {
        40001: "secret",
        40013: "platform_key",
        40091: "secret",
        41001: "transport",
        41002: "transport",
        41004: "transport",
        48002: "permission",
        48004: "permission",
        48005: "permission",
        48006: "permission",
        50003: "permission",
        60020: "address",
        301007: "platform_key",
    }
)
"""Of logins and of tokens."""

_CORPID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_OURS = re.compile(r"w[wxp][0-9A-Za-z_-]{8,62}")
"""``ww`` and 16 hex digits, ``wx`` of an old corp; ``wp`` where a service provider is told a corp of its customer's."""

_USERID = re.compile(r"[0-9A-Za-z_@.-]{1,64}")
"""What a corp calls its member (user/create), or ``wo…`` instead, as a service provider is told one. The case counts
for nothing when WeCom looks whether one is taken, so no two differ in it alone."""

_TRAIL = re.compile(r"[\s,]*\b(?:hint\s*:|from ip\s*:|more info at\b).*", re.DOTALL)


def no_corpid(text: Secret) -> tuple[str, str] | None:
    """What is wrong with a text that should be a CorpID, in English and in Chinese."""
    if _OURS.fullmatch(text.reveal()) is None:
        return "must be the CorpID, which begins with ww or wx", "必须是企业 ID（CorpID），以 ww 或 wx 开头"
    return None


class WeCom(ByMember, BareTokenPlatform):
    """The adapter. Stateless. It is a ``TokenLogins``."""

    __slots__ = ()

    name = "wecom"
    plugin_type = "WecomMpLogin"
    default_base_url = "https://qyapi.weixin.qq.com"
    code_pattern = CODE_PATTERN  # those seen have 43 characters of it
    # No word on a session_key: wx.qy.checkSession is the client's.
    phone_data = False  # there is, but it proves nothing: wecom_data.py
    stable_tokens = True  # 97164: inside its life the same one
    refused_for = REFUSED_FOR
    settings_page = "work.weixin.qq.com > 应用管理 > 小程序"
    words = PlatformWords(
        ("WeCom", "企业微信"),
        "wx.qy.login",
        secret=("Secret", "Secret"),
        platform_key=("CorpID", "企业 ID"),
        proof=("the access token", "access token"),
    )
    app_keys: Final[AppKeys] = MappingProxyType({"platform_key": AppKey(no_corpid, needed=True)})

    def code2session_by(self, app: App, token: Secret, code: str) -> Flow[PlatformIdentity]:
        """``GET {base}/cgi-bin/miniprogram/jscode2session``. A code that is none is refused before anything is sent.

        Raises UserBlocked for a member of another corp: another code would not make him one of this.
        """
        given = self.possible(code)
        reply = yield PlatformRequest(
            "GET",
            address(app, self.default_base_url, "/cgi-bin/miniprogram/jscode2session"),
            query={"access_token": token, "js_code": given, "grant_type": "authorization_code"},
        )
        fields = _fields(reply, CALL_ERRORS, (token, given))
        if read_text(fields, "corpid", _CORPID) != app.platform_key:
            raise UserBlocked("a member of another corp")
        return PlatformIdentity(
            openid=read_text(fields, "userid", _USERID),
            unionid="",
            session_key=Secret(read_text(fields, "session_key", SESSION_KEY)),
        )

    def access_token(self, app: App, force: bool) -> Flow[PlatformToken]:  # noqa: ARG002  (there is no way to force one)
        """``GET {base}/cgi-bin/gettoken``, with the CorpID and the linked app's secret."""
        reply = yield PlatformRequest(
            "GET",
            address(app, self.default_base_url, "/cgi-bin/gettoken"),
            query={"corpid": app.platform_key, "corpsecret": app.secret},
            timeout=TOKEN_TIMEOUT,
        )
        return read_token(_fields(reply, TOKEN_ERRORS, (app.secret,)))


def _fields(reply: PlatformReply, errors: ErrorTable, hidden: tuple[Secret, ...]) -> dict[str, Any]:
    """The fields of a success.

    An errmsg ends in a trail for WeCom's own people, with this machine's public address in it; logs go further than
    that address should, so the trail is left out.
    """
    fields = read_object(reply)
    said = fields.get("errmsg")
    refuse(fields.get("errcode"), _TRAIL.sub("", said) if isinstance(said, str) else "", errors, hidden)
    return fields
