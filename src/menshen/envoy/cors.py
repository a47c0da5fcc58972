"""Pages of other origins: Envoy answers their preflights and tells the browser what a page may read.

A preflight carries no credentials, so it is not judged; it gets a route of its own, and never the way of the real
request (attack class 5). The gateway's word is the only one: what a backend says of other origins is removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from menshen.config.route_rules import CorsRules
from menshen.config.snapshot import Route, Snapshot, Upstream
from menshen.envoy.authorization import AUTHORIZATION, not_asked
from menshen.envoy.clusters import cluster_name
from menshen.envoy.typed import Json, method_is, typed, written
from menshen.gateway.wire import HEADER_CODE, HEADER_REQUEST_ID

__all__ = ["CORS", "cors_filters", "cross_origin", "for_pages", "preflight", "readable"]

CORS: Final = "menshen.cors"
_PACKAGE: Final = "envoy.extensions.filters.http.cors.v3"

_PREFLIGHT: Final = "!preflight"
"""How the names of routes for preflights begin; no API has such a name. The host stamps every question with the route's
name, and under an API's own the brain would let a request in that nobody is to judge."""

_OF_BACKENDS: Final = (
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-private-network",
    "access-control-expose-headers",
    "access-control-max-age",
)

_SOME: Final = r"\C+"


def cors_filters(snapshot: Snapshot) -> list[Json]:
    if not any(route.cors for route in snapshot.routes):
        return []
    return [{"name": CORS, "typed_config": typed(f"{_PACKAGE}.Cors")}]


def cross_origin(route: Route) -> dict[str, Json]:
    """Per-route settings of the filter."""
    return {} if route.cors is None else {CORS: _policy(route, route.cors)}


def for_pages(route: Route) -> Json:
    """What an API's routes do with every answer. A cache must know that it depends on who asked."""
    if route.cors is None:
        return {}
    vary = {"header": {"key": "vary", "value": "Origin"}, "append_action": "APPEND_IF_EXISTS_OR_ADD"}
    return {"response_headers_to_remove": list(_OF_BACKENDS), "response_headers_to_add": [vary]}


def readable(route: Route, answer: Json) -> list[Json]:
    """An answer of Envoy's own as routes, for pages that may read it and for others. The filter takes no part in it."""
    if route.cors is None:
        return [answer]
    told = [
        written("access-control-allow-origin", "%REQ(ORIGIN)%"),
        written("access-control-expose-headers", ", ".join(_exposed(route, route.cors))),
        *([written("access-control-allow-credentials", "true")] if route.cors.credentials else []),
        written("vary", "Origin"),
    ]
    match = {**answer["match"], "headers": [*answer["match"].get("headers", ()), _allowed(route.cors)]}
    return [{**answer, "match": match, "response_headers_to_add": told}, answer]


def preflight(route: Route, upstream: Upstream, match: Json, *, beside: bool) -> list[Json]:
    """The routes of preflights to an API; ``match`` is the API's own, without its methods.

    An API that no page may call has one too where it stands ``beside`` others: a wider one's word would count for it.
    """
    if route.cors is None and not (beside and route.methods and "OPTIONS" not in route.methods):
        return []
    wanted = method_is(route.methods)["string_match"] if route.methods else {"safe_regex": {"regex": _SOME}}
    asks = [
        {"name": ":method", "string_match": {"exact": "OPTIONS"}},
        {"name": "access-control-request-method", "string_match": wanted},
    ]
    origin = {"name": "origin", "string_match": {"safe_regex": {"regex": _SOME}}}
    refused: Json = {
        "name": f"{_PREFLIGHT}/{route.id}",
        "match": {**match, "headers": [*asks, origin]},
        "direct_response": {"status": 403},
        "typed_per_filter_config": {AUTHORIZATION: not_asked()},
    }
    if route.cors is None:
        return [refused]
    # The filter answers only where a route leads to an upstream, and answers all that this one matches. If it did not,
    # this would be a way past the guards of an API without a login; so it asks the brain, which knows no such route.
    answered: Json = {
        "name": refused["name"],
        "match": {**match, "headers": [*asks, _allowed(route.cors)]},
        "route": {"cluster": cluster_name(upstream)},
        "typed_per_filter_config": cross_origin(route),
    }
    return [answered, refused]


def _policy(route: Route, rules: CorsRules) -> Json:
    methods = [method for method in rules.methods if not route.methods or method in route.methods]
    return typed(
        f"{_PACKAGE}.CorsPolicy",
        {
            "allow_origin_string_match": [_origins(rules)],
            "allow_methods": ", ".join(methods),
            "allow_headers": ", ".join(dict.fromkeys((*_carried(route), *rules.request_headers))),
            "expose_headers": ", ".join(_exposed(route, rules)),
            "max_age": str(rules.max_age),
            "allow_credentials": rules.credentials,
            "forward_not_matching_preflights": False,
        },
    )


def _allowed(rules: CorsRules) -> Json:
    """A condition of a route: a page that may call."""
    return {"name": "origin", "string_match": _origins(rules)}


def _origins(rules: CorsRules) -> Json:
    """The whole text of the header; two of them are one text with a comma, which no origin has."""
    if rules.origins == ("*",):
        return {"safe_regex": {"regex": _SOME}}
    return {"safe_regex": {"regex": "|".join(re.escape(origin) for origin in rules.origins)}}


def _exposed(route: Route, rules: CorsRules) -> Iterable[str]:
    """What a page may read of an answer: why it was refused, and a login's answer."""
    own = [HEADER_CODE, HEADER_REQUEST_ID, "retry-after"]
    login = route.login
    if login is not None and login.session.return_in == "header":
        own += [login.session.name, *([login.session.refresh.name] if login.session.refresh is not None else [])]
    return dict.fromkeys((*own, *rules.expose_headers))


def _carried(route: Route) -> list[str]:
    """Headers in which a page of this API sends its credentials."""
    names = [guard.token.name for guard in (route.jwt, route.oauth) if guard and guard.token.position == "header"]
    login = route.login
    if login is None:
        return names
    if login.code.position == "header":
        names += [login.code.name, *login.open_data_headers]
    if login.session.request_in == "header":
        names.append(login.session.name)
    return names
