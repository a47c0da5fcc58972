"""Where requests can go: one cluster per upstream, the brain, and addresses that Envoy calls by itself."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

import msgspec

from menshen.config.snapshot import Endpoint, HealthCheck, Snapshot, Upstream, UpstreamTls
from menshen.envoy.addresses import Addresses
from menshen.envoy.typed import Json, seconds, socket_address, typed
from menshen.gateway.wire import HEALTH_PATH

__all__ = [
    "BRAIN",
    "UPSTREAM",
    "brain_cluster",
    "called",
    "called_cluster",
    "cluster_name",
    "clusters",
    "upstream_cluster",
    "upstream_of",
]

_CHECKED: Final[Json] = {
    # When every endpoint fails its check, the answer is 503 at once and not a request to a dead one.
    "healthy_panic_threshold": {"value": 0},
    # What a check finds counts at once. Envoy otherwise keeps it back for a second after another finding, so that the
    # news of two that died could arrive when both had returned, and turn every request away until the next.
    "update_merge_window": "0s",
}

BRAIN: Final = "brain"

UPSTREAM: Final = "upstream/"
"""How the name of an upstream's cluster begins, so that an upstream can be called ``brain``."""

_WHERE: Final = "#"
"""Stands in no name of a document."""

_UPSTREAM_IDLE: Final = 4.0
"""Below the 5 s after which Node and uvicorn close an idle connection: a request must not meet that close halfway."""

_BRAIN_IDLE: Final = 10.0
"""Below Granian's 30 s, for the same reason."""


def cluster_name(upstream: Upstream, version: str = "") -> str:
    """Without a version it is the upstream's own endpoints.

    The name has a hash of where it leads. Clusters come before the routes to them and go after: under one name,
    requests that the old routes let in, to a public backend, would reach the backend that only the new ones guard.
    """
    endpoints = {each.name: each.endpoints for each in upstream.versions}.get(version, upstream.endpoints)
    leads = msgspec.json.encode((endpoints, upstream.protocol, upstream.tls))
    name = f"{upstream.name}@{version}" if version else upstream.name
    return f"{UPSTREAM}{name}{_WHERE}{hashlib.sha256(leads).hexdigest()[:12]}"


def upstream_of(cluster: str) -> str:
    """The upstream, and version, of the name of a cluster."""
    return cluster.removeprefix(UPSTREAM).partition(_WHERE)[0]


def clusters(snapshot: Snapshot, addresses: Addresses) -> list[Json]:
    found = []
    for upstream in sorted(snapshot.upstreams, key=lambda upstream: upstream.name):
        found.append(upstream_cluster(upstream, addresses.system_ca))
        for version in upstream.versions:
            of_version = replace(upstream, endpoints=version.endpoints)
            name = cluster_name(upstream, version.name)
            found.append(upstream_cluster(of_version, addresses.system_ca, name))
    return found


def upstream_cluster(upstream: Upstream, system_ca: str, name: str = "") -> Json:
    """``name`` is the cluster's, where it is not that of the upstream's own endpoints."""
    name = name or cluster_name(upstream)
    cluster: Json = {
        "name": name,
        **_members(name, upstream.endpoints),
        "lb_policy": "LEAST_REQUEST",
        "connect_timeout": seconds(upstream.connect_timeout),
        "circuit_breakers": _limits(connections=10_000, requests=upstream.max_requests or 100_000),
        **_protocol(upstream.protocol, _UPSTREAM_IDLE),
    }
    if upstream.health_check is not None:
        cluster["health_checks"] = [_health_check(upstream.health_check, upstream.protocol)]
        cluster["common_lb_config"] = dict(_CHECKED)
    if upstream.tls is not None:
        cluster["transport_socket"] = _tls(upstream.tls, upstream.protocol, system_ca)
    return cluster


