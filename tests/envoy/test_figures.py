"""What is read of Envoy's own words."""

from __future__ import annotations

import asyncio
from typing import Any

from menshen.envoy.admin import Admin, Stats
from menshen.envoy.figures import endpoints_of, read_endpoints, read_figures, read_routes

HISTOGRAM = """\
# TYPE envoy_http_downstream_rq_time histogram
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="gateway",le="0.5"} 11
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="gateway",le="1"} 12
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="gateway",le="50"} 14
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="gateway",le="60000"} 14
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="gateway",le="+Inf"} 15
envoy_http_downstream_rq_time_sum{envoy_http_conn_manager_prefix="gateway"} 42.015612802497
envoy_http_downstream_rq_time_count{envoy_http_conn_manager_prefix="gateway"} 15
"""

STATS: Stats = {
    "http.gateway.downstream_rq_2xx": 7,
    "http.gateway.downstream_rq_5xx": 1,
    "http.gateway.downstream_rq_active": 3,
    "http.gateway.downstream_cx_active": 4,
    "http.gateway.jwt_authn.denied": 2,
    "limits_early.http_local_rate_limit.rate_limited": 5,
    "limits_late.http_local_rate_limit.rate_limited": 1,
    "cluster.upstream/orders#0a.membership_healthy": 1,
    "cluster.upstream/orders#0a.membership_total": 1,
    "cluster.upstream/orders#1b.membership_total": 1,
    "cluster.upstream/orders@next#0a.membership_total": 1,
    "http.gateway.rds.gateway.version_text": "abc",
}

ROUTES: Stats = {
    "vhost.*.route.mall/order.upstream_rq_2xx": 5,
    "vhost.www.example.com.route.mall/order.upstream_rq_2xx": 4,
    "vhost.*.route.mall/order.upstream_rq_5xx": 1,
    "vhost.*.vcluster.other.upstream_rq_2xx": 9,
}

CLUSTERS: list[dict[str, Any]] = [
    {
        "name": "upstream/orders#0a",
        "host_statuses": [
            {
                "address": {"socket_address": {"address": "10.0.0.1", "port_value": 80}},
                "health_status": {"eds_health_status": "HEALTHY"},
            },
            {
                "address": {"socket_address": {"address": "10.0.0.2", "port_value": 80}},
                "health_status": {"failed_active_health_check": True, "eds_health_status": "HEALTHY"},
            },
        ],
    },
    {
        "name": "upstream/orders#1b",
        "host_statuses": [
            {
                "address": {"socket_address": {"address": "10.0.0.2", "port_value": 80}},
                "health_status": {"failed_active_health_check": True, "eds_health_status": "HEALTHY"},
            },
        ],
    },
    {"name": "upstream/empty"},
    {"name": "brain", "host_statuses": [{}]},
]


class Said(Admin):
    """An Envoy that has this to say, or nothing."""

    def __init__(self, stats: Stats | None) -> None:
        self._stats = stats

    async def stats(self, pattern: str, *, used: bool = False) -> Stats | None:
        return self._stats

    async def histogram(self, pattern: str) -> str | None:
        return HISTOGRAM

    async def clusters(self) -> list[dict[str, Any]] | None:
        return None if self._stats is None else CLUSTERS


def test_counters_become_figures() -> None:
    found = asyncio.run(read_figures(Said(STATS)))
    assert found is not None
    assert found.counts == {
        "requests": {"2xx": 7, "5xx": 1},
        "request_ms": {"0.5": 11, "1": 1, "50": 2, "inf": 1, "us": 42015},
        "alone": {"token": 2, "limit": 6},
    }
    assert (found.connections, found.requests) == (4, 3)
    assert found.upstreams == {"orders": (1, 2), "orders@next": (0, 1)}


def test_an_api_at_two_hosts_is_one() -> None:
    assert asyncio.run(read_routes(Said(ROUTES))) == {"routes": {"mall/order 2xx": 9, "mall/order 5xx": 1}}


def test_an_envoy_that_is_not_there_says_nothing() -> None:
    assert asyncio.run(read_figures(Said(None))) is None
    assert asyncio.run(read_routes(Said(None))) is None
    assert asyncio.run(read_endpoints(Said(None))) is None


def test_endpoints_have_their_own_health() -> None:
    assert endpoints_of(CLUSTERS) == {"orders": [("10.0.0.1:80", True), ("10.0.0.2:80", False)], "empty": []}
