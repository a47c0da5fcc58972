"""``/metrics`` of the admin address: a node's figures in the text format of Prometheus.

Open, like ``/healthz``: it tells how much happens and whether it goes well, with names of the document and reasons of
the tree of refusals, and nothing of a person, a path or a secret. Made anew at each call from what the node has in
memory; nothing is asked for it, and nothing is kept in a registry of the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from menshen import __version__
from menshen.figures.latency import SUM, cumulated
from menshen.figures.readings import Readings
from menshen.figures.tally import Family, labels_of

__all__ = ["METRICS", "METRICS_PATH", "Described", "metrics_of", "metrics_route"]

METRICS_PATH: Final = "/metrics"

Kind = Literal["counter", "gauge", "histogram", "info"]


@dataclass(frozen=True, slots=True)
class Described:
    """A metric: its name as it is scraped, its kind, its labels, and what it is."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str


def _described(name: str, kind: Kind, labels: str, help_: str) -> Described:
    return Described(f"menshen_{name}", kind, tuple(labels.split()), help_)


METRICS: Final = (
    _described("decisions_total", "counter", "reason", "Decisions, by outcome or reason of the refusal."),
    _described("api_calls_total", "counter", "reason", "Calls of the user API, `ok` or the reason of the refusal."),
    _described("logins_total", "counter", "app outcome", "Logins, `ok` or the reason of the refusal."),
    _described(
        "platform_calls_total",
        "counter",
        "platform app outcome",
        "Calls of platforms: `ok`, a reason, or `failed`.",
    ),
    _described("platform_call_seconds", "histogram", "platform", "How long calls of platforms took."),
    _described("requests_total", "counter", "status", "Requests that Envoy answered, by class of status."),
    _described("request_seconds", "histogram", "", "How long requests took, from the first byte to the last."),
    _described(
        "envoy_refusals_total",
        "counter",
        "by",
        "Requests that Envoy refused by itself, and by what.",
    ),
    _described("connections_active", "gauge", "", "Connections of clients that are open now."),
    _described("requests_active", "gauge", "", "Requests that are being answered now."),
    _described(
        "upstream_endpoints", "gauge", "upstream healthy", "Endpoints of each upstream, healthy ones and others."
    ),
    _described("sessions_live", "gauge", "", "Sessions that have not ended, of all nodes; counted once a minute."),
    _described("key_age_seconds", "gauge", "purpose", "Age of the key that makes now."),
    _described("revision", "gauge", "", "Number of the running revision; 0 while there is none."),
    _described("envoy_up", "gauge", "", "1 while Envoy runs."),
    _described("envoy_restarts_total", "counter", "", "How often Envoy was started again."),
    _described("workers_running", "gauge", "", "Workers that decide."),
    _described("database_up", "gauge", "", "1 while the database answers."),
    _described("revocations_active", "gauge", "", "Revocations that are known to workers and Envoy."),
    _described("build", "info", "version", "The version that runs."),
)
"""Every metric there is. An info has ``_info`` behind its name when it is scraped."""

_COUNTERS: Final[dict[str, Family]] = {
    "menshen_decisions_total": "decisions",
    "menshen_api_calls_total": "api",
    "menshen_logins_total": "logins",
    "menshen_platform_calls_total": "calls",
    "menshen_requests_total": "requests",
    "menshen_envoy_refusals_total": "alone",
}


def metrics_route(readings: Callable[[], Readings]) -> Route:
    async def metrics(_: Request) -> Response:
        return Response(metrics_of(readings()), media_type=CONTENT_TYPE_LATEST, headers={"cache-control": "no-store"})

    return Route(METRICS_PATH, metrics)


def metrics_of(readings: Readings) -> bytes:
    """The page."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Node(readings))
    return generate_latest(registry)


class _Node(Collector):
    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def collect(self) -> Iterable[Metric]:
        return map(self._metric, METRICS)

    def _metric(self, metric: Described) -> Metric:
        match metric.kind:
            case "counter":
                counter = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
                for labels, value in self._counted(metric.name):
                    counter.add_metric(labels, value)
                return counter
            case "gauge":
                gauge = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
                for labels, measured in self._measured(metric.name):
                    gauge.add_metric(labels, measured)
                return gauge
            case "histogram":
                histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
                for labels, counts in self._durations(metric.name):
                    buckets = [
                        ("+Inf" if bound == float("inf") else f"{bound / 1e3:g}", n) for bound, n in cumulated(counts)
                    ]
                    histogram.add_metric(labels, buckets, counts.get(SUM, 0) / 1e6)
                return histogram
            case "info":
                info = InfoMetricFamily(metric.name, metric.help)
                info.add_metric((), {"version": __version__})
                return info

    def _counted(self, name: str) -> Iterator[tuple[tuple[str, ...], int]]:
        if name == "menshen_envoy_restarts_total":
            yield (), self._readings.envoy_restarts
        else:
            yield from labels_of(self._readings.totals, _COUNTERS[name])

    def _measured(self, name: str) -> Iterator[tuple[tuple[str, ...], float]]:
        now = self._readings
        match name.removeprefix("menshen_"):
            case "upstream_endpoints":
                for upstream, (healthy, total) in now.upstreams.items():
                    yield (upstream, "true"), healthy
                    yield (upstream, "false"), total - healthy
            case "key_age_seconds":
                yield from (((purpose,), age) for purpose, age in now.key_ages.items())
            case "sessions_live":
                if now.sessions is not None:
                    yield (), now.sessions
            case single:
                yield (), _SINGLE[single](now)

    def _durations(self, name: str) -> Iterator[tuple[tuple[str, ...], dict[str, int]]]:
        if name == "menshen_request_seconds":
            yield (), self._readings.totals.get("request_ms", {})
            return
        by_platform: dict[str, dict[str, int]] = {}
        for (platform, bucket), count in labels_of(self._readings.totals, "call_ms"):
            by_platform.setdefault(platform, {})[bucket] = count
        yield from (((platform,), counts) for platform, counts in by_platform.items())


_SINGLE: Final[dict[str, Callable[[Readings], int]]] = {
    "connections_active": lambda now: now.connections,
    "requests_active": lambda now: now.requests,
    "revision": lambda now: now.revision or 0,
    "envoy_up": lambda now: int(now.envoy_up),
    "workers_running": lambda now: now.workers_running,
    "database_up": lambda now: int(now.database),
    "revocations_active": lambda now: now.revocations,
}
