"""WeChat's word on session_keys: is this one still good, and make another.

A call never carries the key but proves that the caller has it: HMAC-SHA256 over nothing, under the key's base64 text
as it stands. Facts: developers.weixin.qq.com/miniprogram/dev/server/API/user-login/api_checksessionkey and
api_resetusersessionkey (``reference/platform-apis.md`` 1.4). The parameters go into the query, whatever the pages'
tables say.
"""

from __future__ import annotations

import hashlib
import hmac
from types import MappingProxyType
from typing import Final

from menshen.config.snapshot import App
from menshen.errors import PlatformReplyInvalid, SessionKeyStale
from menshen.platforms.base import Flow, PlatformIdentity, PlatformRequest, address
from menshen.platforms.reply import ErrorTable
from menshen.platforms.tencent import read_identity
from menshen.platforms.tencent_reply import read_fields
from menshen.platforms.wechat_token import CALL_ERRORS
from menshen.secret import Secret

__all__ = ["ERRORS", "check_session", "key_signature", "reset_session_key"]

ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        **CALL_ERRORS,
        87009: SessionKeyStale,  # interface page: invalid signature, so this is not the user's key
    }
)


def key_signature(session_key: Secret) -> Secret:
    """Proof of having the key, in hex. A secret too: it proves the same to whoever shows it again."""
    return Secret(hmac.digest(session_key.reveal().encode(), b"", hashlib.sha256).hex())


def check_session(app: App, token: Secret, openid: str, session_key: Secret, default_base_url: str) -> Flow[bool]:
    """``GET {base}/wxa/checksession``: whether this is the user's present key."""
    request = _signed(token, openid, session_key, address(app, default_base_url, "/wxa/checksession"))
    reply = yield request
    try:
        read_fields(reply, ERRORS, _hidden(request))
    except SessionKeyStale:
        return False
    return True


def reset_session_key(
    app: App, token: Secret, openid: str, session_key: Secret, default_base_url: str
) -> Flow[PlatformIdentity]:
    """``GET {base}/wxa/resetusersessionkey``: a new key in place of this one, which dies.

    Raises SessionKeyStale where the key was not the user's any more.
    """
    request = _signed(token, openid, session_key, address(app, default_base_url, "/wxa/resetusersessionkey"))
    reply = yield request
    identity = read_identity(reply, ERRORS, _hidden(request))
    if identity.openid != openid:
        raise PlatformReplyInvalid("the key of another user")
    return identity


def _signed(token: Secret, openid: str, session_key: Secret, url: str) -> PlatformRequest:
    return PlatformRequest(
        "GET",
        url,
        query={
            "access_token": token,
            "openid": openid,
            "signature": key_signature(session_key),
            "sig_method": "hmac_sha256",
        },
    )


def _hidden(request: PlatformRequest) -> tuple[Secret, ...]:
    return tuple(value for value in request.query.values() if isinstance(value, Secret))
