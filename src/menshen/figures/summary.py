"""What a tally says to a person: rates, shares, percentiles, and what happens most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from menshen.errors import REFUSALS
from menshen.figures.counting import ALLOWED, ANONYMOUS, DONE, LOGGED_IN, NOT_ASKED
from menshen.figures.latency import quantile
from menshen.figures.tally import Tally, labels_of

__all__ = ["AppFigures", "ErrorFigures", "RouteFigures", "Summary", "summary_of"]

_GOOD: Final = ("1xx", "2xx", "3xx")
_OUTCOMES: Final = frozenset({ALLOWED, ANONYMOUS, LOGGED_IN, NOT_ASKED, DONE})
_MOST: Final = 10


class ErrorFigures(msgspec.Struct, frozen=True):
    """A reason of refusal, and how often it was given."""

    reason: str
    count: int


class RouteFigures(msgspec.Struct, frozen=True):
    """An API, ``group/name``: requests that reached its backend, and those of them that it answered with 5xx."""

    api: str
    requests: int
    failed: int


class AppFigures(msgspec.Struct, frozen=True):
    """Calls of an app's platform. ``failed`` are those that were nobody's fault who logs in; ``reasons`` say why."""

    app: str
    platform: str
    calls: int
    failed: int
    reasons: dict[str, int]


class Summary(msgspec.Struct, frozen=True):
    """Of ``seconds``. What cannot be told of nothing is None. Milliseconds are those that Envoy measured.

    ``success`` is the share of requests answered below 400. ``logins`` is by outcome, ``decisions`` by outcome or
    reason, ``alone`` what Envoy refused without the brain, by what refused it. The lists have the most frequent only.
    """

    seconds: float
    requests: int
    per_second: float
    by_status: dict[str, int]
    success: float | None
    p50_ms: float | None
    p99_ms: float | None
    logins: dict[str, int]
    decisions: dict[str, int]
    alone: dict[str, int]
    errors: list[ErrorFigures]
    apis: list[RouteFigures]
    apps: list[AppFigures]


def summary_of(tally: Tally, seconds: float) -> Summary:
    """``seconds`` is how long it took."""
    by_status = tally.get("requests", {})
    requests = sum(by_status.values())
    good = sum(by_status.get(status, 0) for status in _GOOD)
    took = tally.get("request_ms", {})
    return Summary(
        seconds=seconds,
        requests=requests,
        per_second=requests / seconds if seconds > 0 else 0.0,
        by_status=dict(sorted(by_status.items())),
        success=good / requests if requests else None,
        p50_ms=quantile(took, 0.50),
        p99_ms=quantile(took, 0.99),
        logins=_most((outcome, count) for (_, outcome), count in labels_of(tally, "logins")),
        decisions=_most(tally.get("decisions", {}).items()),
        alone=_most(tally.get("alone", {}).items()),
        errors=_errors(tally),
        apis=_routes(tally),
        apps=_apps(tally),
    )


def _most(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Added up by name, the most frequent first."""
    total: dict[str, int] = {}
    for name, count in counts:
        total[name] = total.get(name, 0) + count
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def _errors(tally: Tally) -> list[ErrorFigures]:
    answers = [*tally.get("decisions", {}).items(), *tally.get("api", {}).items()]
    refused = _most((reason, count) for reason, count in answers if reason not in _OUTCOMES)
    return [ErrorFigures(*item) for item in refused.items()][:_MOST]


def _routes(tally: Tally) -> list[RouteFigures]:
    by_api: dict[str, dict[str, int]] = {}
    for (api, status), count in labels_of(tally, "routes"):
        by_api.setdefault(api, {})[status] = count
    found = [RouteFigures(api, sum(of.values()), of.get("5xx", 0)) for api, of in by_api.items()]
    return sorted(found, key=lambda each: (-each.requests, each.api))[:_MOST]


def _apps(tally: Tally) -> list[AppFigures]:
    by_app: dict[tuple[str, str], dict[str, int]] = {}
    for (platform, app, outcome), count in labels_of(tally, "calls"):
        by_app.setdefault((app, platform), {})[outcome] = count
    return [_app(app, platform, outcomes) for (app, platform), outcomes in sorted(by_app.items())]


def _app(app: str, platform: str, outcomes: Mapping[str, int]) -> AppFigures:
    reasons = {outcome: count for outcome, count in outcomes.items() if _counts_as_failed(outcome)}
    return AppFigures(app, platform, sum(outcomes.values()), sum(reasons.values()), _most(reasons.items()))


def _counts_as_failed(outcome: str) -> bool:
    """A code that was used before is an answer; a platform that is away, or does not take our secret, is a failure."""
    refusal = REFUSALS.get(outcome)
    return outcome != DONE and (refusal is None or refusal.who != "client")
