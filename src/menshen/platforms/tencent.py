"""What WeChat and QQ do alike: ``jscode2session``, and an access token of the app.

One request shape, one reply shape, two error tables. An openid that is not one would end up in a header, so the fields
that become an identity are read strictly.
"""

from __future__ import annotations

import re
from typing import Final

from menshen.config.snapshot import App
from menshen.errors import CodeMalformed
from menshen.platforms.base import Flow, PlatformIdentity, PlatformReply, PlatformRequest, PlatformToken, address
from menshen.platforms.reply import OPENID, SESSION_KEY, ErrorTable, read_text
from menshen.platforms.reply import read_token as reply_token
from menshen.platforms.tencent_reply import read_fields
from menshen.secret import Secret

__all__ = ["CODE_PATTERN", "jscode2session", "read_identity", "read_token"]

CODE_PATTERN: Final = re.compile(r"[0-9A-Za-z_-]{1,256}")
"""Samples are 32 letters and digits (reference, "Code and id formats"); only the alphabet is firm."""


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
    """The identity in a reply. Raises what ``tencent_reply.read_fields`` and ``reply.read_text`` raise."""
    fields = read_fields(reply, errors, hidden)
    return PlatformIdentity(
        openid=read_text(fields, "openid", OPENID),
        unionid=read_text(fields, "unionid", OPENID, optional=True),
        session_key=Secret(read_text(fields, "session_key", SESSION_KEY)),
    )


def read_token(reply: PlatformReply, errors: ErrorTable, hidden: tuple[Secret, ...]) -> PlatformToken:
    """The access token in a reply: ``{"access_token", "expires_in"}``. Raises as :func:`read_identity`."""
    return reply_token(read_fields(reply, errors, hidden))
