"""What of a revision a proxy that is not our Envoy was told, as one word.

Such a proxy runs a configuration that somebody printed, so the brain must know whether it still holds. Whatever the
brain alone decides by (lifetimes, secrets, user rules, refusals) is no part of it.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from menshen.config.snapshot import LoginPlugin, Route, Snapshot

__all__ = ["headers_read", "identity_names", "only_envoy", "returned_names", "shape"]


_FORM: Final = 2
"""Of the words between a proxy and the brain: a configuration that was printed for others is refused as stale."""


def shape(snapshot: Snapshot) -> str:
    """16 hex digits over all that a printed configuration depends on."""
    told = [_FORM, snapshot.listener.client_api, *(_told(route) for route in snapshot.routes), *snapshot.upstreams]
    return hashlib.sha256(msgspec.json.encode(told, order="deterministic")).hexdigest()[:16]


def identity_names(snapshot: Snapshot) -> tuple[str, ...]:
    """Headers by which some backend is told who calls, lower-case."""
    plugins = {route.login.name: route.login for route in snapshot.routes if route.login is not None}.values()
    names = {header.lower() for plugin in plugins for _, header in (*plugin.identity, *plugin.claims)}
    names.update(header.lower() for route in snapshot.routes for header in route.identity_headers)
    return tuple(sorted(names))


def returned_names(snapshot: Snapshot) -> tuple[str, ...]:
    """Headers in which clients are given login states and refresh tokens, lower-case."""
    names: set[str] = set()
    for rules in (route.login.session for route in snapshot.routes if route.login is not None):
        if rules.return_in != "cookie":
            names.add(rules.name.lower())
            names.update([rules.refresh.name.lower()] if rules.refresh is not None else [])
    return tuple(sorted(names))


def headers_read(route: Route) -> frozenset[str]:
    """Headers that something beside the login looks at, lower-case: a proxy that leaves them out would blind it."""
    found = {name.lower() for rules in route.custom for name in rules.reads}
    if route.oauth is not None and route.oauth.forward_authorization:
        found.add("authorization")
    return frozenset(found)


def only_envoy(route: Route) -> tuple[str, ...]:
    """What of this route needs our Envoy, in words of the document; () where another proxy can stand in its place."""
    found = {
        "another issuer's JWT": route.jwt,
        "a key pair": route.key_pair,
        "IP access": route.ip_access,
        "limits": route.limits,
        "a canary": route.canary,
        "tags": route.tags,
        "identity tags": route.identity_tags,
        "CORS": route.cors,
        "rewrites": route.rewrites,
        "transforms": route.transforms,
        "a plugin type that has filters or tags": any(rules.envoy or rules.tags for rules in route.custom),
        "a login code in the body": route.login is not None and route.login.code.position == "body",
    }
    return tuple(name for name, value in found.items() if value)


def _told(route: Route) -> list[object]:
    tokens = route.oauth.token if route.oauth is not None else None
    return [
        *(route.id, route.hosts, route.prefix, route.strip_prefix, route.path, route.methods, route.access),
        *(route.upstream, route.asks_brain, route.identity_headers, only_envoy(route), tokens),
        None if route.login is None else _names(route.login),
        sorted(headers_read(route)),
    ]


def _names(plugin: LoginPlugin) -> list[object]:
    rules = plugin.session
    refresh = None if rules.refresh is None else (rules.refresh.name, rules.refresh.path)
    return [
        *(plugin.code, plugin.open_data, plugin.account, plugin.identity, plugin.claims),
        *(rules.name, rules.request_in, rules.return_in, refresh),
    ]
