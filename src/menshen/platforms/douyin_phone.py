"""Douyin's phone numbers by phone code, the way since base library 3.51.0, and the token that the call needs.

Facts: developer.open-douyin.com, "new-phone-method"; copies of its token page; SDKs for 28005187
(``reference/platform-apis.md`` 5). Both calls go to another host than the login does. The number comes closed with the
public key that the operator gave Douyin, RSA PKCS#1 v1.5: nobody but Douyin was asked, so its padding is no oracle, and
whatever is wrong with it fails alike.

Douyin is not told whose code it is, and does not say: unlike WeChat's, a code that leaks from a phone gives its number
to whoever presents it first.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from menshen.config.snapshot import App
from menshen.errors import (
    InternalFault,
    NotOffered,
    PhoneCodeInvalid,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    PlatformSaysBusy,
)
from menshen.platforms.app_key_forms import private_key
from menshen.platforms.base import (
    TOKEN_TIMEOUT,
    Flow,
    PlatformPhone,
    PlatformReply,
    PlatformRequest,
    PlatformToken,
    TokenRefused,
    address,
)
from menshen.platforms.reply import ErrorTable, read_data, read_object, read_token, refuse
from menshen.platforms.wechat_phone import read_phone
from menshen.secret import Secret

__all__ = ["CALL_ERRORS", "TOKEN_ERRORS", "client_token", "get_phone_number"]

_BASE_URL: Final = "https://open.douyin.com"

TOKEN_ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        10002: PlatformRefusedUs,  # token page: a parameter is missing; only a wrong address can do this to us
        10003: PlatformRefusedUs,  # token page: not an AppID
        10013: PlatformRefusedUs,  # token page: AppSecret wrong
        -1: PlatformSaysBusy,  # unconfirmed for this call: system error
        40006: PlatformRefusedUs,  # copies of other calls' pages: our address is not on the app's list
        2100004: PlatformSaysBusy,  # unconfirmed: system busy
        2100005: PlatformRefusedUs,  # answers shown at open.douyin.com: parameter error
        28003017: PlatformLimit,  # unconfirmed: the quota is used up
    }
)

CALL_ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        -1: PlatformSaysBusy,  # unconfirmed for this call: system error
        28001003: TokenRefused,  # unconfirmed: token invalid
        28001008: TokenRefused,  # unconfirmed: token expired
        28001005: PlatformSaysBusy,  # unconfirmed: system error
        28001007: PlatformRefusedUs,  # unconfirmed for this call: a parameter is wrong
        28001016: PlatformRefusedUs,  # unconfirmed: the app is banned
        28001018: PlatformRefusedUs,  # unconfirmed: the app may not use this API
        28003017: PlatformLimit,  # unconfirmed: the quota is used up
        40006: PlatformRefusedUs,  # copies of other calls' pages: our address is not on the app's list
        28005187: PhoneCodeInvalid,  # SDKs: the code is wrong, used or expired
    }
)

_CODE = re.compile(r"[!-~]{1,512}")
_LONGEST: Final = 4096


def client_token(app: App) -> Flow[PlatformToken]:
    """``POST {base}/oauth/client_token/``."""
    reply = yield PlatformRequest(
        "POST",
        address(app, _BASE_URL, "/oauth/client_token/"),
        json={"grant_type": "client_credential", "client_key": app.appid, "client_secret": app.secret},
        timeout=TOKEN_TIMEOUT,
    )
    fields = read_object(reply)
    # Errors are in data; that one can stand outside it, as in other calls' answers, is unconfirmed.
    _refuse(fields, TOKEN_ERRORS, (app.secret,))
    data = read_data(fields)
    refuse(data.get("error_code"), data.get("description"), TOKEN_ERRORS, (app.secret,), name="error_code")
    return read_token(data)


def get_phone_number(app: App, token: Secret, code: str, openid: str) -> Flow[PlatformPhone]:
    """``POST {base}/api/apps/v1/get_phonenumber_info/``.

    Raises, before anything is sent, PhoneCodeInvalid for what no code looks like and NotOffered for an app without
    ``data_key``: the code would be spent for a number that nobody can read.
    """
    if not openid:
        raise InternalFault("a phone code of nobody")
    if not app.data_key:
        raise NotOffered("the app has no data_key")
    if _CODE.fullmatch(code) is None:
        raise PhoneCodeInvalid("malformed")
    reply = yield PlatformRequest(
        "POST",
        address(app, _BASE_URL, "/api/apps/v1/get_phonenumber_info/"),
        json={"code": Secret(code)},
        headers={"access-token": token},
    )
    info = _opened(app, _closed(reply, hidden=(token, Secret(code))))
    watermark = info.get("watermark")
    if not isinstance(watermark, dict) or watermark.get("appid") != app.appid:
        raise PlatformReplyInvalid("no number of this app")
    return read_phone(info)


def _closed(reply: PlatformReply, hidden: tuple[Secret, ...]) -> str:
    fields = read_object(reply)
    _refuse(fields, CALL_ERRORS, hidden)
    data = fields.get("data")
    if not isinstance(data, str) or not 0 < len(data) <= _LONGEST:
        raise PlatformReplyInvalid("no data")
    return data


def _opened(app: App, data: str) -> Mapping[str, Any]:
    fields: Any = None
    try:
        plain = private_key(app.data_key).decrypt(base64.b64decode(data, validate=True), PKCS1v15())
        fields = json.loads(plain)
    except (ValueError, RecursionError):
        pass
    if not isinstance(fields, dict):
        raise PlatformReplyInvalid("the data_key does not open the number")
    return fields


def _refuse(fields: Mapping[str, Any], errors: ErrorTable, hidden: tuple[Secret, ...]) -> None:
    # Of the two names of the text both were seen.
    refuse(fields.get("err_no"), fields.get("err_msg", fields.get("err_tips")), errors, hidden, name="err_no")
