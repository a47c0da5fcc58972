"""Feishu's voice (``reference/platform-apis.md`` 9), with the numbers of its page on the login and of its server.

Which of its HTTP statuses goes with which number is known of the login's own numbers, which come with 200, and of a
limit; the others are refused with 400 here.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from menshen.emulator import identifiers
from menshen.emulator.dialect import Asked, Dialect, Fields, Outcome, json_texts
from menshen.emulator.identifiers import RandomBytes
from menshen.emulator.payloads import Payload, compact, encrypted

if TYPE_CHECKING:
    from menshen.emulator.visitors import Visitor

__all__ = ["FEISHU", "USERS_OWN"]

USERS_OWN: Final = MappingProxyType(
    {"access_token": "u-of-the-user-himself", "refresh_token": "ur-of-the-user-himself"}
)
"""What every login has in it, and no gateway has a use for."""

_LIMIT = (99991400, "request trigger frequency limit")
_INVALID = (10003, "invalid param")
_MARK = 6600000000000000001
"""Stands where others have the AppID; Feishu's sample has such a number there."""


@dataclass(frozen=True, slots=True)
class _Feishu(Dialect):
    def asked(self, method: str, query: bytes, body: bytes) -> Asked:  # noqa: ARG002 - all is in the body
        code = json_texts(body).get("code", "")
        outcome: Outcome | None = None
        if method != "POST":
            outcome = "wrong_method"
        elif not code:
            outcome = "no_code"
        return Asked({"js_code": code} if code else {}, "", "", code, outcome)

    def asked_with(self, asked: Asked, headers: Iterable[tuple[bytes, bytes]]) -> Asked:
        given = next((value.decode("latin-1") for name, value in headers if name == b"authorization"), "")
        kind, _, token = given.partition(" ")
        token = token if kind == "Bearer" else ""
        return replace(asked, secret=token, outcome=asked.outcome or (None if token else "no_token"))

    def called(self, query: bytes, body: bytes) -> Mapping[str, str]:  # noqa: ARG002 - all is in the body
        names = {"app_id": "appid", "app_secret": "secret"}
        return {names.get(name, name): text for name, text in json_texts(body).items()}

    def refuse(self, outcome: Outcome, rid: str, *, login: bool = True) -> Fields:  # noqa: ARG002 - no rid, one form
        code, msg = self.errors[outcome]
        return {"code": code, "msg": msg}

    def accept(self, openid: str, session_key: str, unionid: str) -> Fields:  # noqa: ARG002 - there is an obsolete one
        data = {
            "open_id": openid,
            "union_id": openid.replace("ou_", "on_"),
            "session_key": session_key,
            "tenant_key": "2ed263bf32cf1651",
            "expires_in": 1700007200,
            **USERS_OWN,
        }
        return {"code": 0, "msg": "success", "data": data}

    def give(self, token: str, seconds: int) -> Fields:
        return {"code": 0, "msg": "ok", "app_access_token": token, "expire": seconds, "tenant_access_token": token}

    def status(self, fields: Fields) -> int:
        code = fields.get("code", 0)
        if code == _LIMIT[0]:
            return 429
        return 400 if code in (10003, 10014) or code > 99990000 else 200


def _user_info(
    visitor: Visitor,
    profile: Mapping[str, Any],
    watermark: Mapping[str, Any],
    *,
    unionid: bool,  # noqa: ARG001 - it is in every payload
    random: RandomBytes,
) -> Payload:
    """As the vendor's sample is, and ``userInfo`` with it. Of what the signing key is the base64 is not known."""
    shown = {
        "nickName": "飞书用户",
        "avatarUrl": "",
        "gender": "",
        "city": "",
        "country": "",
        "language": "",
        **profile,
    }
    key, raw = base64.b64encode(bytes.fromhex(visitor.session_key)).decode(), compact(shown)
    signature = hashlib.sha1((raw + key).encode(), usedforsecurity=False).hexdigest()
    ids = {"openId": visitor.openid, "unionId": visitor.openid.replace("ou_", "on_")}
    closed, iv = encrypted({**ids, **shown, "watermark": {**watermark, "appid": _MARK}}, key, random)
    return Payload(closed, base64.b64decode(iv).hex(), raw, signature)


FEISHU: Final = _Feishu(
    content_type="application/json; charset=utf-8",
    errors=MappingProxyType(
        {
            "wrong_method": (99991301, "request method doesn't match"),
            "no_appid": _INVALID,
            "no_secret": _INVALID,
            "no_code": _INVALID,
            "no_token": (99991661, "Missing access token for authorization"),
            "wrong_appid": (10014, "app id not exists"),
            "wrong_secret": (10014, "app secret invalid"),
            "wrong_code": (10213, "code appid not match"),
            "used_code": (10213, "code appid not match"),
            "blocked": (10228, "user to app has no visibility"),
            "over_quota": _LIMIT,
            "day_quota": _LIMIT,
            "busy": (10500, "internal server error"),
            "malformed_token": (99991671, "Invalid token: must start with t-/u-"),
            "wrong_token": (99991664, "invalid app token"),
            "expired_token": (10202, "access token invalid"),
            "unauthorized": (99991672, "No permission"),
            "address_not_listed": (99991401, "ip is denied by app setting"),
            "address_not_approved": (99991401, "ip is denied by app setting"),
        }
    ),
    greets=MappingProxyType({}),
    parting=MappingProxyType({}),
    sends_rid=False,
    openid=identifiers.feishu_openid,
    unionid=identifiers.no_unionid,
    session_key=identifiers.feishu_session_key,
    apis=MappingProxyType({"/open-apis/auth/v3/app_access_token/internal": "token"}),
    login_path="/open-apis/mina/v2/tokenLoginValidate",
    errcode="code",
    errmsg="msg",
    app_grant="",
    by_token=True,
    steady_tokens=True,
    numbers=False,
    user_info=_user_info,
)
