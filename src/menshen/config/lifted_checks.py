"""What a tag may not be lifted from.

Tags travel to every service behind the first one and are kept with traces, so no credential may become one (attack
classes 10 and 36); and what the gateway itself says of a caller is no word of the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator

from menshen.config.credential_places import credential_places, place
from menshen.config.custom_types import CustomTypes
from menshen.config.header_checks import told_headers
from menshen.config.outline import At, Outline
from menshen.config.plugins.tag import RequestTag, Tag
from menshen.config.reserved import fold, is_reserved, is_secret_name, reserved_problem
from menshen.errors import Problem

__all__ = ["lifted_problems"]

_SIGNED_CALL = "x-mg-"


def lifted_problems(outline: Outline, types: CustomTypes) -> Iterator[Problem]:
    """The problems of all tags that are lifted from requests, wherever their plugins are bound."""
    credentials = credential_places(outline)
    told = {
        fold(header) for at in outline.plugins for _, header in (*at.value.identity.pairs(), *at.value.claim_headers())
    }
    told |= {fold(header.value) for at in outline.others for header in told_headers(at.value, types)}
    for at in _lifted(outline):
        position, name = at.value.position, at.value.name
        path = f"{at.path}.name"
        credential = credentials.get(place(position, name))
        if position == "header" and (is_reserved(name, "identity") or fold(name) in told):
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


def _carries(path: str, name: str, credential: str) -> Problem:
    where, where_zh = (f" ({credential})", f"（{credential}）") if credential else ("", "")
    return Problem(
        path,
        f"'{name}' carries a credential{where}, and tags are handed on and kept with traces",
        f"'{name}' 携带凭证{where_zh}，而标签会向后传递并随调用链保存",
    )
