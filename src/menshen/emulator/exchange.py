"""``jscode2session``: a code for who logged in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qsl

from menshen.emulator.answer import Answer, encode
from menshen.emulator.codes import Codes
from menshen.emulator.dialect import Outcome
from menshen.emulator.faults import AFTER, AT_CODE, EXTRA_FIELDS, IN_FRONT, LATENCY, disfigured, front
from menshen.emulator.side import Side, credentials
from menshen.emulator.visitors import Visitor

__all__ = ["QUOTA", "exchange", "parameters"]

QUOTA: Final = 100
"""Exchanges a minute for one user of one app, then 45011 (older WeChat pages; QQ)."""


def parameters(query: bytes) -> dict[str, str]:
    """A query's parameters, the first of each name. An empty one counts as missing."""
    # Latin-1 first: percent-encoded text is ASCII, and raw bytes must not raise.
    params: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("latin-1")):
        params.setdefault(name, value)
    return params


def exchange(side: Side, codes: Codes, method: str, params: Mapping[str, str], now: float, quota: int) -> Answer:
    """The answer to one call, with what the faults make of it."""
    side.count(params.get("js_code", ""))
    if not side.faults:
        return Answer(encode(_exchange(side, codes, method, params, now, quota)), side.dialect.content_type)
    known = codes.find(params.get("js_code", ""))
    user = known.user if known else ""
    late = side.faults.strike(LATENCY, user, side.roll)
    if (fault := side.faults.strike(IN_FRONT, user, side.roll)) is not None:
        if fault.name == "-1":
            answer = Answer(encode(side.refused("busy", now)), side.dialect.content_type)
        else:
            answer = front(fault.name)
    else:
        fields = _exchange(side, codes, method, params, now, quota)
        fault = side.faults.strike(AFTER, user, side.roll)
        if fault is None:
            answer = Answer(encode(fields), side.dialect.content_type)
        else:
            answer = disfigured(fault.name, fields, side.dialect.content_type)
    return answer if late is None else replace(answer, delay=late.seconds)


def _exchange(
    side: Side, codes: Codes, method: str, params: Mapping[str, str], now: float, quota: int
) -> dict[str, Any]:
    """The checks in the order of the reference's 13.4 (the real order is not known), then the exchange."""
    appid, code = params.get("appid", ""), params.get("js_code", "")
    app = side.apps.get(appid)
    known = codes.find(code)
    outcome = _incomplete(method, params) or credentials(app, params["secret"])
    if app is None or outcome is not None:
        return side.refused(outcome or "wrong_appid", now)
    if known is None or (known.platform, known.appid) != (side.name, appid):
        return side.refused("wrong_code", now)
    if known.used:
        return side.refused("used_code", now)
    visitor = side.visitors.of(appid, known.user, now)
    outcome = _held_back(side, visitor, now, quota)
    if outcome is not None:
        return side.refused(outcome, now)
    known.used = True
    fields = side.dialect.accept(visitor.openid, visitor.session_key, visitor.unionid if app.unionid else "")
    if app.errcode_on_success:
        fields |= {"errcode": 0, "errmsg": "ok"}
    if app.extra_fields:
        fields |= EXTRA_FIELDS
    return fields


def _held_back(side: Side, visitor: Visitor, now: float, quota: int) -> Outcome | None:
    """Blocked, or over the minute's quota: by a fault or by count."""
    fault = side.faults.strike(AT_CODE, visitor.user, side.roll) if side.faults else None
    if fault is not None:
        return "blocked" if fault.name == "40226" else "over_quota"
    minute = int(now // 60)
    if visitor.minute != minute:
        visitor.minute, visitor.calls = minute, 0
    visitor.calls += 1
    return "over_quota" if quota and visitor.calls > quota else None


def _incomplete(method: str, params: Mapping[str, str]) -> Outcome | None:
    if method != "GET":
        return "wrong_method"
    if "appid" not in params:
        return "no_appid"
    if "secret" not in params:
        return "no_secret"
    if "js_code" not in params:
        return "no_code"
    return None if params.get("grant_type") == "authorization_code" else "wrong_grant_type"
