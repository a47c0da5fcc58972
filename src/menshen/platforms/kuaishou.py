"""Kuaishou mini programs (快手小程序).

Facts: public SDKs that quote mp.kuaishou.com/docs/develop/server/code2Session.html (``reference/platform-apis.md`` 7).
That page itself was not found, and what it says of errors is unconfirmed. The numbers are those of the OAuth server on
the same host, from a copy of the open platform's page on authorization: whether code2Session has them all is not known,
so an error is also read by its name. None is known for a used code, a user's limit or a blocked user.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from menshen.config.snapshot import App
from menshen.errors import (
    CodeInvalid,
    PlatformRefusedUs,
    PlatformSaysBusy,
)
from menshen.platforms.bare import BarePlatform
from menshen.platforms.base import (
    TOKEN_TIMEOUT,
    Flow,
    PlatformIdentity,
    PlatformReply,
    PlatformRequest,
    PlatformToken,
    RefusedFor,
    address,
)
from menshen.platforms.oauth import read_answer, refused, succeeded
from menshen.platforms.reply import OPENID, SESSION_KEY, ErrorTable, read_errcode, read_text, read_token
from menshen.platforms.tencent import CODE_PATTERN
from menshen.platforms.unmarked_data import Unmarked
from menshen.platforms.words import PlatformWords
from menshen.secret import Secret

__all__ = ["ERRORS", "REFUSED_FOR", "Kuaishou"]

_SUCCESS = 1

ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        100200100: PlatformRefusedUs,  # invalid_request: a parameter is missing
        100200101: PlatformRefusedUs,  # unauthorized_client: no such app or developer, or not in a state to ask
        100200102: PlatformRefusedUs,  # access_denied: refused; of a user's own tokens, which are not used here
        100200103: PlatformRefusedUs,  # unsupported_response_type
        100200104: PlatformRefusedUs,  # unsupported_grant_type
        100200105: CodeInvalid,  # invalid_grant: the code is wrong; no other number is known for a used one
        100200106: PlatformRefusedUs,  # invalid_scope: the app may not have this
        100200500: PlatformSaysBusy,  # server_error
    }
)

REFUSED_FOR: Final[Mapping[int, RefusedFor]] = MappingProxyType(
    {
        100200100: "transport",
        100200101: "credentials",
        100200102: "permission",
        100200103: "transport",
        100200104: "transport",
        100200106: "permission",
    }
)


class Kuaishou(Unmarked, BarePlatform):
    """The adapter. Stateless."""

    __slots__ = ()

    name = "kuaishou"
    plugin_type = "KuaishouMpLogin"
    default_base_url = "https://open.kuaishou.com"
    code_pattern = CODE_PATTERN
    # No phone codes: numbers come encrypted only. Each call makes another token; public projects say that the old one
    # goes on.
    refused_for = REFUSED_FOR
    settings_page = "mp.kuaishou.com > 开发设置"
    words = PlatformWords(("Kuaishou", "快手"), "ks.login")

    def code2session(self, app: App, code: str) -> Flow[PlatformIdentity]:
        """``POST {base}/oauth2/mp/code2session``. A code that is none is refused before anything is sent."""
        given = self.possible(code)
        reply = yield PlatformRequest(
            "POST",
            address(app, self.default_base_url, "/oauth2/mp/code2session"),
            form={"app_id": app.appid, "app_secret": app.secret, "js_code": given},
        )
        fields = _fields(reply, (app.secret, given))
        return PlatformIdentity(
            openid=read_text(fields, "open_id", OPENID),
            unionid=read_text(fields, "union_id", OPENID, optional=True),  # unconfirmed; its games' logins have it
            session_key=Secret(read_text(fields, "session_key", SESSION_KEY)),
        )

    def access_token(self, app: App, force: bool) -> Flow[PlatformToken]:  # noqa: ARG002  (every call makes a new one)
        """``POST {base}/oauth2/access_token``."""
        reply = yield PlatformRequest(
            "POST",
            address(app, self.default_base_url, "/oauth2/access_token"),
            form={"app_id": app.appid, "app_secret": app.secret, "grant_type": "client_credentials"},
            timeout=TOKEN_TIMEOUT,
        )
        return read_token(_fields(reply, (app.secret,)))


def _fields(reply: PlatformReply, hidden: tuple[Secret, ...]) -> dict[str, Any]:
    """The fields of a success, which is ``result`` 1 and nothing else."""
    fields = read_answer(reply)
    result = read_errcode(fields.get("result"), "result")
    if not result:
        raise refused(fields, 0, ERRORS, hidden)
    return succeeded(reply, fields, result if result != _SUCCESS else 0, ERRORS, hidden)
