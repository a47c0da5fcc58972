"""What WeChat and QQ do alike: ``jscode2session``, and an access token of the app.

One request shape, one reply shape, two error tables. An openid that is not one would end up in a header, so the fields
that become an identity are read strictly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from menshen.config.snapshot import App
from menshen.errors import CodeMalformed, PlatformReplyInvalid
from menshen.platforms.base import Flow, PlatformIdentity, PlatformReply, PlatformRequest, PlatformToken
from menshen.platforms.tencent_reply import OPENID, SESSION_KEY, ErrorTable, read_fields, read_text
from menshen.secret import Secret

__all__ = ["CODE_PATTERN", "TOKEN_TIMEOUT", "address", "jscode2session", "read_identity", "read_token"]

CODE_PATTERN: Final = re.compile(r"[0-9A-Za-z_-]{1,256}")
"""Samples are 32 letters and digits (reference, "Code and id formats"); only the alphabet is firm."""

TOKEN_TIMEOUT: Final = 3.0
"""Seconds for a call that gets an access token: calls that have a client waiting wait for it."""

_TOKEN = re.compile(r"[!-~]{1,2048}")  # opaque; WeChat asks for room for 512 characters at least
_LONGEST = 30 * 86_400
"""Seconds. WeChat says 7,200 and that it may change; this only keeps nonsense out."""


def address(app: App, default_base_url: str, path: str) -> str:
    """Where a call of this app goes."""
    return f"{(app.base_url or default_base_url).rstrip('/')}{path}"


def jscode2session(app: App, code: str, default_base_url: str, errors: ErrorTable) -> Flow[PlatformIdentity]:
    """``GET {base}/sns/jscode2session``. Raises a refusal of ``errors``, or what :func:`read_identity` raises.

    A code that the platform cannot have made is refused before anything is sent (CodeMalformed): the client encodes
    every parameter, and this is the second lock on the same door (attack class 34, ``code=x&appid=other``).
    """
    if CODE_PATTERN.fullmatch(code) is None:
        raise CodeMalformed
    reply = yield PlatformRequest(
        "GET",
        address(app, default_base_url, "/sns/jscode2session"),
        query={
            "appid": app.appid,
            "secret": app.secret,
            "js_code": Secret(code),
            "grant_type": "authorization_code",
        },
    )
    return read_identity(reply, errors, hidden=(app.secret, Secret(code)))


def read_identity(reply: PlatformReply, errors: ErrorTable, hidden: tuple[Secret, ...] = ()) -> PlatformIdentity:
    """The identity in a reply. Raises what ``tencent_reply.read_fields`` and ``read_text`` raise."""
    fields = read_fields(reply, errors, hidden)
    return PlatformIdentity(
        openid=read_text(fields, "openid", OPENID),
        unionid=read_text(fields, "unionid", OPENID, optional=True),
        session_key=Secret(read_text(fields, "session_key", SESSION_KEY)),
    )


def read_token(reply: PlatformReply, errors: ErrorTable, hidden: tuple[Secret, ...]) -> PlatformToken:
    """The access token in a reply: ``{"access_token", "expires_in"}``. Raises as :func:`read_identity`."""
    fields = read_fields(reply, errors, hidden)
    return PlatformToken(Secret(read_text(fields, "access_token", _TOKEN)), _seconds(fields))


def _seconds(fields: Mapping[str, Any]) -> int:
    value = fields.get("expires_in")
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _LONGEST:
        raise PlatformReplyInvalid("expires_in is not a number of seconds")
    return value
