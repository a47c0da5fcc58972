"""The identity that a backend gets, as headers, and what of it the filters behind get as tags.

Every header of the plugin's set is written on every request, "" where there is no value, so that no header a client
might have sent is left standing (security rule 1, attack class 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from menshen.config.route_rules import IdentityTag
from menshen.config.snapshot import IdentityField, LoginPlugin, Route
from menshen.config.tag_values import tag_header, tag_value
from menshen.sessions.claims import SessionClaims

__all__ = ["identity_headers", "identity_tags", "identity_values", "tells"]

IdentityHeaders = tuple[tuple[IdentityField, str], ...]


def identity_values(plugin: LoginPlugin, claims: SessionClaims | None) -> dict[str, str]:
    """Identity field -> value, and ``claim:<name>`` for the user record's own. Without claims every value is ""."""
    if claims is None:
        return {}
    values = {
        "user": claims.sub,
        "platform": claims.platform,
        "app": plugin.app.name,
        "appid": claims.appid,
        "openid": claims.openid,
        "unionid": claims.unionid,
        "account": claims.account,
        "session": claims.sid,
        "source": claims.platform,
    }
    for name, value in claims.claims.items():
        values[f"claim:{name}"] = value
    return values


def identity_headers(plugin: LoginPlugin, values: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """The plugin's headers, all of them, in its order."""
    headers = [(header, values.get(field, "").encode()) for field, header in _as_sent(plugin.identity)]
    for key, header in _claims_as_sent(plugin.claims):
        headers.append((header, values.get(key, "").encode()))
    return headers


@lru_cache(maxsize=1024)
def _as_sent(pairs: IdentityHeaders) -> tuple[tuple[IdentityField, bytes], ...]:
    """Field and header of a set, worked out once and not on every check."""
    return tuple((field, header.encode()) for field, header in pairs)


@lru_cache(maxsize=1024)
def _claims_as_sent(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, bytes], ...]:
    return tuple((f"claim:{name}", header.encode()) for name, header in pairs)


@lru_cache(maxsize=1024)
def tells(field: IdentityField, pairs: IdentityHeaders) -> bool:
    """Whether a set has a header for this field."""
    return any(field == each for each, _ in pairs)


def identity_tags(route: Route, plugin: LoginPlugin, claims: SessionClaims | None) -> list[tuple[bytes, bytes]]:
    """A header for each tag that the plugin ticks, "" where there is no value: by the login state alone.

    A tag of the request or of a colouring never has the name of one of these, so nothing behind sets them again.
    """
    if not route.identity_tags:
        return []
    known: dict[str, str] = {}
    if claims is not None:
        own = {"platform": claims.platform, "app": plugin.app.name, "account": tag_value(claims.account)}
        known = {**claims.tags, **own}
    return [(header, known.get(name, "").encode()) for name, header in _tags_as_sent(route.identity_tags)]


@lru_cache(maxsize=1024)
def _tags_as_sent(names: tuple[IdentityTag, ...]) -> tuple[tuple[IdentityTag, bytes], ...]:
    return tuple((name, tag_header(name).encode()) for name in names)
