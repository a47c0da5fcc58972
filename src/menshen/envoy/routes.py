"""Which request is which API: virtual hosts, their routes, and what surrounds them.

A request is matched here and nowhere else. Whatever no API claims is answered by Envoy: 404, 405, or 400 for a path
that gateway and backend could read differently.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

from menshen.config.snapshot import Route, Snapshot, Upstream
from menshen.envoy.authorization import AUTHORIZATION, not_asked, with_body
from menshen.envoy.clusters import cluster_name
from menshen.envoy.credentials import CREDENTIALS, Carried, carried, without_query
from menshen.envoy.paths import REFUSED_PATHS, api_match, api_order, group_match, rewritten
from menshen.envoy.prefixes import Published, prefix_index
from menshen.envoy.retries import retry_policy
from menshen.envoy.stamp import STAMP, stamp_of
from menshen.envoy.typed import Json, seconds, written
from menshen.gateway.wire import HEADER_RECEIVED, HEADER_ROUTE, SECRET_HEADERS

__all__ = ["ROUTES", "covers", "route_configuration"]

ROUTES: Final = "gateway"

_USUAL_RETRIES: Final = 2


def route_configuration(snapshot: Snapshot) -> Json:
    upstreams = {upstream.name: upstream for upstream in snapshot.upstreams}
    by_group = {
        name: carried(route.login for route in routes if route.login is not None)
        for name, routes in _by_group(snapshot.routes).items()
    }
    entries = {
        route.id: _api(route, upstreams[route.upstream], by_group[route.group], snapshot.checksum)
        for route in snapshot.routes
    }
    domains = {"*", *(host.lower() for route in snapshot.routes for host in route.hosts)}
    return {
        "name": ROUTES,
        "ignore_port_in_host_matching": True,
        # A route to a cluster that does not exist is refused as a whole instead of answering 503 when it is used.
        "validate_clusters": True,
        # The stamps are for the brain; and no backend gets an AppSecret, though a client should send none.
        "request_headers_to_remove": [HEADER_ROUTE, HEADER_RECEIVED, "x-envoy-external-address", *SECRET_HEADERS],
        "virtual_hosts": [
            {
                "name": domain,
                "domains": [domain],
                "retry_policy": retry_policy(_USUAL_RETRIES),
                "matcher": prefix_index(_virtual_host(domain, snapshot.routes, entries)),
            }
            for domain in sorted(domains)
        ],
    }


def covers(host: str, domain: str) -> bool:
    """Whether a group that is published at ``host`` answers in the virtual host of ``domain``."""
    host = host.lower()
    return host in ("*", domain) or (host.startswith("*.") and domain.endswith(host[1:]))


def _virtual_host(domain: str, routes: Iterable[Route], entries: dict[str, Json]) -> dict[str, Published]:
    """What each prefix publishes at this domain. Groups that share a prefix are sorted together, nearest host first."""
    here = [(_nearness(domain, route), route) for route in routes if any(covers(h, domain) for h in route.hosts)]
    here.sort(key=lambda item: (_prefix(item[1]), item[0], api_order(item[1].path), item[1].id))
    by_prefix: dict[str, list[Route]] = {"": []}
    for prefix, published in groupby((route for _, route in here), key=_prefix):
        by_prefix[prefix] = list(published)
    return {
        prefix: Published(
            at=_complete(prefix, [route for route in apis if route.path in ("/", "/*")], entries),
            below=_complete(prefix, apis, entries),
        )
        for prefix, apis in by_prefix.items()
    }


def _complete(prefix: str, apis: Sequence[Route], entries: dict[str, Json]) -> list[Json]:
    """Refused spellings first, a 404 last.

    Without that 404 a request under ``/mall/admin`` which no API there takes would fall through to a public ``/*``
    of ``/mall``.
    """
    return [
        _answer({"safe_regex": {"regex": REFUSED_PATHS}}, 400),
        *(entries[route.id] for route in apis),
        *_other_methods(apis),
        _answer(group_match(prefix), 404),
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
            **_answer(api_match(_prefix(apis[0]), path), 405),
            "response_headers_to_add": [written("allow", ", ".join(sorted(allowed)))],
        }
        for path, allowed in methods.items()
        if "*" not in allowed
    ]


def _answer(match: Json, status: int) -> Json:
    """Envoy answers by itself; the body comes from the local reply mappers. The brain is not asked."""
    return {
        "match": match,
        "direct_response": {"status": status},
        "typed_per_filter_config": {AUTHORIZATION: not_asked()},
    }


def _api(route: Route, upstream: Upstream, credentials: Carried, checksum: str) -> Json:
    match = api_match(route.prefix, route.path)
    if route.methods:
        match = {**match, "headers": [_method(route.methods)]}
    action: Json = {"cluster": cluster_name(route.upstream), "timeout": seconds(upstream.timeout)}
    if upstream.connect_retries != _USUAL_RETRIES:
        action["retry_policy"] = retry_policy(upstream.connect_retries)
    if route.strip_prefix:
        action.update(rewritten(route.prefix))
    entry: Json = {"name": route.id, "match": match, "route": action}
    filters: Json = {}
    if route.login is None:
        filters[AUTHORIZATION] = not_asked()
        # Set always: a backend that reads an identity header finds it, empty (attack class 4).
        entry["request_headers_to_add"] = [written(name, "", keep_empty=True) for name in route.identity_headers]
    else:
        filters[STAMP] = stamp_of(route.id, checksum)
        if route.login.code.position == "body":
            filters[AUTHORIZATION] = with_body()
    # Of the whole group: a client sends its login state everywhere, to public APIs as well.
    if credentials.headers:
        entry["request_headers_to_remove"] = list(credentials.headers)
    if credentials.query:
        filters[CREDENTIALS] = without_query(credentials.query)
    entry["typed_per_filter_config"] = filters
    return entry


def _method(methods: Sequence[str]) -> Json:
    allowed = sorted(set(methods))
    value = {"exact": allowed[0]} if len(allowed) == 1 else {"safe_regex": {"regex": "|".join(allowed)}}
    return {"name": ":method", "string_match": value}
