"""WeChat's phone numbers by phone code, the way since base library 2.21.2.

Facts: developers.weixin.qq.com/miniprogram/dev/server/API/user-info/phone-number/api_getphonenumber
(``reference/platform-apis.md`` 1.3). A code is good for five minutes and once, and every success is paid for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from menshen.config.snapshot import App
from menshen.errors import InternalFault, PhoneCodeInvalid, PlatformReplyInvalid, UserBlocked
from menshen.platforms.base import Flow, PlatformPhone, PlatformRequest, address
from menshen.platforms.reply import OPENID, ErrorTable, read_text
from menshen.platforms.tencent import CODE_PATTERN
from menshen.platforms.tencent_reply import read_fields
from menshen.platforms.wechat_api_security import ERRORS as API_SECURITY_ERRORS
from menshen.platforms.wechat_token import CALL_ERRORS
from menshen.secret import Secret

__all__ = ["ERRORS", "get_phone_number", "read_phone"]

ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        **CALL_ERRORS,
        **API_SECURITY_ERRORS,
        40003: PhoneCodeInvalid,  # global table: not an openid of this app
        40013: PhoneCodeInvalid,  # public projects: the code is of another app
        40029: PhoneCodeInvalid,  # interface page: unknown, used or expired; also another user's, and a login code
        40163: PhoneCodeInvalid,  # global table: a code that was used; not seen for this call
        40226: UserBlocked,  # global table: high-risk user
    }
)

_NUMBER = re.compile(r"\+?[0-9][0-9 -]{3,24}")
_PURE = re.compile(r"[0-9]{4,20}")
_COUNTRY = re.compile(r"\+?[0-9]{1,4}")


def get_phone_number(app: App, token: Secret, code: str, openid: str, default_base_url: str) -> Flow[PlatformPhone]:
    """``POST {base}/wxa/business/getuserphonenumber``.

    The openid always goes along, though WeChat does not demand it: without it the code of one user gives his number to
    whoever presents it (attack class 40). Raises PhoneCodeInvalid, before anything is sent for what no code looks like.
    """
    if OPENID.fullmatch(openid) is None:
        raise InternalFault("a phone code without an openid to check it against")
    if CODE_PATTERN.fullmatch(code) is None:
        raise PhoneCodeInvalid("malformed")
    reply = yield PlatformRequest(
        "POST",
        address(app, default_base_url, "/wxa/business/getuserphonenumber"),
        query={"access_token": token},
        json={"code": Secret(code), "openid": openid},
    )
    fields = read_fields(reply, ERRORS, hidden=(token, Secret(code)))
    info = fields.get("phone_info")
    watermark = info.get("watermark") if isinstance(info, dict) else None
    if not isinstance(info, dict) or not isinstance(watermark, dict) or watermark.get("appid") != app.appid:
        raise PlatformReplyInvalid("no phone_info of this app")
    return read_phone(info)


def read_phone(info: Mapping[str, Any]) -> PlatformPhone:
    """The number in a ``phone_info`` or in a decrypted payload. Raises PlatformReplyInvalid.

    ``countryCode`` is a number in the API's answer and a text in payloads.
    """
    country = info.get("countryCode")
    if isinstance(country, int) and not isinstance(country, bool):
        country = str(country)
    return PlatformPhone(
        number=read_text(info, "phoneNumber", _NUMBER),
        pure=read_text(info, "purePhoneNumber", _PURE),
        country_code=read_text({"countryCode": country}, "countryCode", _COUNTRY),
    )
