"""What a tag may not be lifted from.

Tags travel to every service behind the first one and are kept with traces, so no credential may become one (attack
classes 10 and 36); and what the gateway itself says of a caller is no word of the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator

from menshen.config.outline import At, Outline
from menshen.config.plugins.jwt import Jwt
from menshen.config.plugins.oauth import OAuth
from menshen.config.plugins.tag import RequestTag, Tag
from menshen.config.reserved import fold, is_reserved, is_secret_name, reserved_problem
from menshen.errors import Problem

__all__ = ["lifted_problems"]

_SIGNED_CALL = "x-mg-"


def lifted_problems(outline: Outline) -> Iterator[Problem]:
    """The problems of all tags that are lifted from requests, wherever their plugins are bound."""
    credentials: dict[tuple[str, str], str] = {}
    for position, name, path in _credentials(outline):
        credentials.setdefault((position, _spelt(position, name)), path)
    identity = {
        fold(header) for at in outline.plugins for _, header in (*at.value.identity.pairs(), *at.value.claim_headers())
    }
    for at in _lifted(outline):
        position, name = at.value.position, at.value.name
        path = f"{at.path}.name"
        credential = credentials.get((position, _spelt(position, name)))
        if position == "header" and (is_reserved(name, "identity") or fold(name) in identity):
            yield reserved_problem(path, name)
        elif credential is not None:
            yield _carries(path, name, credential)
        elif position != "path" and (is_secret_name(name) or fold(name).startswith(_SIGNED_CALL)):
            yield _carries(path, name, "")


def _lifted(outline: Outline) -> Iterator[At[RequestTag]]:
    for login in outline.plugins:
        yield from _each(f"{login.path}.tags.request", login.value.tags.request)
    for at in outline.others:
        if isinstance(at.value, Tag):
            yield from _each(f"{at.path}.tags", at.value.tags)


def _each(path: str, tags: tuple[RequestTag, ...]) -> Iterator[At[RequestTag]]:
    yield from (At(f"{path}[{index}]", tag) for index, tag in enumerate(tags))


def _credentials(outline: Outline) -> Iterator[tuple[str, str, str]]:
    """Position, name and key of everything that lets somebody in, here or at the platform."""
    for login in outline.plugins:
        plugin, session = login.value, login.value.session
        yield plugin.code.position, plugin.code.name, f"{login.path}.code.name"
        if plugin.account is not None:
            yield plugin.code.position, plugin.account.username, f"{login.path}.account.username"
            yield plugin.code.position, plugin.account.password, f"{login.path}.account.password"
        for position in {session.request_in, session.return_in}:
            yield position, session.name, f"{login.path}.session.name"
        if session.refresh is not None:
            for position in ("header", "cookie"):
                yield position, session.refresh.name, f"{login.path}.session.refresh.name"
    for at in outline.others:
        if isinstance(at.value, Jwt | OAuth):
            yield at.value.token.position, at.value.token.name, f"{at.path}.token.name"


def _spelt(position: str, name: str) -> str:
    return fold(name) if position == "header" else name


def _carries(path: str, name: str, credential: str) -> Problem:
    where, where_zh = (f" ({credential})", f"（{credential}）") if credential else ("", "")
    return Problem(
        path,
        f"'{name}' carries a credential{where}, and tags are handed on and kept with traces",
        f"'{name}' 携带凭证{where_zh}，而标签会向后传递并随调用链保存",
    )
