"""Credentials stop here: codes, passwords, login states and refresh tokens never reach a backend (attack class 10).

Headers go with ``request_headers_to_remove``, which the router applies after the brain has read them. A query parameter
needs a filter of its own behind the authorization filter; it knows percent-encoded spellings of the name as well. A
cookie is rewritten by the brain, which alone knows the other cookies of the request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from menshen.config.reserved import KEY_PAIR_HEADERS
from menshen.config.snapshot import Route
from menshen.envoy.typed import Json, typed

__all__ = ["CREDENTIALS", "Carried", "carried", "credentials_filter", "without_query"]

CREDENTIALS: Final = "menshen.credentials"
_PACKAGE: Final = "envoy.extensions.filters.http.lua.v3"


@dataclass(frozen=True, slots=True)
class Carried:
    """Names under which callers carry codes, accounts, open data, login states, tokens and signatures."""

    headers: tuple[str, ...]
    query: tuple[str, ...]


def carried(routes: Iterable[Route]) -> Carried:
    """Of all guards of these routes."""
    headers: set[str] = set()
    query: set[str] = set()
    for route in routes:
        for guard in (route.jwt, route.oauth):
            if guard is not None:
                (headers if guard.token.position == "header" else query).add(guard.token.name)
        if route.key_pair is not None:
            headers.update(KEY_PAIR_HEADERS)
        plugin = route.login
        if plugin is None:
            continue
        for position, name in (
            (plugin.code.position, plugin.code.name),
            (plugin.session.request_in, plugin.session.name),
        ):
            if position == "header":
                headers.add(name.lower())
            elif position == "query":
                query.add(name)
        headers.update(plugin.open_data_headers)
        if plugin.open_data is not None and plugin.code.position == "query":
            query.update(plugin.open_data.names)
        if plugin.account is not None and plugin.code.position == "query":
            query.update((plugin.account.username, plugin.account.password))
        if plugin.session.refresh is not None:
            headers.add(plugin.session.refresh.name.lower())
    return Carried(tuple(sorted(headers)), tuple(sorted(query)))


def credentials_filter() -> Json:
    script = {"default_source_code": {"inline_string": _script()}, "clear_route_cache": False}
    return {"name": CREDENTIALS, "disabled": True, "typed_config": typed(f"{_PACKAGE}.Lua", script)}


def without_query(names: Iterable[str]) -> Json:
    """Per-route settings, which also turn the filter on: these query parameters do not reach the backend."""
    return typed(f"{_PACKAGE}.LuaPerRoute", {"filter_context": dict.fromkeys(names, True)})


@cache
def _script() -> str:
    return (files("menshen.envoy") / "credentials.lua").read_text(encoding="utf-8")
