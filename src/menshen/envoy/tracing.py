"""Spans of Envoy, and which traces a TraceID has.

A span says which route, how it ended and how long it took, with the tags of the request. It says nothing of who called
and nothing that may be a credential. Envoy's own attributes have the path with its query, the host as the client wrote
it, the client's address and its user agent; all of them are written over, and what is left of a client's texts is
short.
"""

from __future__ import annotations

from typing import Final

from menshen.config.route_rules import IdentityTag
from menshen.config.snapshot import Route, Snapshot, TracingRules
from menshen.config.tag_values import tag_header
from menshen.envoy.addresses import Addresses
from menshen.envoy.clusters import BRAIN, called, called_cluster
from menshen.envoy.tags import tags_of
from menshen.envoy.typed import Json, typed, written

__all__ = ["TRACE_ID", "TRACE_VALUE", "collector_clusters", "told_back", "trace_log", "traced", "tracing"]

TRACE_ID: Final = "x-menshen-trace-id"
TRACE_VALUE: Final = "x-menshen-trace-value"
"""Headers of every answer: the gateway's trace, and the TraceID where the request had one."""

_VALUE: Final = "%DYNAMIC_METADATA(menshen:trace_value)%"
"""Written by ``tags.lua``: percent-encoded, of 128 bytes at most before that."""

_NAMELESS: Final[frozenset[IdentityTag]] = frozenset({"platform", "app", "new_user"})
"""Tags of an identity that tell nothing of the person."""

_HIDDEN: Final = ("http.url", "peer.address", "user_agent")
_HIDDEN_OF_GRPC: Final = ("grpc.path", "grpc.authority", "grpc.content_type", "grpc.timeout")
"""Attributes of requests that say to be gRPC, whatever they are."""

_GRPC: Final = "%CEL(request.headers['content-type'].startsWith('application/grpc') ? '-' : '')%"
_COLLECTOR: Final = "collector"
_TIMEOUT: Final = "2s"
_WHOLE: Final = {"numerator": 100, "denominator": "HUNDRED"}
_NONE: Final = {"numerator": 0, "denominator": "HUNDRED"}


def tracing(snapshot: Snapshot) -> Json:
    """The connection manager's part. Without a collector trace ids are made and handed on, and no span is kept."""
    rules = snapshot.tracing
    if rules is None:
        return {}
    metadata = {"key": "menshen", "path": [{"key": "trace_value"}]}
    tags = [
        {"tag": "http.route", "value": "%ROUTE_NAME%"},
        {"tag": "menshen.trace_value", "metadata": {"kind": {"request": {}}, "metadata_key": metadata}},
        {"tag": "http.method", "value": "%REQ(:METHOD):16%"},
        *({"tag": name, "literal": {"value": "-"}} for name in _HIDDEN),
        *({"tag": name, "value": _GRPC} for name in _HIDDEN_OF_GRPC),
    ]
    config = {
        # x-client-trace-id and x-envoy-force-trace are the caller's wish, and not his to have.
        "client_sampling": {"value": 0},
        "random_sampling": {"value": rules.sample},
        "overall_sampling": {"value": 100 if rules.otlp else 0},
        "max_path_tag_length": 0,
        "operation": "%ROUTE_NAME%",
        "custom_tags": tags,
        "provider": {"name": "menshen.otel", "typed_config": _provider(rules)},
    }
    return {"tracing": config}


def traced(route: Route, rules: TracingRules | None) -> Json:
    """The route's part: its tags as attributes. It stands for the whole of the connection manager's, sampling too."""
    if rules is None or not rules.otlp:
        return {}
    names = [name for name, untrusted in tags_of(route) if untrusted or name in _NAMELESS]
    if not names:
        return {}
    tags = [{"tag": f"menshen.tag.{name}", "request_header": {"name": tag_header(name)}} for name in names]
    # Envoy draws a number below 10,000 whatever the denominator is; a greater one would let every request win.
    share = {"numerator": round(rules.sample * 100), "denominator": "TEN_THOUSAND"}
    config = {
        "client_sampling": _NONE,
        "random_sampling": share,
        "overall_sampling": _WHOLE,
        "custom_tags": tags,
        "operation": "%ROUTE_NAME%",
    }
    return {"tracing": config}


def told_back(snapshot: Snapshot) -> list[Json]:
    """Edits of every answer, refusals too. A backend's copies are removed first: what they say must be ours."""
    if snapshot.tracing is None:
        return []
    values = {TRACE_ID: "%TRACE_ID%", TRACE_VALUE: _VALUE}
    return [
        *({"remove": name} for name in values),
        *({"append": written(name, value)} for name, value in values.items()),
    ]


def trace_log(snapshot: Snapshot, addresses: Addresses) -> Json:
    """A line of JSON for each request that had a TraceID, to the pipe that the node reads."""
    if not any(tag.trace_id for route in snapshot.routes for tag in route.tags):
        return {}
    matcher = {"filter": "menshen", "path": [{"key": "trace_value"}], "value": {"present_match": True}}
    line = {
        "at": "%START_TIME(%s)%",
        "value": _VALUE,
        "tag": "%DYNAMIC_METADATA(menshen:trace_tag)%",
        "trace_id": "%TRACE_ID%",
        "route": "%ROUTE_NAME%",
        "status": "%RESPONSE_CODE%",
        "request_id": "%REQ(X-REQUEST-ID)%",
    }
    log = {"path": str(addresses.traces), "log_format": {"json_format": line}}
    entry = {
        "name": "menshen.traces",
        "filter": {"metadata_filter": {"matcher": matcher, "match_if_key_not_found": False}},
        "typed_config": typed("envoy.extensions.access_loggers.file.v3.FileAccessLog", log),
    }
    return {"access_log": [entry]}


def collector_clusters(snapshot: Snapshot, system_ca: str) -> list[Json]:
    """Where spans go."""
    if snapshot.tracing is None or not snapshot.tracing.otlp:
        return []
    return [called_cluster(_COLLECTOR, snapshot.tracing.otlp, system_ca)]


def _provider(rules: TracingRules) -> Json:
    """The tracer wants an exporter even where it will have nothing to export; any cluster will do then."""
    cluster, base = BRAIN, "http://brain.menshen.internal"
    if rules.otlp:
        cluster, base = called(_COLLECTOR, rules.otlp), rules.otlp
    config = {
        "http_service": {"http_uri": {"uri": f"{base}/v1/traces", "cluster": cluster, "timeout": _TIMEOUT}},
        "service_name": rules.service,
    }
    return typed("envoy.config.trace.v3.OpenTelemetryConfig", config)
