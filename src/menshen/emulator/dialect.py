"""How each platform words its answers. It shares nothing with the adapters: it is the other side.

A :class:`Dialect` turns what happened into the JSON fields that the platform would send. Texts are those quoted in
``reference/platform-apis.md`` (1.1 WeChat, 3 QQ); where no real text is known, the documented one is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from menshen.emulator import identifiers
from menshen.emulator.identifiers import RandomBytes

__all__ = ["DIALECTS", "Api", "Dialect", "Outcome"]

Outcome = Literal[
    "wrong_method",
    "no_appid",
    "no_secret",
    "no_code",
    "wrong_grant_type",
    "wrong_appid",
    "wrong_secret",
    "wrong_code",
    "used_code",
    "blocked",
    "over_quota",
    "busy",
    "wrong_verb",
    "wrong_body",
    "no_token",
    "malformed_token",
    "wrong_token",
    "expired_token",
    "wrong_openid",
    "wrong_phone_code",
    "foreign_phone_code",
    "wrong_sig_method",
    "wrong_signature",
    "day_quota",
    "unauthorized",
    "address_not_listed",
    "address_not_approved",
]
"""Why a call did not succeed."""

Api = Literal["stable_token", "token", "phone_number", "check_session", "reset_session_key"]
"""The calls of a server that are faked, beside the login."""

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One platform's voice.

    ``errors``: outcome -> errcode and errmsg, those that its calls can have. ``apis``: path -> what is called there,
    beside ``jscode2session``. ``greets`` and ``parting``: fields before and after the identity in every
    success. ``sends_rid``: errmsg ends with a request id.
    """

    content_type: str
    errors: Mapping[Outcome, tuple[int, str]]
    greets: Mapping[str, Any]
    parting: Mapping[str, Any]
    sends_rid: bool
    openid: Callable[[bytes, str, str], str]
    unionid: Callable[[bytes, str], str]
    session_key: Callable[[RandomBytes], str]
    apis: Mapping[str, Api]

    def refuse(self, outcome: Outcome, rid: str, *, login: bool = True) -> Fields:
        errcode, errmsg = self.errors[outcome]
        if self.sends_rid:
            # Both separators are real: with the comma at a login, but for the answer to a POST.
            errmsg += f", rid: {rid}" if login and outcome != "wrong_method" else f" rid: {rid}"
        return {"errcode": errcode, "errmsg": errmsg}

    def accept(self, openid: str, session_key: str, unionid: str) -> Fields:
        fields = {**self.greets, "session_key": session_key, "openid": openid, **self.parting}
        if unionid:
            fields["unionid"] = unionid
        return fields


_WECHAT: Final = Dialect(
    content_type="text/plain",  # without charset, though the body is UTF-8
    errors=MappingProxyType(
        {
            "wrong_method": (41002, "appid missing"),  # forum: what a POST gets
            "no_appid": (41002, "appid missing"),
            "no_secret": (41004, "appsecret missing"),
            "no_code": (41008, "missing code"),
            "wrong_grant_type": (40002, "invalid grant_type"),
            "wrong_appid": (40013, "invalid appid"),
            "wrong_secret": (40125, "invalid appsecret"),
            "wrong_code": (40029, "invalid code"),
            "used_code": (40163, "code been used"),
            "blocked": (40226, "code blocked"),
            "over_quota": (45011, "api minute-quota reach limit mustslower retry next minute"),
            "busy": (-1, "system error"),
            "wrong_verb": (43002, "require POST method"),
            "wrong_body": (47001, "data format error"),
            "no_token": (41001, "access_token missing"),
            "malformed_token": (40014, "invalid access_token"),
            "wrong_token": (40001, "invalid credential, access_token is invalid or not latest"),
            "expired_token": (42001, "access_token expired"),
            "wrong_openid": (40003, "invalid openid"),
            "wrong_phone_code": (40029, "invalid code"),
            "foreign_phone_code": (40013, "invalid appid"),
            "wrong_sig_method": (87008, "invalid sig_method"),
            "wrong_signature": (87009, "invalid signature"),
            "day_quota": (45009, "reach max api daily quota limit"),
            "unauthorized": (48001, "api unauthorized"),
            "address_not_listed": (40164, "invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist"),
            "address_not_approved": (89503, "ip must be approved by the administrator"),
        }
    ),
    greets=MappingProxyType({}),  # no errcode on success, whatever the interface page shows
    parting=MappingProxyType({}),
    sends_rid=True,
    openid=identifiers.wechat_openid,
    unionid=identifiers.wechat_unionid,
    session_key=identifiers.wechat_session_key,
    apis=MappingProxyType(
        {
            "/cgi-bin/stable_token": "stable_token",
            "/cgi-bin/token": "token",
            "/wxa/business/getuserphonenumber": "phone_number",
            "/wxa/checksession": "check_session",
            "/wxa/resetusersessionkey": "reset_session_key",
        }
    ),
)

_QQ_PARAMETER = (-101222100, "参数错误")  # QQ's one number for a wrong or missing appid, secret or parameter

_QQ: Final = Dialect(
    content_type="application/json; charset=utf-8",
    errors=MappingProxyType(
        {
            "wrong_method": _QQ_PARAMETER,
            "no_appid": _QQ_PARAMETER,
            "no_secret": _QQ_PARAMETER,
            "no_code": _QQ_PARAMETER,
            "wrong_grant_type": _QQ_PARAMETER,
            "wrong_appid": _QQ_PARAMETER,
            "wrong_secret": _QQ_PARAMETER,
            "wrong_code": (40029, "invalid code"),
            "used_code": (40029, "invalid code"),  # no other number is documented for a replay
            "blocked": (40226, "code blocked"),  # not documented at QQ; only a fault asks for it
            "over_quota": (45011, "api minute-quota reach limit"),
            "busy": (-1, "system error"),
        }
    ),
    greets=MappingProxyType({"errcode": 0, "errmsg": ""}),
    parting=MappingProxyType({"uin": ""}),
    sends_rid=False,
    openid=identifiers.qq_openid,
    unionid=identifiers.qq_unionid,
    session_key=identifiers.qq_session_key,
    apis=MappingProxyType({"/api/getToken": "token"}),
)

DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType({"wechat": _WECHAT, "qq": _QQ})
"""The platforms that are faked, by name."""
