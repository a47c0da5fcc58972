"""Header names for proxies that match them one by one: what no client may say, and how else that could be spelt.

Servers fold names: CGI, WSGI and PHP read ``X-A-B`` and ``X_A_B`` as one. Our Envoy strips by pattern; here each
spelling is written out.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Final

from menshen.config.reserved import TRACE_FAMILIES, TRACE_NAMES
from menshen.config.shape import identity_names
from menshen.config.snapshot import Snapshot
from menshen.config.tag_values import tag_header
from menshen.envoy.strip import CLIENT_ADDRESS, NEVER, plugins_of
from menshen.gateway import wire

__all__ = ["returned_cookies", "spellings", "stripped_names"]

_INTERNAL: Final = (
    wire.HEADER_ROUTE,
    wire.HEADER_RECEIVED,
    wire.HEADER_CLIENT,
    wire.HEADER_UID,
    wire.HEADER_PROXY,
    wire.HEADER_METHOD,
    wire.HEADER_URI,
    wire.HEADER_STATUS,
    wire.HEADER_BODY,
    wire.HEADER_COOKIE,
    wire.HEADER_TARGET,
    wire.HEADER_SENT_SECRET,
    *wire.SECRET_HEADERS,
)

FAMILIES: Final = ("x-menshen", "x-forwarded", "x-original", "x-envoy", *TRACE_FAMILIES)
"""What all names begin with that no client may send whatever comes behind: for proxies that match that much."""

_FORWARDED: Final = (
    *("for", "proto", "protocol", "scheme", "ssl", "host", "port", "prefix", "uri", "method", "server"),
    *("user", "email", "groups", "preferred-username", "access-token", "client-cert", "tls-client-cert"),
)

_ENVOY: Final = ("original-path", "original-host", "external-address", "internal", "auth-partial-body")

_KNOWN: Final = (
    *(f"x-forwarded-{name}" for name in _FORWARDED),
    *(f"x-original-{name}" for name in ("url", "uri", "host", "method", "forwarded-for")),
    *(f"x-envoy-{name}" for name in _ENVOY),
    *(f"x-wx-{name}" for name in ("openid", "appid", "unionid", "source", "env", "region", "service", "call-id")),
    *(f"x-wx-from-{name}" for name in ("openid", "appid", "unionid")),
)

_MENSHEN: Final = ("user", "platform", "app", "appid", "openid", "unionid", "account", "session", "assertion")


def stripped_names(snapshot: Snapshot) -> tuple[str, ...]:
    """What a client may not send, lower-case: identity, even of a plugin that is not here, and what is ours."""
    tags = {tag_header(tag) for plugin in plugins_of(snapshot) for tag in plugin.identity_tags}
    ours = {f"x-menshen-{name}" for name in _MENSHEN}
    names = {*_INTERNAL, *_KNOWN, *NEVER, *CLIENT_ADDRESS, *TRACE_NAMES, "baggage", *ours, *tags}
    return tuple(sorted({*names, *identity_names(snapshot)}))


def returned_cookies(snapshot: Snapshot) -> tuple[str, ...]:
    """Cookies in which clients are given login states and refresh tokens."""
    rules = [plugin.session for plugin in plugins_of(snapshot) if plugin.session.return_in == "cookie"]
    return tuple(sorted({*(r.name for r in rules), *(r.refresh.name for r in rules if r.refresh is not None)}))


def spellings(names: Iterable[str], keep: Iterable[str] = ()) -> list[str]:
    """Each name with ``-`` and ``_`` in every place of either, its own first; but those in ``keep``."""
    kept = set(keep)
    found: dict[str, None] = {}
    for name in names:
        words = name.replace("_", "-").split("-")
        found[name] = None
        for separators in product("-_", repeat=len(words) - 1):
            found["".join(word + separator for word, separator in zip(words, (*separators, ""), strict=True))] = None
    return [name for name in found if name not in kept]
