"""How login states and refresh tokens travel back to the client: in headers, as cookies, or not at all (in a body)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from menshen.config.snapshot import LoginPlugin

__all__ = ["Handed", "cleared", "returned"]

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Handed:
    """What a client is given. Lifetimes in seconds from now; ``refresh_token`` is "" where the plugin has none."""

    state: str
    expires_in: int
    refresh_token: str = ""
    refresh_expires_in: int = 0


def returned(plugin: LoginPlugin, handed: Handed, *, body: bool = True) -> Headers:
    """The headers that carry it. Without a ``body`` of the gateway's own, a state that belongs there gets a header."""
    rules = plugin.session
    refresh = rules.refresh if handed.refresh_token else None
    if rules.return_in == "cookie":
        headers = [_cookie(rules.name, handed.state, "/", handed.expires_in)]
        if refresh is not None:
            # To the one path that reads it, so that no backend ever sees it.
            headers.append(_cookie(refresh.name, handed.refresh_token, refresh.path, handed.refresh_expires_in))
        return headers
    if rules.return_in == "body" and body:
        return []
    headers = [(rules.name.lower().encode(), handed.state.encode())]
    if refresh is not None:
        headers.append((refresh.name.lower().encode(), handed.refresh_token.encode()))
    return headers


def cleared(plugins: Iterable[LoginPlugin]) -> Headers:
    """The headers that make a browser forget what any of these plugins gave it."""
    headers: dict[tuple[bytes, bytes], None] = {}
    for rules in (plugin.session for plugin in plugins):
        if rules.return_in == "cookie":
            headers[_cookie(rules.name, "", "/", 0)] = None
            if rules.refresh is not None:
                headers[_cookie(rules.refresh.name, "", rules.refresh.path, 0)] = None
    return list(headers)


def _cookie(name: str, value: str, path: str, age: int) -> tuple[bytes, bytes]:
    cookie = f"{name}={value}; Path={path}; Max-Age={max(0, age)}; HttpOnly; Secure; SameSite=Lax"
    return b"set-cookie", cookie.encode()
