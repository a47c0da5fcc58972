"""Kuaishou's voice (``reference/platform-apis.md`` 7), with the numbers of its OAuth server.

That code2Session has them too, and what it says of a used code, a blocked user or a limit, is not known: a used code is
as a wrong one here, a blocked user is denied access, and for a limit stands HTTP's own number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from menshen.emulator import identifiers
from menshen.emulator.dialect import Fields, Outcome
from menshen.emulator.identifiers import RandomBytes
from menshen.emulator.payloads import Payload, encrypted, phone_info, user_info_payload
from menshen.emulator.renamed import RenamedDialect

if TYPE_CHECKING:
    from menshen.emulator.visitors import Visitor

__all__ = ["KUAISHOU"]

_MISSING = (100200100, "invalid_request")
_TOO_MANY = 429


@dataclass(frozen=True, slots=True)
class _Kuaishou(RenamedDialect):
    def refuse(self, outcome: Outcome, rid: str, *, login: bool = True) -> Fields:  # noqa: ARG002 - no rid, one form
        result, error = self.errors[outcome]
        return {"result": result, "error": error, "error_msg": error.replace("_", " ")}

    def accept(self, openid: str, session_key: str, unionid: str) -> Fields:
        fields = {"result": 1, "open_id": openid, "session_key": session_key}
        return {**fields, "union_id": unionid} if unionid else fields

    def give(self, token: str, seconds: int) -> Fields:
        return {"result": 1, "access_token": token, "expires_in": seconds, "token_type": "bearer"}

    def status(self, fields: Fields) -> int:
        return _TOO_MANY if fields.get("result") == _TOO_MANY else 200


def _phone(
    visitor: Visitor,
    number: str,
    country: str,
    watermark: Mapping[str, Any],  # noqa: ARG001 - whether there is one is not known
    *,
    random: RandomBytes,
) -> Payload:
    fields = {**phone_info(number, country), "countryCode": country}
    return Payload(*encrypted(fields, visitor.session_key, random))


KUAISHOU: Final = _Kuaishou(
    content_type="application/json; charset=utf-8",
    errors=MappingProxyType(
        {
            "wrong_method": _MISSING,
            "no_appid": _MISSING,
            "no_secret": _MISSING,
            "no_code": _MISSING,
            "wrong_grant_type": (100200104, "unsupported_grant_type"),
            "wrong_appid": (100200101, "unauthorized_client"),
            "wrong_secret": (100200101, "unauthorized_client"),
            "wrong_code": (100200105, "invalid_grant"),
            "used_code": (100200105, "invalid_grant"),
            "blocked": (100200102, "access_denied"),
            "over_quota": (_TOO_MANY, "too_many_requests"),
            "busy": (100200500, "server_error"),
            "unauthorized": (100200106, "invalid_scope"),
        }
    ),
    greets=MappingProxyType({}),
    parting=MappingProxyType({}),
    sends_rid=False,
    openid=identifiers.kuaishou_openid,
    unionid=identifiers.kuaishou_unionid,
    session_key=identifiers.wechat_session_key,  # base64 of 16 bytes there too
    apis=MappingProxyType({"/oauth2/access_token": "token"}),
    login_path="/oauth2/mp/code2session",
    errcode="result",
    errmsg="error_msg",
    app_grant="client_credentials",
    user_info=user_info_payload,
    phone_data=_phone,
    names=MappingProxyType({"app_id": "appid", "app_secret": "secret"}),
)
