"""One name for two credentials on one API: what one guard is sent, the other would take for its own.

A checker of tokens would be handed login states, or a login code be spent as a token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from menshen.config.credential_places import Place, place
from menshen.config.document import Plugin
from menshen.config.outline import At
from menshen.config.plugins.jwt import Jwt
from menshen.config.plugins.oauth import OAuth
from menshen.config.plugins.registry import AnyPlugin
from menshen.errors import Problem

__all__ = ["credential_clashes"]


def credential_clashes(api: str, here: Sequence[At[Plugin] | At[AnyPlugin]]) -> Iterator[Problem]:
    """Tokens that share a name with a credential of the login. ``here`` are the plugins of the API."""
    taken: dict[Place, str] = {}
    for at in here:
        if isinstance(at.value, Plugin):
            for position, name, key in _of_login(at.value):
                taken.setdefault(place(position, name), f"{at.path}.{key}")
    for at in here:
        if isinstance(at.value, Jwt | OAuth):
            for position, name, key in _read(at.value):
                first = taken.get(place(position, name))
                if first is not None:
                    yield Problem(
                        f"{at.path}.{key}",
                        f"on the API '{api}' the login has '{name}' already ({first})",
                        f"API '{api}' 的登录插件已使用 '{name}'（{first}）",
                    )


def _read(plugin: Jwt | OAuth) -> Iterator[tuple[str, str, str]]:
    """Position, name and key of what the guard reads or hands on."""
    token, authorization = plugin.token, ("header", "Authorization")
    yield token.position, token.name, "token.name"
    forwards = isinstance(plugin, OAuth) and plugin.forward_authorization
    if forwards and place(token.position, token.name) != place(*authorization):
        yield *authorization, "forward_authorization"


def _of_login(plugin: Plugin) -> Iterator[tuple[str, str, str]]:
    yield plugin.code.position, plugin.code.name, "code.name"
    yield plugin.session.request_in, plugin.session.name, "session.name"
    if plugin.session.refresh is not None:
        yield "header", plugin.session.refresh.name, "session.refresh.name"
    if plugin.open_data is not None:
        for key, name in plugin.open_data.named().items():
            yield plugin.code.position, name, f"open_data.{key}"
    if plugin.account is not None and plugin.code.position == "query":
        yield "query", plugin.account.username, "account.username"
        yield "query", plugin.account.password, "account.password"
