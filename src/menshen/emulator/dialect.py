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

__all__ = ["DIALECTS", "Dialect", "Outcome"]

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
]
"""Why an exchange did not succeed."""

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One platform's voice.

    ``errors``: outcome -> errcode and errmsg. ``greets`` and ``parting``: fields before and after the identity in every
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

    def refuse(self, outcome: Outcome, rid: str) -> Fields:
        errcode, errmsg = self.errors[outcome]
        if self.sends_rid:
            # Both separators are real; the answer to a POST was seen with the bare one.
            errmsg += f" rid: {rid}" if outcome == "wrong_method" else f", rid: {rid}"
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
        }
    ),
    greets=MappingProxyType({}),  # no errcode on success, whatever the interface page shows
    parting=MappingProxyType({}),
    sends_rid=True,
    openid=identifiers.wechat_openid,
    unionid=identifiers.wechat_unionid,
    session_key=identifiers.wechat_session_key,
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
)

DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType({"wechat": _WECHAT, "qq": _QQ})
"""The platforms that are faked, by name."""
