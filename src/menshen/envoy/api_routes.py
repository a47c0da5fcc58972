"""One API as Envoy routes: the way to its upstream, and who judges a request to it.

Most are one route. An API whose login states Envoy can judge alone is several with the same name and path, told apart
by what a request carries (:mod:`menshen.envoy.fast_path`); the last of them asks the brain, as every other API does.
"""

from __future__ import annotations

from collections.abc import Sequence

from menshen.config.carried import Carried
from menshen.config.snapshot import LoginPlugin, Route, Upstream
from menshen.envoy.answers import answered
from menshen.envoy.authorization import AUTHORIZATION, not_asked, with_body
from menshen.envoy.canary import destination
from menshen.envoy.cors import for_pages, preflight, readable
from menshen.envoy.credentials import CREDENTIALS, without_query
from menshen.envoy.fast_path import anonymous_conditions, malformed_conditions, state_conditions
from menshen.envoy.governed import governed, inner_headers
from menshen.envoy.ip_access import ip_guarded
from menshen.envoy.limits import rate_limits
from menshen.envoy.paths import api_match, rewritten
from menshen.envoy.renewal import renewal_on
from menshen.envoy.retries import USUAL_RETRIES, retry_policy
from menshen.envoy.revoked import revoked_on
from menshen.envoy.rewrites import blocked, with_rewrites
from menshen.envoy.states import STATES, Provider, checked_by
from menshen.envoy.tokens import token_headers
from menshen.envoy.typed import Json, method_is, seconds, written, written_if_missing
from menshen.errors import SessionInvalid
from menshen.gateway.wire import BODY_LIMIT
from menshen.sessions.lifetimes import renewable

__all__ = ["api_routes"]


def api_routes(
    route: Route,
    upstream: Upstream,
    credentials: Carried,
    provider: Provider | None,
    *,
    pages: bool = False,
) -> list[Json]:
    """``credentials`` are those of the whole group: a client sends its login state everywhere, to public APIs as well.

    ``provider`` is there where Envoy judges the login states of the route's plugin alone, ``pages`` where those of
    other origins may call some API.
    """
    match = api_match(route.prefix, route.path)
    ways = _ways(route, upstream, credentials, provider)
    return [
        *(_for_callers(route, each) for each in preflight(route, upstream, match, beside=pages)),
        *(_for_callers(route, each) for answer in blocked(route, match) for each in readable(route, answer)),
        *(each for way in ways for each in _rewritten(route, way)),
    ]


def _ways(route: Route, upstream: Upstream, credentials: Carried, provider: Provider | None) -> list[Json]:
    """By what a request carries, who judges it; one way where that makes no difference."""
    if not route.asks_brain:
        return [_unasked(route, upstream, credentials)]
    asked = _asked(route, upstream, credentials)
    if provider is None or route.login is None:
        return [asked]
    judged = [_judged(route, upstream, credentials, provider, state_conditions(route.login))]
    if renewable(route.login.session):
        judged[0]["typed_per_filter_config"].update(renewal_on())
    malformed = malformed_conditions(route.login)
    if malformed:
        judged.append(answered(_where(asked["match"], malformed), SessionInvalid.status))
    anonymous = anonymous_conditions(route.login)
    if anonymous:
        judged.append(_judged(route, upstream, credentials, provider, anonymous))
    return [*judged, asked]


def _rewritten(route: Route, way: Json) -> list[Json]:
    """A way to the backend by each rewrite rule; an answer of Envoy's own is what it is."""
    if "route" in way:
        return with_rewrites(route, way)
    return [_for_callers(route, each) for each in readable(route, way)]


def _for_callers(route: Route, answer: Json) -> Json:
    """An answer of Envoy's own, for addresses that may call: no other learns anything of the route.

    Except by a preflight of a page that may call, which is answered before addresses are looked at.
    """
    if "route" in answer:
        return answer
    return {**answer, "typed_per_filter_config": {**answer["typed_per_filter_config"], **ip_guarded(route)}}


def _unasked(route: Route, upstream: Upstream, credentials: Carried) -> Json:
    """Public, or with no other guard than Envoy itself has."""
    entry = _way(route, upstream, credentials)
    entry["typed_per_filter_config"][AUTHORIZATION] = not_asked()
    # Set always: a backend that reads an identity header finds it, empty (attack class 4).
    found = token_headers(route)
    entry["request_headers_to_add"] = [
        written_if_missing(name, "") if name in found else written(name, "", keep_empty=True)
        for name in route.identity_headers
    ]
    return entry


def _asked(route: Route, upstream: Upstream, credentials: Carried) -> Json:
    entry = _way(route, upstream, credentials)
    filters = entry["typed_per_filter_config"]
    if route.key_pair is not None:
        limit = max(BODY_LIMIT, route.key_pair.body_limit)
        filters[AUTHORIZATION] = with_body(limit)
        # Beyond the listener's own limit, or Envoy would refuse a body that is within the key pair's.
        entry["request_body_buffer_limit"] = 2 * limit
        # An upgrade's bytes are not read as a body: they would reach a backend unsigned behind a signed head.
        entry["route"]["upgrade_configs"] = [{"upgrade_type": "websocket", "enabled": False}]
    elif route.login is not None and route.login.code.position == "body":
        filters[AUTHORIZATION] = with_body(BODY_LIMIT)
    found = token_headers(route)
    if found:
        entry["request_headers_to_add"] = [written_if_missing(name, "") for name in found]
    return entry


def _judged(
    route: Route, upstream: Upstream, credentials: Carried, provider: Provider, conditions: Sequence[Json]
) -> Json:
    """Only for requests of which ``conditions`` say that there is nothing in them for the brain."""
    entry = _way(route, upstream, credentials)
    entry["match"] = _where(entry["match"], conditions)
    entry["typed_per_filter_config"].update(
        {AUTHORIZATION: not_asked(), STATES: checked_by(provider.requirement(route)), **revoked_on()}
    )
    # What no claim has set is there as well, empty (attack class 4).
    entry["request_headers_to_add"] = [written_if_missing(name, "") for name in _identity_headers(route)]
    return entry


def _where(match: Json, conditions: Sequence[Json]) -> Json:
    return {**match, "headers": [*match.get("headers", ()), *conditions]}


def _identity_headers(route: Route) -> list[str]:
    login: LoginPlugin | None = route.login
    own = () if login is None else (*login.identity, *login.claims)
    return sorted({*(header.lower() for _, header in own), *(name.lower() for name in route.identity_headers)})


def _way(route: Route, upstream: Upstream, credentials: Carried) -> Json:
    """What is the same whoever judges: name, match, upstream, plugins, and the credentials that stop here."""
    match = api_match(route.prefix, route.path)
    if route.methods:
        match = {**match, "headers": [method_is(route.methods)]}
    action: Json = {**destination(route, upstream), "timeout": seconds(upstream.timeout)}
    if upstream.connect_retries != USUAL_RETRIES:
        action["retry_policy"] = retry_policy(upstream.connect_retries)
    if route.strip_prefix:
        action.update(rewritten(route.prefix))
    if route.limits:
        action["rate_limits"] = rate_limits(route)
    entry: Json = {
        "name": route.id,
        "stat_prefix": route.id,
        "match": match,
        "route": action,
        "typed_per_filter_config": governed(route),
        **for_pages(route),
    }
    taken_off = [*credentials.headers, *inner_headers(route)]
    if taken_off:
        entry["request_headers_to_remove"] = taken_off
    if credentials.query:
        entry["typed_per_filter_config"][CREDENTIALS] = without_query(credentials.query)
    return entry
