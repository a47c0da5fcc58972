"""The first page: what the gateway does now and did today, and what is wrong with it. It stays current by itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from menshen.errors import REFUSALS, Action, Who
from menshen.figures.summary import AppFigures, Summary
from menshen.operators.roles import Scope
from menshen.web.console.language import CHINESE, sentence
from menshen.web.console.sparkline import Sparkline, sparkline
from menshen.web.console.view import HOME, View, Visit
from menshen.web.figures import FigureDesk, Figures

__all__ = ["ErrorRow", "duration", "overview_views", "share"]

_NOW: Final = "/console/overview/now"

_WHO: Final[dict[Who, str]] = {
    "operator": sentence("Yours to fix"),
    "client": sentence("The client's doing"),
    "platform": sentence("The platform's doing"),
    "nobody": sentence("Nothing to do"),
}
_ACTIONS: Final[dict[Action, str]] = {
    "login": sentence("the mini program logs in again"),
    "retry": sentence("the mini program tries again later"),
    "none": "",
}
_ALONE: Final = {
    "token": sentence("a login state or token that does not hold"),
    "rule": sentence("an address, a revoked session or an unsound path"),
    "limit": sentence("a rate limit"),
    "route": sentence("no such API, method or spelling"),
    "unjudged": sentence("no worker to judge it"),
}
_PURPOSES: Final = {
    "sealed": sentence("sealed login states"),
    "signed": sentence("signed login states"),
    "refresh": sentence("refresh tokens"),
    "assertion": sentence("assertions"),
}
_UNWELL: Final = 0.05
"""Of a platform's calls: more than that failed, and somebody should look."""


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """A reason, what it means in the visitor's language, and sentences of who acts and what the client does."""

    reason: str
    count: int
    meaning: str
    who: str
    action: str


def overview_views(desk: FigureDesk, apps: Callable[[], int]) -> list[View]:
    """``GET /console/`` and the part of it that is asked for again and again. ``apps``: how many are configured."""

    async def page(visit: Visit) -> Response:
        return visit.page("overview.html", **_values(visit, await desk.figures(), apps()))

    async def now(visit: Visit) -> Response:
        return visit.page("overview_now.html", **_values(visit, await desk.figures(), apps()))

    return [View("GET", HOME, Scope.FIGURES_READ, page), View("GET", _NOW, Scope.FIGURES_READ, now)]


def _values(visit: Visit, figures: Figures, apps: int) -> dict[str, Any]:
    day = figures.day or figures.now
    return {
        "now_path": _NOW,
        "figures": figures,
        "now": figures.now,
        "day": figures.day,
        "apps": apps,
        "may_create": visit.may(Scope.CONFIG_WRITE),
        "idle": not figures.now.requests and not day.requests,
        "requests_line": _line(figures, "requests"),
        "logins_line": _line(figures, "logins"),
        "p99_line": _line(figures, "p99_ms"),
        "failed_line": _line(figures, "failed"),
        "logins_ok": day.logins.get("ok", 0),
        "logins_refused": sum(count for outcome, count in day.logins.items() if outcome != "ok"),
        "errors": _errors(visit.locale, day),
        "alone": [(_ALONE.get(by, by), count) for by, count in day.alone.items()],
        "platforms": [(each, _well(each)) for each in day.apps],
        "keys": [(_PURPOSES.get(purpose, purpose), age // 86_400) for purpose, age in figures.node.key_ages.items()],
        "share": share,
        "duration": duration,
    }


def _line(figures: Figures, name: str) -> Sparkline:
    return sparkline([getattr(point, name) for point in figures.points])


def _errors(locale: str, summary: Summary) -> list[ErrorRow]:
    return [_error(locale, each.reason, each.count) for each in summary.errors]


def _error(locale: str, reason: str, count: int) -> ErrorRow:
    refusal = REFUSALS.get(reason)
    if refusal is None:
        return ErrorRow(reason, count, "", "", "")
    meaning = refusal.message_zh if locale == CHINESE else refusal.message
    return ErrorRow(reason, count, meaning, _WHO[refusal.who], _ACTIONS[refusal.action])


def _well(app: AppFigures) -> bool:
    return app.failed <= app.calls * _UNWELL


def share(value: float | None) -> str:
    """``99.9 %``, rounded down: what is not all is never 100 %."""
    if value is None:
        return "–"
    return "100 %" if value >= 1 else f"{math.floor(value * 1000) / 10:.1f} %"


def duration(milliseconds: float | None) -> str:
    """``0.4 ms``, ``12 ms``, ``1.5 s``."""
    if milliseconds is None:
        return "–"
    if milliseconds < 10:
        return f"{milliseconds:.1f} ms"
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"
