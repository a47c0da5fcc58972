"""Where everything travels that lets somebody in, here or at the platform."""

from __future__ import annotations

from collections.abc import Iterator

from menshen.config.outline import Outline
from menshen.config.plugins.jwt import Jwt
from menshen.config.plugins.oauth import OAuth
from menshen.config.reserved import fold

__all__ = ["Place", "credential_places", "place"]

Place = tuple[str, str]
"""A position (header, query, cookie) and a name, a header's folded."""


def place(position: str, name: str) -> Place:
    """The one spelling of a place."""
    return position, fold(name) if position == "header" else name


def credential_places(outline: Outline) -> dict[Place, str]:
    """Place -> the key of the document that says that a credential travels there; of several, the first."""
    found: dict[Place, str] = {}
    for position, name, path in _credentials(outline):
        found.setdefault(place(position, name), path)
    return found


def _credentials(outline: Outline) -> Iterator[tuple[str, str, str]]:
    for login in outline.plugins:
        plugin, session = login.value, login.value.session
        yield plugin.code.position, plugin.code.name, f"{login.path}.code.name"
        if plugin.account is not None:
            yield plugin.code.position, plugin.account.username, f"{login.path}.account.username"
            yield plugin.code.position, plugin.account.password, f"{login.path}.account.password"
        if plugin.open_data is not None:
            for key, name in plugin.open_data.named().items():
                yield plugin.code.position, name, f"{login.path}.open_data.{key}"
        for position in {session.request_in, session.return_in}:
            yield position, session.name, f"{login.path}.session.name"
        if session.refresh is not None:
            for position in ("header", "cookie"):
                yield position, session.refresh.name, f"{login.path}.session.refresh.name"
    for at in outline.others:
        if isinstance(at.value, Jwt | OAuth):
            yield at.value.token.position, at.value.token.name, f"{at.path}.token.name"
