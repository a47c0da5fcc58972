"""The login: a code for who logged in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from menshen.emulator.answer import Answer
from menshen.emulator.codes import Codes
from menshen.emulator.dialect import Asked, Outcome
from menshen.emulator.faults import AFTER, AT_CODE, EXTRA_FIELDS, IN_FRONT, LATENCY, disfigured, front
from menshen.emulator.side import Side
from menshen.emulator.visitors import Visitor

__all__ = ["QUOTA", "exchange"]

QUOTA: Final = 100
"""Exchanges a minute for one user of one app, then 45011 (older WeChat pages; QQ)."""


def exchange(side: Side, codes: Codes, asked: Asked, now: float, quota: int) -> Answer:
    """The answer to one call, with what the faults make of it."""
    side.count(asked.code)
    if not side.faults:
        return side.answer(side.signed(_exchange(side, codes, asked, now, quota), asked.appid))
    known = codes.find(asked.code)
    user = known.user if known else ""
    late = side.faults.strike(LATENCY, user, side.roll)
    if (fault := side.faults.strike(IN_FRONT, user, side.roll)) is not None:
        busy = side.signed(side.refused("busy", now), asked.appid)
        answer = side.answer(busy) if fault.name == "-1" else front(fault.name)
    else:
        fields = side.signed(_exchange(side, codes, asked, now, quota), asked.appid)
        fault = side.faults.strike(AFTER, user, side.roll)
        answer = side.answer(fields) if fault is None else disfigured(fault.name, fields, side.dialect)
    return answer if late is None else replace(answer, delay=late.seconds)


def _exchange(side: Side, codes: Codes, asked: Asked, now: float, quota: int) -> dict[str, Any]:
    """The checks in the order of the reference's 13.4 (the real order is not known), then the exchange."""
    app = side.apps.get(asked.appid)
    known = codes.find(asked.code)
    if app is None or asked.outcome is not None:
        return side.refused(asked.outcome or "wrong_appid", now)
    outcome = side.distrusts(app, asked, now)
    if outcome is not None:
        return side.refused(outcome, now)
    if known is None or (known.platform, known.appid, known.anonymous) != (side.name, asked.appid, asked.anonymous):
        return side.refused("wrong_anonymous_code" if asked.anonymous else "wrong_code", now)
    if known.used:
        return side.refused("wrong_anonymous_code" if asked.anonymous else "used_code", now)
    visitor = side.visitors.of(asked.appid, known.user, now)
    outcome = _held_back(side, visitor, now, quota)
    if outcome is not None:
        return side.refused(outcome, now)
    known.used = True
    if asked.anonymous:
        fields = side.dialect.accept_device(visitor.openid)
    else:
        fields = side.dialect.accept(visitor.openid, visitor.session_key, visitor.unionid if app.unionid else "")
    if app.errcode_on_success:
        fields |= {side.dialect.errcode: fields.get(side.dialect.errcode, 0), side.dialect.errmsg: "ok"}
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
