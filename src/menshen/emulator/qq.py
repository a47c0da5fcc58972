"""QQ's voice, in the texts that are quoted in ``reference/platform-apis.md`` 3."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from menshen.emulator import identifiers
from menshen.emulator.dialect import Dialect

__all__ = ["QQ"]

_PARAMETER = (-101222100, "参数错误")  # QQ's one number for a wrong or missing appid, secret or parameter

QQ: Final = Dialect(
    content_type="application/json; charset=utf-8",
    errors=MappingProxyType(
        {
            "wrong_method": _PARAMETER,
            "no_appid": _PARAMETER,
            "no_secret": _PARAMETER,
            "no_code": _PARAMETER,
            "wrong_grant_type": _PARAMETER,
            "wrong_appid": _PARAMETER,
            "wrong_secret": _PARAMETER,
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
