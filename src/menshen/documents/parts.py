"""The parts of a document that can be edited by themselves, and the way to each of them by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from menshen.errors import PartUnknown

__all__ = [
    "KINDS",
    "SECTIONS",
    "Json",
    "Way",
    "apis_of",
    "index_of",
    "item_name",
    "items_at",
    "part_at",
    "way_text",
]

Json = Mapping[str, Any]
"""A document, or a part of one, as it is written."""

Way = tuple[str, ...]
"""Keys and names: ``("apps",)`` is the list of apps, ``("groups", "mall", "apis", "order")`` an API."""

KINDS: Final = ("components", "apps", "upstreams", "groups", "plugins", "webhooks")
"""The lists of named parts."""

SECTIONS: Final = ("listener", "tracing", "users")


def apis_of(group: str) -> Way:
    return ("groups", group, "apis")


def way_text(way: Way) -> str:
    """``groups/mall/apis/order``."""
    return "/".join(way)


def item_name(item: object) -> str | None:
    """What tells an item from the others of its list: its name, a key's id; None for an item that has neither."""
    if not isinstance(item, Mapping):
        return None
    name = item.get("name", item.get("id"))
    return name if isinstance(name, str) else None


def index_of(items: Sequence[Any], name: str) -> int | None:
    return next((index for index, item in enumerate(items) if item_name(item) == name), None)


def items_at(raw: Json, where: Way) -> list[Any]:
    """The list that ``where`` leads to, a copy; empty where it is not written. Raises ``PartUnknown`` for its group."""
    holder = raw if len(where) == 1 else part_at(raw, where[:-1])
    items = holder.get(where[-1])
    return list(items) if isinstance(items, list) else []


def part_at(raw: Json, way: Way) -> Json:
    """The part of this name. Raises ``PartUnknown``."""
    *where, name = way
    items = items_at(raw, tuple(where))
    index = index_of(items, name)
    if index is None:
        raise PartUnknown(f"there is no {way_text(way)}")
    part: Json = items[index]
    return part
