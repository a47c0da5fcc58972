"""The question to the brain: may this request pass? Asked over HTTP, and no answer means no.

The filter's default is to ask, and the question has the route's name. A route that was forgotten is closed, not open:
without a name of the document's it is refused, with one it is judged as that API is. Only routes that are public,
requests whose signed state Envoy judges alone (:mod:`menshen.envoy.states`) and answers of Envoy's own switch it off.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from menshen.config.reserved import KEY_PAIR_HEADERS
from menshen.config.snapshot import Route, Snapshot
from menshen.envoy.clusters import BRAIN
from menshen.envoy.retries import retry_policy
from menshen.envoy.strip import plugins_of
from menshen.envoy.typed import Json, exact, seconds, typed
from menshen.gateway.wire import (
    AUTHZ_PREFIX,
    HEADER_CLIENT,
    HEADER_CODE,
    HEADER_RECEIVED,
    HEADER_REQUEST_ID,
    HEADER_ROUTE,
    SECRET_HEADERS,
)

__all__ = ["AUTHORIZATION", "authorization_config", "authorization_filter", "not_asked", "with_body"]

AUTHORIZATION: Final = "menshen.authorization"
_PACKAGE: Final = "envoy.extensions.filters.http.ext_authz.v3"

_TIMEOUT: Final = 7.0
"""A login waits for the platform for up to 5 s; the brain answers that with an error of its own."""

_NONCE: Final = 4.0
"""As long as a write waits for its turn at a database of one machine."""

_HOOKS: Final = 2
"""Times that a login may wait for hooks: before it, and after it."""

_ANSWER: Final = ("content-type", "retry-after", "cache-control", "www-authenticate", "set-cookie", "location")
"""Headers of a denial, or of an answer that travels as one."""


def authorization_filter(snapshot: Snapshot, workers: int) -> Json:
    config = authorization_config(snapshot, workers, timeout=_patience(snapshot))
    return {"name": AUTHORIZATION, "typed_config": typed(f"{_PACKAGE}.ExtAuthz", config)}


def _patience(snapshot: Snapshot) -> float:
    """As long as a login may take by limits of its own. If Envoy gave up first, the code would be spent for nothing.

    A username beside the code may wait for a captcha and for the team's verifier.
    """
    users = snapshot.users
    patience = _TIMEOUT + _HOOKS * users.hooks.timeout
    if any(plugin.account is not None for plugin in plugins_of(snapshot)):
        patience += users.accounts.verifier.timeout if users.accounts.verifier else 0.0
        patience += users.captcha.check.timeout if users.captcha else 0.0
    # Guards that are asked first have their time, and the login behind them still has all of its own.
    patience += max((route.oauth.timeout for route in snapshot.routes if route.oauth is not None), default=0.0)
    return patience + (_NONCE if any(route.key_pair is not None for route in snapshot.routes) else 0.0)


def authorization_config(snapshot: Snapshot, workers: int, *, timeout: float) -> Json:
    """The question and what is taken from its answer. ``timeout`` in seconds."""
    plugins = plugins_of(snapshot)
    states = {plugin.session.name.lower() for plugin in plugins}
    handed_out = states | {p.session.refresh.name.lower() for p in plugins if p.session.refresh is not None}
    codes = {plugin.code.name.lower() for plugin in plugins if plugin.code.position == "header"}
    # Wherever open data belongs: in a header beside a code it is read or refused, never passed over.
    beside = {name.lower() for plugin in plugins if plugin.open_data is not None for name in plugin.open_data.names}
    asked = [route for route in snapshot.routes if route.asks_brain]
    told = {header.lower() for plugin in plugins for _, header in (*plugin.identity, *plugin.claims)}
    told.update(header.lower() for route in asked for header in route.identity_headers)
    identity = {header for header in told if not header.startswith("x-menshen-")}
    shown = {header for route in asked for header in _shown(route)}
    named = exact({*identity, "cookie"})
    http_service: Json = {
        "server_uri": {"uri": "http://brain.menshen.internal", "cluster": BRAIN, "timeout": seconds(timeout)},
        "path_prefix": AUTHZ_PREFIX,
        "authorization_response": {
            # To the backend, and to our own filters behind. The brain rewrites "cookie" where the login state lies in
            # one.
            "allowed_upstream_headers": {"patterns": [{"prefix": "x-menshen-"}, *named["patterns"]]},
            "allowed_client_headers": exact({*handed_out, *_ANSWER, HEADER_CODE}),
            "allowed_client_headers_on_success": exact({*handed_out, "set-cookie"}),
        },
    }
    if workers > 1:
        # A worker that has just died is noticed by nobody. The longest pause between attempts is to Envoy also the most
        # time that one attempt may take, 10 s unless it is given: too little for a slow checker and the login behind.
        pauses = {"base_interval": "0.025s", "max_interval": seconds(timeout)}
        http_service["retry_policy"] = {**retry_policy(2), "retry_back_off": pauses}
    return {
        "failure_mode_allow": False,
        "status_on_error": {"code": "ServiceUnavailable"},
        # A brain that was made to answer with a line break in a header is a failure, not a second header.
        "validate_mutations": True,
        "charge_cluster_response_stats": False,
        # Cookies always, also where no plugin reads them: two login states in one request are refused, which needs
        # both to be seen (attack class 28).
        "allowed_headers": exact(
            {
                *states,
                *codes,
                *beside,
                HEADER_ROUTE,
                HEADER_RECEIVED,
                HEADER_CLIENT,
                HEADER_REQUEST_ID,
                "content-type",
                "cookie",
                "user-agent",
                *SECRET_HEADERS,
                *shown,
            }
        ),
        "http_service": http_service,
    }


def _shown(route: Route) -> Iterator[str]:
    """Request headers that the guards of a route look at, besides those of logins."""
    if route.oauth is not None:
        if route.oauth.token.position == "header":
            yield route.oauth.token.name
        if route.oauth.forward_authorization:
            yield "authorization"
    if route.key_pair is not None:
        yield from KEY_PAIR_HEADERS
    for rules in route.custom:
        yield from rules.reads


def not_asked() -> Json:
    """Per route: public, judged by Envoy alone, or answered by it (filters run before a ``direct_response``)."""
    return typed(f"{_PACKAGE}.ExtAuthzPerRoute", {"disabled": True})


def with_body(limit: int) -> Json:
    """Per route: the code lies in the body, or the body is signed, so the brain gets so many bytes of it.

    Partial bodies are allowed: an upload that merely carries a login state must not fail for its size. One byte over
    the limit is handed over, so that a body of exactly the limit can be told from a longer one.
    """
    body = {"max_request_bytes": limit + 1, "allow_partial_message": True}
    return typed(f"{_PACKAGE}.ExtAuthzPerRoute", {"check_settings": {"with_request_body": body}})
