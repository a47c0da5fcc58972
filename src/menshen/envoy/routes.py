"""Which request is which API: virtual hosts, their routes, and what surrounds them.

A request is matched here and nowhere else. Whatever no API claims is answered by Envoy: 404, 405, or 400 for a path
that gateway and backend could read differently.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Final

from menshen.config.carried import carried
from menshen.config.snapshot import Route, Snapshot
from menshen.envoy.answers import answered
from menshen.envoy.api_routes import api_routes
from menshen.envoy.canary import canaries
from menshen.envoy.client_api import client_api
from menshen.envoy.paths import REFUSED_PATHS, api_match, api_order, group_match
from menshen.envoy.prefixes import Published, prefix_index
from menshen.envoy.retries import USUAL_RETRIES, retry_policy
from menshen.envoy.stamp import stamped
from menshen.envoy.states import VERIFIED_HEADERS, Provider, judged_alone
from menshen.envoy.tags import BAGGAGE_OF_CLIENT, shared_data
from menshen.envoy.tracing import traced
from menshen.envoy.typed import Json, written
from menshen.gateway.wire import HEADER_CLIENT, HEADER_RECEIVED, HEADER_ROUTE, HEADER_UID, SECRET_HEADERS

__all__ = ["covers", "domains_of", "published_at", "route_configuration", "table_name"]

_INTERNAL: Final = (
    *(HEADER_ROUTE, HEADER_RECEIVED, HEADER_CLIENT, HEADER_UID, BAGGAGE_OF_CLIENT),
    *VERIFIED_HEADERS,
    "x-envoy-external-address",
)


def table_name(generation: int) -> str:
    """Of the routes of a listener of this generation; Envoy refuses others under its name."""
    return f"gateway-{generation}" if generation else "gateway"


def route_configuration(
    snapshot: Snapshot, providers: Mapping[str, Provider] = MappingProxyType({}), generation: int = 0
) -> Json:
    """``providers`` has, by name, the plugins whose login states Envoy judges without the brain."""
    upstreams = {upstream.name: upstream for upstream in snapshot.upstreams}
    by_group = {name: carried(routes) for name, routes in _by_group(snapshot.routes).items()}
    pages = any(route.cors for route in snapshot.routes)
    entries = {
        route.id: [
            {**entry, **traced(route, snapshot.tracing)}
            for entry in api_routes(
                route,
                upstreams[route.upstream],
                by_group[route.group],
                providers.get(route.login.name) if judged_alone(route) and route.login is not None else None,
                pages=pages,
            )
        ]
        for route in snapshot.routes
    }
    own = client_api(snapshot)
    return {
        "name": table_name(generation),
        "ignore_port_in_host_matching": True,
        # A route to a cluster that does not exist is refused as a whole instead of answering 503 when it is used.
        "validate_clusters": True,
        **({"cluster_specifier_plugins": chosen} if (chosen := canaries(snapshot.routes, upstreams)) else {}),
        # The stamps are for the brain and our own filters. No backend gets an AppSecret, though no client should send
        # one.
        "request_headers_to_remove": [*_INTERNAL, *SECRET_HEADERS],
        # Removed before a route adds: the routes to the brain write two of these names themselves.
        "most_specific_header_mutations_wins": True,
        "virtual_hosts": [
            {
                "name": domain,
                "domains": [domain],
                "retry_policy": retry_policy(USUAL_RETRIES),
                "typed_per_filter_config": stamped(snapshot.checksum),
                "metadata": {"filter_metadata": shared_data(_at(domain, snapshot.routes))},
                "matcher": prefix_index(_virtual_host(domain, snapshot.routes, entries), own),
            }
            for domain in domains_of(snapshot)
        ],
    }


def covers(host: str, domain: str) -> bool:
    """Whether a group that is published at ``host`` answers in the virtual host of ``domain``."""
    host = host.lower()
    return host in ("*", domain) or (host.startswith("*.") and domain.endswith(host[1:]))


def domains_of(snapshot: Snapshot) -> list[str]:
    """Names of the virtual hosts; ``*`` is always one."""
    return sorted({"*", *(host.lower() for route in snapshot.routes for host in route.hosts)})


def published_at(domain: str, routes: Iterable[Route]) -> dict[str, list[Route]]:
    """Prefix -> the APIs there, in the order in which they are tried; "" is always there.

    Groups that share a prefix are sorted together, nearest host first.
    """
    here = [(_nearness(domain, route), route) for route in _at(domain, routes)]
    here.sort(key=lambda item: (_prefix(item[1]), item[0], api_order(item[1].path), item[1].id))
    by_prefix: dict[str, list[Route]] = {"": []}
    for prefix, published in groupby((route for _, route in here), key=_prefix):
        by_prefix[prefix] = list(published)
    return by_prefix


def _virtual_host(domain: str, routes: Iterable[Route], entries: dict[str, list[Json]]) -> dict[str, Published]:
    """What each prefix publishes at this domain."""
    return {
        prefix: Published(
            at=_complete(prefix, [route for route in apis if route.path in ("/", "/*")], entries),
            below=_complete(prefix, apis, entries),
        )
        for prefix, apis in published_at(domain, routes).items()
    }


def _at(domain: str, routes: Iterable[Route]) -> list[Route]:
    return [route for route in routes if any(covers(host, domain) for host in route.hosts)]


def _complete(prefix: str, apis: Sequence[Route], entries: dict[str, list[Json]]) -> list[Json]:
    """Refused spellings first, a 404 last.

    Without that 404 a request under ``/mall/admin`` which no API there takes would fall through to a public ``/*``
    of ``/mall``.
    """
    return [
        answered({"safe_regex": {"regex": REFUSED_PATHS}}, 400),
        *(entry for route in apis for entry in entries[route.id]),
        *_other_methods(apis),
        answered(group_match(prefix), 404),
    ]


def _prefix(route: Route) -> str:
    return route.prefix.rstrip("/")


def _nearness(domain: str, route: Route) -> int:
    """0 for a group published at this very host, more for a wider wildcard; Envoy orders virtual hosts the same way."""
    return min((0 if h.lower() == domain else 1000 - len(h)) for h in route.hosts if covers(h, domain))


def _by_group(routes: Iterable[Route]) -> dict[str, list[Route]]:
    groups: dict[str, list[Route]] = {}
    for route in routes:
        groups.setdefault(route.group, []).append(route)
    return groups


def _other_methods(apis: Sequence[Route]) -> list[Json]:
    """405 for a path that an API has under other methods. It comes after all APIs of the prefix."""
    methods: dict[str, set[str]] = {}
    for route in apis:
        methods.setdefault(route.path, set()).update(route.methods or {"*"})
    return [
        {
            **answered(api_match(_prefix(apis[0]), path), 405),
            "response_headers_to_add": [written("allow", ", ".join(sorted(allowed)))],
        }
        for path, allowed in methods.items()
        if "*" not in allowed
    ]
