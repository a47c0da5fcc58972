"""Alipay mini programs (支付宝小程序).

Facts: mirrors of Alipay's page of ``alipay.system.oauth.token``, its sister page at docs.antom.com, answers in public
projects (``reference/platform-apis.md`` 4.1), and a mirror of the gateway's common error codes (open.alitrip.com,
article 105806). There is no AppSecret: a request is signed with the app's private key, which is the app's ``secret``,
and an answer with Alipay's, whose public half is ``platform_key``. There is no session_key and no unionid either.

A user is his ``open_id`` at apps that are new and his ``user_id`` at older ones; where an answer has both, the older
one is taken, so that nobody becomes another user when Alipay begins to send the new one (unconfirmed: that it sends
both).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any, Final

from menshen.config.app_keys import AppKey, AppKeys
from menshen.config.snapshot import App
from menshen.errors import (
    CodeInvalid,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    PlatformSaysBusy,
    Refusal,
)
from menshen.platforms.alipay_phone import ByAppKey
from menshen.platforms.alipay_signing import content_of, decoded, members, sign, verified
from menshen.platforms.app_key_forms import no_aes_key, no_private_key, no_public_key
from menshen.platforms.bare import BarePlatform
from menshen.platforms.base import (
    Flow,
    PlatformIdentity,
    PlatformReply,
    PlatformRequest,
    RefusedFor,
    address,
)
from menshen.platforms.reply import OPENID, UNSIGNED, printable, read_errcode, read_text
from menshen.platforms.words import PlatformWords
from menshen.secret import Secret

__all__ = ["CODES", "REFUSED_FOR", "SUB_CODES", "Alipay"]

SUB_CODES: Final[Mapping[str, type[Refusal]]] = MappingProxyType(
    {
        "isv.code-invalid": CodeInvalid,  # public projects: wrong, used, expired, or another app's
        "isv.app-call-limited": PlatformLimit,  # common codes: the app's quota
        "isv.method-call-limited": PlatformLimit,  # common codes: the quota of this call
    }
)
"""sub_code -> what it means here; one that is not among them means what its code means."""

CODES: Final[Mapping[int, type[Refusal]]] = MappingProxyType(
    {
        20000: PlatformSaysBusy,  # common codes: service not available, isp.unknow-error or aop.unknow-error
        20001: PlatformRefusedUs,  # common codes: an app_auth_token is wanted, for apps that another developer runs
        40001: PlatformRefusedUs,  # common codes: a parameter is missing; only a wrong address can do this to us
        40002: PlatformRefusedUs,  # common codes: a parameter is wrong: isv.invalid-signature, isv.invalid-app-id …
        40003: PlatformRefusedUs,  # common codes: conditions that are not met
        40005: PlatformLimit,  # common codes: called too often
        40006: PlatformRefusedUs,  # common codes: the app may not make this call
    }
)
"""code -> what it means here. 40004, a failure of the business itself, is not documented for this call."""

REFUSED_FOR: Final[Mapping[int, RefusedFor]] = MappingProxyType(
    {20001: "permission", 40001: "transport", 40002: "credentials", 40003: "permission", 40006: "permission"}
)

_METHOD: Final = "alipay.system.oauth.token"
_ANSWER: Final = "alipay_system_oauth_token_response"
_ERROR: Final = "error_response"
_CHINA: Final = timezone(timedelta(hours=8))


class Alipay(ByAppKey, BarePlatform):
    """The adapter. ``clock`` gives Unix seconds: a request says when it was made."""

    __slots__ = ("_clock",)

    name = "alipay"
    plugin_type = "AlipayMpLogin"
    default_base_url = "https://openapi.alipay.com"
    code_pattern = re.compile(r"[0-9A-Za-z_-]{1,256}")  # samples are 32 hex digits; only the alphabet is firm
    # No phone codes: numbers come encrypted only. No access tokens of apps: requests are signed.
    refused_for = REFUSED_FOR
    settings_page = "open.alipay.com > 开发设置 > 接口加签方式"
    words = PlatformWords(
        ("Alipay", "支付宝"),
        "my.getAuthCode",
        secret=("private key", "应用私钥"),
        proof=("a signature of the private key", "应用私钥的签名"),
    )
    app_keys: Final[AppKeys] = MappingProxyType(
        {
            "secret": AppKey(no_private_key, needed=True),
            "platform_key": AppKey(no_public_key, needed=True),
            "data_key": AppKey(no_aes_key),
        }
    )

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock

    def code2session(self, app: App, code: str) -> Flow[PlatformIdentity]:
        """``POST {base}/gateway.do``, ``alipay.system.oauth.token``. Raises CodeMalformed before anything is sent.

        The access token of the user, which comes along, is dropped.
        """
        given = self.possible(code)
        common = {
            "app_id": app.appid,
            "method": _METHOD,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": datetime.fromtimestamp(self._clock(), UTC).astimezone(_CHINA).strftime("%Y-%m-%d %H:%M:%S"),
            "version": "1.0",
        }
        form: Mapping[str, Secret | str] = {"grant_type": "authorization_code", "code": given}
        reply = yield PlatformRequest(
            "POST",
            address(app, self.default_base_url, "/gateway.do"),
            query={**common, "sign": sign(content_of({**common, **form}), app.secret)},
            form=form,
        )
        fields = _read(app, reply, hidden=(given,))
        name = "user_id" if fields.get("user_id") else "open_id"
        return PlatformIdentity(read_text(fields, name, OPENID), "", Secret(""))


def _read(app: App, reply: PlatformReply, hidden: tuple[Secret, ...]) -> Mapping[str, Any]:
    """The fields of a success, which Alipay must have signed.

    An error may be unsigned, as one is where Alipay does not know whom it speaks to, and gives nothing away; if it is
    signed it must be by Alipay, so that a wrong ``platform_key`` shows before it costs a user his code.
    """
    if reply.status != 200:
        refusal = PlatformSaysBusy if 500 <= reply.status <= 599 else PlatformReplyInvalid
        raise refusal(f"HTTP {reply.status}")
    found = members(reply.body)
    told = found.get(_ANSWER) or found.get(_ERROR)
    if told is None or not isinstance(told.value, dict) or (_ANSWER in found and _ERROR in found):
        raise PlatformReplyInvalid(f"no {_ANSWER}")
    fields = told.value
    # Successes have no code; a gateway that writes 10000 into them says the same. Errors were seen under either name.
    code = read_errcode(fields.get("code"), "code")
    failed = _ERROR in found or code not in (0, 10000)
    signature = found["sign"].value if "sign" in found else ""
    if (signature or not failed) and not verified(told.text.encode(), decoded(signature), app.platform_key):
        raise PlatformReplyInvalid(UNSIGNED)
    if failed:
        sub_code = fields.get("sub_code")
        kind = SUB_CODES.get(sub_code) if isinstance(sub_code, str) else None
        kind = kind or CODES.get(code, PlatformReplyInvalid)
        texts = " ".join(text for text in (sub_code, fields.get("sub_msg")) if isinstance(text, str))
        raise kind(printable(texts, hidden), platform_errcode=code)
    return fields
