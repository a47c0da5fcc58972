"""The figures that people are shown, in one piece: the console's overview and ``GET /v1/figures`` tell the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec

from menshen.errors import DatabaseUnavailable
from menshen.figures.latency import quantile
from menshen.figures.readings import Readings, Span
from menshen.figures.summary import Summary, summary_of
from menshen.figures.tally import Tally, total_of

__all__ = ["FigureDesk", "Figures", "NodeNow", "Point"]

_DAY: Final = 86_400.0
_FRESH: Final = 2.0
"""Seconds for which the day is the same: who looks on asks as often, and many may look on."""

Day = Callable[[], Awaitable[Sequence[Span]]]
"""The last 24 hours of all nodes in spans. Raises ``DatabaseUnavailable``."""


class NodeNow(msgspec.Struct, frozen=True):
    """The node that answers, as it is. ``endpoints``: upstream -> ``host:port`` -> whether it is healthy."""

    envoy_up: bool
    envoy_restarts: int
    workers: int
    workers_running: int
    revision: int | None
    database: bool
    sessions: int | None
    revocations: int
    connections: int
    requests_active: int
    key_ages: dict[str, int]
    endpoints: dict[str, dict[str, bool]]


class Point(msgspec.Struct, frozen=True):
    """A span of the day. ``at`` is when it began, in Unix seconds."""

    at: int
    requests: int
    failed: int
    logins: int
    p99_ms: float | None


class Figures(msgspec.Struct, frozen=True):
    """``now`` is the last minute of this node, ``day`` the last 24 hours of all nodes: None without the database."""

    now: Summary
    day: Summary | None
    points: list[Point]
    node: NodeNow


class FigureDesk:
    """``readings`` are those of this node; ``clock`` gives seconds that only go forward."""

    def __init__(self, readings: Callable[[], Readings], day: Day, clock: Callable[[], float]) -> None:
        self._readings = readings
        self._day = day
        self._clock = clock
        self._known: tuple[Summary, list[Point]] | None = None
        self._known_at = 0.0

    async def figures(self) -> Figures:
        """Everything at once. A database that is away takes the day away and nothing else."""
        now = self._readings()
        summary = summary_of(now.lately, now.seconds)
        try:
            day, points = await self._whole_day()
        except DatabaseUnavailable:
            return Figures(summary, None, [], _node(now))
        return Figures(summary, day, points, _node(now))

    async def _whole_day(self) -> tuple[Summary, list[Point]]:
        at = self._clock()
        if self._known is None or at - self._known_at > _FRESH:
            spans = await self._day()
            self._known = summary_of(total_of(span.counts for span in spans), _DAY), [_point(each) for each in spans]
            self._known_at = at
        return self._known


def _point(span: Span) -> Point:
    by_status: Mapping[str, int] = span.counts.get("requests", {})
    return Point(
        at=span.at,
        requests=sum(by_status.values()),
        failed=by_status.get("5xx", 0),
        logins=_logins(span.counts),
        p99_ms=quantile(span.counts.get("request_ms", {}), 0.99),
    )


def _logins(counts: Tally) -> int:
    """Those that came to something."""
    return sum(count for labels, count in counts.get("logins", {}).items() if labels.endswith(" ok"))


def _node(readings: Readings) -> NodeNow:
    endpoints: Mapping[str, dict[str, bool]] = {name: dict(each) for name, each in readings.endpoints.items()}
    return NodeNow(
        envoy_up=readings.envoy_up,
        envoy_restarts=readings.envoy_restarts,
        workers=readings.workers,
        workers_running=readings.workers_running,
        revision=readings.revision,
        database=readings.database,
        sessions=readings.sessions,
        revocations=readings.revocations,
        connections=readings.connections,
        requests_active=readings.requests,
        key_ages=dict(readings.key_ages),
        endpoints=dict(endpoints),
    )