def brain_cluster(addresses: Addresses) -> Json:
    """The workers that decide. One that died is left by its failed check, or sooner by the retry on a refused connect.

    Its check tolerates a busy second: a worker under full load must not be taken for a dead one, or load alone would
    turn every request away. HTTP/2, because one read or write then carries many questions: a sixth less processor time
    for a check, on both sides.
    """
    check = HealthCheck(path=HEALTH_PATH, interval=0.5, timeout=2.0, healthy_after=1, unhealthy_after=2)
    return {
        "name": BRAIN,
        **_members(BRAIN, addresses.brain),
        "lb_policy": "LEAST_REQUEST",
        "connect_timeout": "0.25s",
        "circuit_breakers": _limits(connections=1_000_000, requests=1_000_000),
        "health_checks": [_health_check(check, "http2")],
        "common_lb_config": dict(_CHECKED),
        **_protocol("http2", _BRAIN_IDLE),
    }


def called(kind: str, url: str) -> str:
    """The cluster of a URL that Envoy calls by itself: one for all of the same ``kind`` at one address."""
    scheme, endpoint = _address(url)
    return f"{kind}/{scheme}/{endpoint.host}:{endpoint.port}"


def called_cluster(kind: str, url: str, system_ca: str, *, max_requests: int = 0) -> Json:
    scheme, endpoint = _address(url)
    tls = UpstreamTls(endpoint.host) if scheme == "https" else None
    name = called(kind, url)
    return upstream_cluster(Upstream(name, (endpoint,), tls=tls, max_requests=max_requests), system_ca, name)


def _address(url: str) -> tuple[str, Endpoint]:
    parts = urlsplit(url)
    return parts.scheme, Endpoint(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))


def _members(name: str, endpoints: Iterable[Endpoint]) -> Json:
    endpoints = tuple(endpoints)
    addresses = [{"endpoint": {"address": socket_address(e.host, e.port)}} for e in endpoints]
    assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": addresses}]}
    if all(_is_ip(endpoint.host) for endpoint in endpoints):
        return {"type": "STATIC", "load_assignment": assignment}
    dns = typed("envoy.extensions.clusters.dns.v3.DnsCluster", {"dns_refresh_rate": "5s"})
    return {"cluster_type": {"name": "envoy.clusters.dns", "typed_config": dns}, "load_assignment": assignment}


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _limits(*, connections: int, requests: int) -> Json:
    """Envoy's own limits (1,024 of each, 3 retries) are for a mesh, not for the one gateway in front of a service."""
    limits = {
        "max_connections": connections,
        "max_pending_requests": requests,
        "max_requests": requests,
        "max_retries": connections,
    }
    return {"thresholds": [{"priority": "DEFAULT", **limits}]}


def _protocol(protocol: str, idle: float) -> Json:
    name = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    explicit: Json = {"http2_protocol_options": {}} if protocol == "http2" else {"http_protocol_options": {}}
    options = {"common_http_protocol_options": {"idle_timeout": seconds(idle)}, "explicit_http_config": explicit}
    return {"typed_extension_protocol_options": {name: typed(name, options)}}


def _health_check(check: HealthCheck, protocol: str) -> Json:
    http: Json = {"path": check.path}
    if protocol == "http2":
        http["codec_client_type"] = "HTTP2"
    interval = seconds(check.interval)
    return {
        "timeout": seconds(check.timeout),
        "interval": interval,
        "no_traffic_interval": interval,  # otherwise a cluster that nobody has used yet is checked once a minute
        "healthy_threshold": check.healthy_after,
        "unhealthy_threshold": check.unhealthy_after,
        "http_health_check": http,
    }


def _tls(tls: UpstreamTls, protocol: str, system_ca: str) -> Json:
    """Encryption without a checked name is none: the certificate must chain to the CA and carry ``server_name``."""
    is_ip = _is_ip(tls.server_name)
    san = {"san_type": "IP_ADDRESS" if is_ip else "DNS", "matcher": {"exact": tls.server_name}}
    context: Json = {
        "common_tls_context": {
            "alpn_protocols": ["h2" if protocol == "http2" else "http/1.1"],
            "validation_context": {
                "trusted_ca": {"filename": tls.ca or system_ca},
                "match_typed_subject_alt_names": [san],
            },
        },
    }
    if not is_ip:
        context["sni"] = tls.server_name
    return {
        "name": "tls",
        "typed_config": typed("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", context),
    }
