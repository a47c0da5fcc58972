"""Pages of other origins: Envoy answers their preflights and tells the browser what a page may read.

A preflight carries no login state, so it must not be judged; it gets a route of its own that leads nowhere, and never
the way of the real request (attack class 5).
"""

from __future__ import annotations

from typing import Final

from menshen.config.route_rules import CorsRules
from menshen.config.snapshot import Route, Snapshot
from menshen.envoy.authorization import AUTHORIZATION, not_asked
from menshen.envoy.typed import Json, typed
from menshen.gateway.wire import HEADER_CODE, HEADER_REQUEST_ID

__all__ = ["CORS", "cors_filters", "cross_origin", "preflight"]

CORS: Final = "menshen.cors"
_PACKAGE: Final = "envoy.extensions.filters.http.cors.v3"


def cors_filters(snapshot: Snapshot) -> list[Json]:
    if not any(route.cors for route in snapshot.routes):
        return []
    return [{"name": CORS, "typed_config": typed(f"{_PACKAGE}.Cors")}]


def cross_origin(route: Route) -> dict[str, Json]:
    """Per-route settings of the filter."""
    return {} if route.cors is None else {CORS: _policy(route, route.cors)}


def preflight(route: Route, match: Json) -> list[Json]:
    """The route of preflights to an API; ``match`` is the API's own, without its methods.

    The filter answers an origin that may call before this; every other one is refused here.
    """
    if route.cors is None:
        return []
    asks = [
        {"name": ":method", "string_match": {"exact": "OPTIONS"}},
        {"name": "origin", "present_match": True},
        {"name": "access-control-request-method", "present_match": True},
    ]
    return [
        {
            "name": route.id,
            "match": {**match, "headers": asks},
            "direct_response": {"status": 403},
            "typed_per_filter_config": {AUTHORIZATION: not_asked(), **cross_origin(route)},
        }
    ]


def _policy(route: Route, rules: CorsRules) -> Json:
    exposed = (HEADER_CODE, HEADER_REQUEST_ID, *_handed_out(route), *rules.expose_headers)
    return typed(
        f"{_PACKAGE}.CorsPolicy",
        {
            "allow_origin_string_match": [
                {"safe_regex": {"regex": ".*"}} if origin == "*" else {"exact": origin} for origin in rules.origins
            ],
            "allow_methods": ", ".join(rules.methods),
            "allow_headers": ", ".join(dict.fromkeys((*_carried(route), *rules.request_headers))),
            "expose_headers": ", ".join(dict.fromkeys(exposed)),
            "max_age": str(rules.max_age),
            "allow_credentials": rules.credentials,
            "forward_not_matching_preflights": True,
        },
    )


def _carried(route: Route) -> list[str]:
    """Headers by which a page of this API sends its credentials."""
    login = route.login
    if login is None:
        return []
    names = [login.code.name] if login.code.position == "header" else []
    return [*names, *([login.session.name] if login.session.request_in == "header" else [])]


def _handed_out(route: Route) -> list[str]:
    """Headers in which a login answers."""
    login = route.login
    return [] if login is None or login.session.return_in != "header" else [login.session.name]
