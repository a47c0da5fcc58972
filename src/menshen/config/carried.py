"""Under which names callers carry what must stop at the gateway (attack class 10)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from menshen.config.reserved import KEY_PAIR_HEADERS
from menshen.config.snapshot import Route

__all__ = ["Carried", "carried"]


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
