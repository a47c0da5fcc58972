"""The calls of a server other than the login: access tokens, and what needs one.

Where the order of the platform's checks is not known, it is: the access token, the parameters, the thing itself.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from menshen.emulator.answer import Answer
from menshen.emulator.api_security import Call as SecuredCall
from menshen.emulator.api_security import NotTaken, answered, opened
from menshen.emulator.codes import Code, Codes
from menshen.emulator.dialect import Api, ApiSecurity, Outcome
from menshen.emulator.faults import AFTER, IN_FRONT, LATENCY, REFUSALS, SIGNED, disfigured, front
from menshen.emulator.payloads import phone_info
from menshen.emulator.side import Side, credentials
from menshen.emulator.visitors import Visitor

__all__ = ["call"]

_KINDS: Final[Mapping[Api, str]] = {
    "stable_token": "token",
    "token": "token",
    "component_token": "token",
    "phone_number": "phone",
    "check_session": "session",
    "reset_session_key": "session",
}
"""What kind of call each is, for faults."""

_TOKEN = re.compile(r"[0-9A-Za-z_-]{20,512}")


@dataclass(frozen=True, slots=True)
class _Call:
    side: Side
    phone_codes: Codes
    method: str
    params: Mapping[str, str]
    body: Mapping[str, Any] | None
    now: float
    fault: Callable[[], Outcome | None]
    """What refuses the call before its work, if anything; asked once."""


class _Refused(Exception):
    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def call(
    side: Side,
    phone_codes: Codes,
    path: str,
    method: str,
    query: bytes,
    body: bytes,
    now: float,
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> Answer:
    """The answer to one call at ``path``, one of the dialect's, with what the faults make of it."""
    side.apis[path] = side.apis.get(path, 0) + 1
    api = side.dialect.apis[path]
    kind, params, fields = _KINDS[api], side.dialect.called(query, body), _object(body)
    tokens = [value.decode("latin-1") for name, value in headers if name.lower() == b"access-token"]
    params = {**params, "access_token": tokens[0]} if tokens else params  # Douyin's way
    keys, secured = _secured(side, path, params, headers, body, now)
    not_taken: Outcome | None = None
    if keys is not None:
        try:
            fields = opened(keys, secured, now)
        except NotTaken as refusal:
            not_taken = refusal.outcome
    user = _user(side, phone_codes, params, fields)

    def fault() -> Outcome | None:
        struck = side.faults.strike(REFUSALS, user, side.roll, kind)
        return REFUSALS[struck.name] if struck is not None else None

    late = side.faults.strike(LATENCY, user, side.roll, kind)
    before = side.faults.strike(IN_FRONT, user, side.roll, kind)
    if before is not None and before.name != "-1":
        answer = front(before.name)
    else:
        outcome = not_taken if before is None else "busy"
        told: dict[str, Any] = {}
        if outcome is None:
            try:
                told = _WORK[api](_Call(side, phone_codes, method, params, fields, now, fault))
            except _Refused as refused:
                outcome = refused.outcome
        if outcome is not None:
            told = side.refused(outcome, now, login=False)
        after = side.faults.strike(AFTER, user, side.roll, kind)
        answer = side.answer(told) if after is None else disfigured(after.name, told, side.dialect)
        if keys is not None and not_taken is None:
            wrong = side.faults.strike(SIGNED, user, side.roll, kind)
            answer = answered(keys, secured, answer, now, side.random, "" if wrong is None else wrong.name)
    return answer if late is None else replace(answer, delay=late.seconds)


def _secured(
    side: Side, path: str, params: Mapping[str, str], headers: Iterable[tuple[bytes, bytes]], body: bytes, now: float
) -> tuple[ApiSecurity | None, SecuredCall]:
    """The keys that this call must be signed with, if it must, and what is signed. Who calls, the access token says."""
    told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
    appid, _ = side.holder(params.get("access_token", ""), now)
    made = SecuredCall(f"http://{told.get('host', '')}/{side.name}{path}", appid, told, body)
    app = side.apps.get(appid)
    if app is None or side.dialect.apis[path] not in side.dialect.secured:
        return None, made
    return app.api_security, made


def _stable_token(asked: _Call) -> dict[str, Any]:
    if asked.method != "POST":
        raise _Refused("wrong_verb")
    body = _body(asked)
    appid = _app(asked, body)
    force = body.get("force_refresh", False)
    if not isinstance(force, bool):
        raise _Refused("wrong_body")
    token, seconds = asked.side.tokens_of(appid, "stable_token").stable(asked.now, force=force)
    return {"access_token": token, "expires_in": seconds}


def _token(asked: _Call) -> dict[str, Any]:
    appid = _app(asked, asked.params)
    tokens = asked.side.tokens_of(appid, "token")
    steady = asked.side.dialect.steady_tokens
    token, seconds = tokens.stable(asked.now, force=False) if steady else tokens.plain(asked.now)
    return asked.side.dialect.give(token, seconds)


