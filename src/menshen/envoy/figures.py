"""What Envoy has counted, as figures: read from its admin socket, with names that the document knows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from menshen.envoy.admin import Admin, Stats
from menshen.envoy.clusters import UPSTREAM, upstream_of
from menshen.envoy.http_connection_manager import STAT_PREFIX
from menshen.figures.latency import BUCKETS, OVER, SUM
from menshen.figures.tally import Tally

__all__ = ["ALONE", "EnvoyFigures", "endpoints_of", "read_endpoints", "read_figures", "read_routes"]

_HTTP: Final = f"http.{STAT_PREFIX}."

ALONE: Final[dict[str, str]] = {
    f"{_HTTP}jwt_authn.denied": "token",
    f"{_HTTP}rbac.denied": "rule",
    f"{_HTTP}rq_direct_response": "route",
    f"{_HTTP}ext_authz.error": "unjudged",
    "limits_early.http_local_rate_limit.rate_limited": "limit",
    "limits_late.http_local_rate_limit.rate_limited": "limit",
}
"""Counters of what Envoy answers without the brain -> by what: a login state or token that does not hold (``token``);
an address, a revoked session or an unsound path (``rule``); no such API, method or spelling (``route``); nobody there
to judge it (``unjudged``); a rate limit (``limit``)."""

_DURATION: Final = f"{_HTTP}downstream_rq_time"
_STATUS: Final = re.compile(rf"{re.escape(_HTTP)}downstream_rq_([1-5]xx)")
_MEMBERS: Final = re.compile(rf"cluster\.{UPSTREAM}(.+)\.membership_(healthy|total)")
_ROUTE: Final = re.compile(r"vhost\..+\.route\.([^.]+)\.upstream_rq_([1-5]xx)")
_BUCKET: Final = re.compile(r'_bucket\{[^}]*le="([^"]+)"\} (\d+)')
_SUM: Final = re.compile(r"_sum\{[^}]*\} ([0-9.e+-]+)")

_ASKED: Final = (
    "^(?:"
    + "|".join(
        (
            rf"{re.escape(_HTTP)}downstream_(?:rq_[1-5]xx|rq_active|cx_active)",
            *map(re.escape, ALONE),
            rf"cluster\.{UPSTREAM}.*\.membership_(?:healthy|total)",
        )
    )
    + ")$"
)


@dataclass(frozen=True, slots=True)
class EnvoyFigures:
    """``counts`` since Envoy's start; the rest is of now. ``upstreams``: name -> healthy endpoints, all of them.

    For some seconds after a change those from before it are among them.
    """

    counts: Tally = field(default_factory=dict)
    upstreams: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    connections: int = 0
    requests: int = 0


async def read_figures(admin: Admin) -> EnvoyFigures | None:
    """None where Envoy does not answer."""
    stats = await admin.stats(_ASKED, used=True)
    if stats is None:
        return None
    duration = await admin.histogram(f"^{re.escape(_DURATION)}$")
    return _figures(stats, duration or "")


async def read_routes(admin: Admin) -> Tally | None:
    """How often each API's requests reached its backend, by the status of the answer. None as above.

    Apart, for they are as many as there are APIs.
    """
    stats = await admin.stats(r"^vhost\..*\.upstream_rq_[1-5]xx$", used=True)
    if stats is None:
        return None
    found: dict[str, int] = {}
    for name, value in _numbers(stats):
        if at := _ROUTE.fullmatch(name):
            # An API that is published at two hosts has two counters.
            labels = f"{at[1]} {at[2]}"
            found[labels] = found.get(labels, 0) + value
    return {"routes": found}


async def read_endpoints(admin: Admin) -> dict[str, list[tuple[str, bool]]] | None:
    """Upstream -> each endpoint's ``host:port`` and whether it is healthy, after a change the old ones too for a while.

    None as above.
    """
    clusters = await admin.clusters()
    return None if clusters is None else endpoints_of(clusters)


def endpoints_of(clusters: Iterable[Mapping[str, object]]) -> dict[str, list[tuple[str, bool]]]:
    """The same, of Envoy's own description."""
    found: dict[str, dict[str, bool]] = {}
    for cluster in clusters:
        name = str(cluster.get("name", ""))
        hosts = cluster.get("host_statuses", [])
        if name.startswith(UPSTREAM) and isinstance(hosts, list):
            found.setdefault(upstream_of(name), {}).update(_endpoint(host) for host in hosts)
    return {name: list(endpoints.items()) for name, endpoints in found.items()}


def _endpoint(host: Mapping[str, Mapping[str, Mapping[str, object]]]) -> tuple[str, bool]:
    address = host.get("address", {}).get("socket_address", {})
    health: Mapping[str, object] = host.get("health_status", {})
    failed = any(value is True for name, value in health.items() if name.startswith("failed_"))
    return f"{address.get('address', '')}:{address.get('port_value', '')}", not failed


def _figures(stats: Stats, duration: str) -> EnvoyFigures:
    requests: dict[str, int] = {}
    alone: dict[str, int] = {}
    members: dict[str, dict[str, int]] = {}
    for name, value in _numbers(stats):
        if status := _STATUS.fullmatch(name):
            requests[status[1]] = value
        elif name in ALONE:
            alone[ALONE[name]] = alone.get(ALONE[name], 0) + value
        elif at := _MEMBERS.fullmatch(name):
            of = members.setdefault(upstream_of(at[1]), {})
            of[at[2]] = of.get(at[2], 0) + value
    return EnvoyFigures(
        counts={"requests": requests, "request_ms": _buckets(duration), "alone": alone},
        upstreams={name: (of.get("healthy", 0), of.get("total", 0)) for name, of in sorted(members.items())},
        connections=_number(stats, f"{_HTTP}downstream_cx_active"),
        requests=_number(stats, f"{_HTTP}downstream_rq_active"),
    )


def _buckets(text: str) -> dict[str, int]:
    """Of the text format, in which buckets hold those below as well."""
    cumulative = {bound: int(count) for bound, count in _BUCKET.findall(text)}
    found: dict[str, int] = {}
    below = 0
    for bound in BUCKETS:
        so_far = cumulative.get(f"{bound:g}", below)
        found[f"{bound:g}"], below = so_far - below, so_far
    found[OVER] = cumulative.get("+Inf", below) - below
    total = _SUM.search(text)
    found[SUM] = int(float(total[1]) * 1000) if total else 0
    return {name: count for name, count in found.items() if count}


def _numbers(stats: Stats) -> Iterable[tuple[str, int]]:
    return ((name, value) for name, value in stats.items() if isinstance(value, int))


def _number(stats: Stats, name: str) -> int:
    value = stats.get(name, 0)
    return value if isinstance(value, int) else 0
