"""DingTalk mini programs (钉钉小程序) of a corp's own apps (企业内部应用).

Facts: copies of DingTalk's pages on logging in without a password (免登), its access token, its limits and its global
error codes, and answers that a public project got with made-up credentials (``reference/platform-apis.md`` 10).

There is no session_key, and nothing that a client could carry. A user is his ``userid``, which is unique in his corp,
and an own app is of one corp; ``unionid`` is the same for him in all apps of one developer. His phone number takes
another call, by ``userid`` and with a permission: there is no code that a client could show for it.

Some refusals come under their own number, and some within 88, "authentication failed", as ``sub_code``.
"""

from __future__ import annotations

import re
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
from menshen.platforms.oauth import read_answer
from menshen.platforms.reply import OPENID, ErrorTable, read_data, read_text, read_token, refuse
from menshen.platforms.tencent import CODE_PATTERN
from menshen.platforms.words import PlatformWords
from menshen.secret import Secret

__all__ = ["CALL_ERRORS", "REFUSED_FOR", "TOKEN_ERRORS", "DingTalk"]

_COMMON: Final[ErrorTable] = MappingProxyType(
    {
        -1: PlatformSaysBusy,  # global codes: system busy, try again
        22: PlatformRefusedUs,  # seen in public projects: no call of this name
        88: PlatformRefusedUs,  # global codes: authentication failed, where no sub_code says at what
        404: PlatformRefusedUs,  # global codes: there is nothing at this path
        45009: PlatformLimit,  # global codes, older: called too often
        48002: PlatformRefusedUs,  # global codes, older: the app may not use this API
        50003: PlatformRefusedUs,  # global codes, older: the app is stopped
        50005: PlatformRefusedUs,  # global codes, older: the corp is forbidden
        60011: PlatformRefusedUs,  # global codes: no permission for this call
        60020: PlatformRefusedUs,  # global codes: our address is not on the app's list
        # Global codes, older: calls to all, or to this one, are suspended, for this server, corp, app or supplier.
        **dict.fromkeys(range(90001, 90015), PlatformLimit),
        90018: PlatformLimit,  # page on limits: the app, calls of this kind a second
        90019: PlatformLimit,  # page on limits: the same, of a supplier's app
    }
)

TOKEN_ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        **_COMMON,
        40001: PlatformRefusedUs,  # global codes: wrong secret
        40013: PlatformRefusedUs,  # global codes: not a corpid
        40035: PlatformRefusedUs,  # seen in public projects: no appkey, so that something has taken our query away
        40089: PlatformRefusedUs,  # global codes: not a corpid or its secret; developers quote it for appkeys as well
        40096: PlatformRefusedUs,  # seen in public projects: not an appkey or its secret
        41002: PlatformRefusedUs,  # global codes: no corpid
        41004: PlatformRefusedUs,  # global codes: no secret
    }
)

CALL_ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        **_COMMON,
        40000: PlatformRefusedUs,  # seen in public projects: the access token is blank, so that something has taken it
        40001: TokenRefused,  # global codes: the access token is invalid
        40014: TokenRefused,  # global codes: not an access token; also of one that has ended
        40029: CodeInvalid,  # global codes: not a code
        40078: CodeInvalid,  # page on 免登: wrong, used, ended, or of another kind
        41001: PlatformRefusedUs,  # global codes: no access token
        41026: CodeInvalid,  # page on 免登: no code
        42001: TokenRefused,  # global codes: the access token has ended
        42003: CodeInvalid,  # global codes, older: the code has ended
        42008: CodeInvalid,  # global codes, older: the code has ended
        50002: UserBlocked,  # global codes: the app is not for this member
        60120: UserBlocked,  # global codes, older: the member is forbidden
        60121: UserBlocked,  # global codes: not a member of the corp
    }
)

REFUSED_FOR: Final[Mapping[int, RefusedFor]] = MappingProxyType(
    {
        22: "transport",
        88: "permission",
        404: "transport",
        40000: "transport",
        40001: "secret",
        40013: "appid",
        40035: "transport",
        40089: "credentials",
        40096: "credentials",
        41001: "transport",
        41002: "transport",
        41004: "transport",
        48002: "permission",
        50003: "permission",
        50005: "permission",
        60011: "permission",
        60020: "address",
    }
)

_WITHIN: Final = 88
_PUNISHED: Final = 1111
"""The ``status`` of an answer to an address that has called too often: no errcode is in it (page on limits)."""

_USERID = re.compile(r"[0-9A-Za-z_.@-]{1,64}")
"""1 to 64 characters (user/create); which ones no page says. Those seen are letters and digits."""

_NUMBER = re.compile(r"-?[0-9]{1,12}")


class DingTalk(BareTokenPlatform):
    """The adapter. Stateless. It is a ``TokenLogins``."""

    __slots__ = ()

    name = "dingtalk"
    plugin_type = "DingtalkMpLogin"
    default_base_url = "https://oapi.dingtalk.com"
    code_pattern = CODE_PATTERN
    stable_tokens = True  # inside its life the same one, which then lasts longer
    refused_for = REFUSED_FOR
    settings_page = "open-dev.dingtalk.com > 应用开发 > 凭证与基础信息"
    words = PlatformWords(
        ("DingTalk", "钉钉"),
        "dd.getAuthCode",
        appid="AppKey",
        proof=("the access token", "access token"),
    )

    def code2session_by(self, app: App, token: Secret, code: str) -> Flow[PlatformIdentity]:
        """``POST {base}/topapi/v2/user/getuserinfo``. A code that is none is refused before anything is sent.

        Name, device and rank, which come along, are dropped.
        """
        given = self.possible(code)
        reply = yield PlatformRequest(
            "POST",
            address(app, self.default_base_url, "/topapi/v2/user/getuserinfo"),
            query={"access_token": token},
            json={"code": given},
        )
        result = read_data(_fields(reply, CALL_ERRORS, (token, given)), "result")
        return PlatformIdentity(
            openid=read_text(result, "userid", _USERID),
            unionid=read_text(result, "unionid", OPENID, optional=True),
            session_key=Secret(""),
        )

    def access_token(self, app: App, force: bool) -> Flow[PlatformToken]:  # noqa: ARG002  (there is no way to force one)
        """``GET {base}/gettoken``."""
        reply = yield PlatformRequest(
            "GET",
            address(app, self.default_base_url, "/gettoken"),
            query={"appkey": app.appid, "appsecret": app.secret},
            timeout=TOKEN_TIMEOUT,
        )
        return read_token(_fields(reply, TOKEN_ERRORS, (app.secret,)))


def _fields(reply: PlatformReply, errors: ErrorTable, hidden: tuple[Secret, ...]) -> Mapping[str, Any]:
    """The fields of a success, which is ``errcode`` 0."""
    fields = read_answer(reply)
    if fields.get("status") == _PUNISHED and "punish" in fields:
        raise PlatformLimit("the address is shut out for a while")
    number, said = fields.get("errcode"), fields.get("errmsg")
    within = fields.get("sub_code")
    if str(number) == str(_WITHIN) and isinstance(within, str | int) and _NUMBER.fullmatch(str(within)) and int(within):
        number, said = within, fields.get("sub_msg") or said
    refuse(number, said, errors, hidden)
    if reply.status != 200 or number is None:
        raise PlatformReplyInvalid("neither a success nor an error")
    return fields