def _component_token(asked: _Call) -> dict[str, Any]:
    if asked.method != "POST":
        raise _Refused("wrong_verb")
    body = _body(asked)
    appid, secret, ticket = (body.get(f"component_{name}") for name in ("appid", "appsecret", "verify_ticket"))
    component = asked.side.components.get(appid) if isinstance(appid, str) else None
    if component is None:
        raise _Refused("wrong_component")
    if not secret:
        raise _Refused("no_secret")
    if secret != component.settings.secret:
        raise _Refused("wrong_secret")
    outcome = component.distrusts(str(ticket), asked.now) or asked.fault()
    if outcome is not None:
        raise _Refused(outcome)
    token, seconds = component.tokens.plain(asked.now)
    return {"component_access_token": token, "expires_in": seconds}


def _phone_number(asked: _Call) -> dict[str, Any]:
    if asked.method != "POST":
        raise _Refused("wrong_verb")
    appid = _by_token(asked)
    body = _body(asked)
    known = _phone_code(asked.phone_codes, body)
    if known is None or known.used:
        raise _Refused("wrong_phone_code")
    if known.appid != appid:
        raise _Refused("foreign_phone_code")
    openid = body.get("openid", "")
    # What the platform says of a code of another user is not known; the code is not spent by it here.
    if openid and openid != asked.side.visitors.of(appid, known.user, asked.now).openid:
        raise _Refused("wrong_phone_code")
    known.used = True
    info = phone_info(known.number, known.country)
    watermark = {"timestamp": int(asked.now), "appid": appid}
    return asked.side.dialect.tell_phone(asked.side.apps[appid], {**info, "watermark": watermark})


def _check_session(asked: _Call) -> dict[str, Any]:
    _signer(asked)
    return {"errcode": 0, "errmsg": "ok"}


def _reset_session_key(asked: _Call) -> dict[str, Any]:
    visitor = _signer(asked)
    asked.side.visitors.new_key(visitor, asked.now)
    return {"errcode": 0, "errmsg": "ok", "openid": visitor.openid, "session_key": visitor.session_key}


_WORK: Final[Mapping[Api, Callable[[_Call], dict[str, Any]]]] = {
    "stable_token": _stable_token,
    "token": _token,
    "component_token": _component_token,
    "phone_number": _phone_number,
    "check_session": _check_session,
    "reset_session_key": _reset_session_key,
}


def _app(asked: _Call, given: Mapping[str, Any]) -> str:
    """Whose AppID and AppSecret these are."""
    appid, secret = given.get("appid"), given.get("secret")
    if not isinstance(appid, str) or not appid:
        raise _Refused("no_appid")
    if not isinstance(secret, str) or not secret:
        raise _Refused("no_secret")
    appid = asked.side.dialect.app_of(asked.side.apps, appid, secret)
    outcome = credentials(asked.side.apps.get(appid), secret)
    grant = asked.side.dialect.app_grant
    if outcome is None and grant and given.get("grant_type") != grant:
        outcome = "wrong_grant_type"
    outcome = outcome or asked.fault()
    if outcome is not None:
        raise _Refused(outcome)
    return appid


def _by_token(asked: _Call) -> str:
    """Whose access token this is."""
    text = asked.params.get("access_token", "")
    if not text:
        raise _Refused("no_token")
    if _TOKEN.fullmatch(text) is None:
        raise _Refused("malformed_token")
    appid, outcome = asked.side.holder(text, asked.now)
    outcome = outcome or asked.fault()
    if outcome is not None:
        raise _Refused(outcome)
    return appid


def _signer(asked: _Call) -> Visitor:
    """The user whose session_key the caller has shown to know."""
    appid = _by_token(asked)
    visitor = asked.side.visitors.by_openid(appid, asked.params.get("openid", ""))
    if visitor is None:
        raise _Refused("wrong_openid")
    if asked.params.get("sig_method") != "hmac_sha256":
        raise _Refused("wrong_sig_method")
    expected = hmac.new(visitor.session_key.encode(), b"", hashlib.sha256).hexdigest()
    if asked.params.get("signature", "").lower() != expected:
        raise _Refused("wrong_signature")
    return visitor


def _body(asked: _Call) -> Mapping[str, Any]:
    if asked.body is None:
        raise _Refused("wrong_body")
    return asked.body


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _phone_code(codes: Codes, body: Mapping[str, Any]) -> Code | None:
    code = body.get("code")
    return codes.find(code) if isinstance(code, str) else None


def _user(side: Side, codes: Codes, params: Mapping[str, str], body: Mapping[str, Any] | None) -> str:
    """Whom a call is about, for faults; "" where it is about nobody, or nobody is known."""
    known = _phone_code(codes, body) if body is not None else None
    if known is not None:
        return known.user
    openid = params.get("openid", "")
    visitors = (side.visitors.by_openid(appid, openid) for appid in side.apps) if openid else ()
    return next((visitor.user for visitor in visitors if visitor is not None), "")
