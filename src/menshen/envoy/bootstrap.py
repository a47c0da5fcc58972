"""What Envoy is started with: the admin socket, where the rest is read from, limits of the process, and the brain."""

from __future__ import annotations

from typing import Final

from menshen.envoy.addresses import Addresses
from menshen.envoy.clusters import BRAIN, UPSTREAM, brain_cluster
from menshen.envoy.http_connection_manager import STAT_PREFIX
from menshen.envoy.typed import Json, typed
from menshen.figures.latency import BUCKETS

__all__ = ["bootstrap"]

_MAX_CONNECTIONS: Final = 50_000
_MAX_HEAP: Final = 4 << 30

_STATS: Final = (
    "cluster_manager.",
    "listener_manager.",
    "listener.gateway.downstream_",
    "listener.gateway.ssl.",
    "server.",
    "overload.",
    "sds.",
    "extension_config_discovery.",
    f"http.{STAT_PREFIX}.",
    f"cluster.{BRAIN}.",
    "limits_early.http_local_rate_limit.rate_limited",
    "limits_late.http_local_rate_limit.rate_limited",
)

_UPSTREAM_STATS: Final = (
    "membership_(?:healthy|total)|upstream_cx_(?:active|connect_fail|total)|upstream_rq_(?:total|[0-9]xx|timeout|retry)"
)

_ROUTE_STATS: Final = "upstream_rq_[1-5]xx"
"""Of each API: there may be thousands."""


def bootstrap(addresses: Addresses) -> Json:
    return {
        "node": {"id": "menshen", "cluster": "menshen"},
        # A pipe that only we can open: over TCP any local process, or a request forged towards it, could stop Envoy
        # or read its configuration (attack class 47).
        "admin": {
            "address": {"pipe": {"path": str(addresses.admin), "mode": 0o600}},
            "ignore_global_conn_limit": True,
        },
        "dynamic_resources": {"lds_config": addresses.source("lds"), "cds_config": addresses.source("cds")},
        "static_resources": {"clusters": [brain_cluster(addresses)]},
        "overload_manager": _overload(),
        "layered_runtime": {"layers": [{"name": "menshen", "static_layer": _runtime()}]},
        "stats_config": _stats(),
        "stats_flush_interval": "2s",  # no sooner does a duration get into its bucket
    }


def _overload() -> Json:
    """Past the first limit new connections are closed, past the second requests get 503: shed load, stay alive."""
    connections = typed(
        "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        {"max_active_downstream_connections": _MAX_CONNECTIONS},
    )
    heap = typed("envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig", {"max_heap_size_bytes": _MAX_HEAP})
    monitors = {
        "envoy.resource_monitors.global_downstream_max_connections": connections,
        "envoy.resource_monitors.fixed_heap": heap,
    }
    trigger = {"name": "envoy.resource_monitors.fixed_heap", "threshold": {"value": 0.95}}
    return {
        "resource_monitors": [{"name": name, "typed_config": config} for name, config in monitors.items()],
        "actions": [{"name": "envoy.overload_actions.stop_accepting_requests", "triggers": [trigger]}],
    }


def _runtime() -> Json:
    """HTTP/2 rapid reset (CVE-2023-44487): a connection that opens streams only to cancel them is closed.

    The strip is one long expression on purpose; Envoy would refuse it over 100 instructions. RE2 stays linear.

    Repeated headers are matched as one text joined by commas: matched one by one, a second login state behind a good
    one would go unseen (attack class 28).
    """
    return {
        "envoy.reloadable_features.match_headers_individually": False,
        "re2.max_program_size.error_level": 100_000,
        "re2.max_program_size.warn_level": 100_000,
        "overload.premature_reset_total_stream_count": 500,
        "overload.premature_reset_min_stream_lifetime_seconds": 1,
        "http.max_requests_per_io_cycle": 10,
        # Spans go to the collector together, not five at a time.
        "tracing.opentelemetry.flush_interval_ms": 1000,
        "tracing.opentelemetry.min_flush_spans": 512,
    }


def _stats() -> Json:
    """Only what is read by us or worth a graph; the rest would cost memory per upstream."""
    patterns: list[Json] = [{"prefix": prefix} for prefix in _STATS]
    patterns.append({"safe_regex": {"regex": rf"cluster\.{UPSTREAM}.*\.(?:{_UPSTREAM_STATS})"}})
    patterns.append({"safe_regex": {"regex": rf"vhost\..*\.route\..*\.{_ROUTE_STATS}"}})
    buckets = {"match": {"exact": f"http.{STAT_PREFIX}.downstream_rq_time"}, "buckets": list(BUCKETS)}
    return {
        "stats_matcher": {"inclusion_list": {"patterns": patterns}},
        "histogram_bucket_settings": [buckets],
    }
