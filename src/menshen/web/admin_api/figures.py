"""Figures over HTTP: those of the console's overview, with no Prometheus anywhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from menshen.errors import DatabaseUnavailable
from menshen.figures.readings import Readings, Span
from menshen.figures.summary import Summary, summary_of
from menshen.figures.tally import total_of
from menshen.operators.roles import Scope
from menshen.web.admin_api.endpoint import Call, Endpoint

__all__ = ["DAY", "Figures", "NodeNow", "Point", "figure_endpoints", "figures_of"]

DAY = 86_400.0


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


def figure_endpoints(readings: Callable[[], Readings], day: Callable[[], Awaitable[Sequence[Span]]]) -> list[Endpoint]:
    """``GET /v1/figures``. ``day`` gives the last 24 hours in spans."""

    async def figures(_: Call) -> Figures:
        return await figures_of(readings(), day)

    return [
        Endpoint(
            "GET",
            "/v1/figures",
            "What the gateway does: the last minute of this node, the last 24 hours of all, and how the node is",
            Scope.FIGURES_READ,
            figures,
            answer=Figures,
        )
    ]


async def figures_of(readings: Readings, day: Callable[[], Awaitable[Sequence[Span]]]) -> Figures:
    """Everything at once. A database that is away takes the day away and nothing else."""
    try:
        spans = await day()
    except DatabaseUnavailable:
        return Figures(summary_of(readings.lately, readings.seconds), None, [], _now(readings))
    return Figures(
        now=summary_of(readings.lately, readings.seconds),
        day=summary_of(total_of(span.counts for span in spans), DAY),
        points=[_point(span) for span in spans],
        node=_now(readings),
    )


def _point(span: Span) -> Point:
    made = summary_of(span.counts, 0.0)
    return Point(span.at, made.requests, made.by_status.get("5xx", 0), made.logins.get("ok", 0), made.p99_ms)


def _now(readings: Readings) -> NodeNow:
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
