"""Changes of a document, one part at a time: each is a function from the document to another one.

Nothing is checked here beyond what a change itself needs (:class:`PartUnknown`, :class:`NameTaken`); the whole document
is, once it is changed. Parts keep their order, and new ones come last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from menshen.config.plugins.registry import kind_of
from menshen.config.wording import Loc
from menshen.documents.parts import Json, Way, index_of, items_at, way_text
from menshen.errors import NameTaken, PartUnknown

__all__ = [
    "Edit",
    "Edited",
    "bind",
    "create",
    "delete",
    "delete_section",
    "put",
    "rebind",
    "replace",
    "replace_document",
    "replace_section",
    "unbind",
]


@dataclass(frozen=True, slots=True)
class Edited:
    """The changed document.

    ``places`` are places of the document, each with its place in what the editor wrote, so that a problem can be shown
    there too. ``renamed`` is the new way to a part -> the one that it had.
    """

    raw: dict[str, Any] = field(repr=False)
    places: tuple[tuple[Loc, Loc], ...] = ()
    renamed: Mapping[Way, Way] = field(default_factory=dict)


Edit: TypeAlias = Callable[[Json], Edited]


def replace_document(new: Json) -> Edit:
    """The whole of it."""
    return lambda _: Edited(dict(new), (((), ()),))


def create(where: Way, part: Json) -> Edit:
    """A new part at the end of a list. Raises ``NameTaken``."""

    def edit(raw: Json) -> Edited:
        items = items_at(raw, where)
        _untaken(items, where, part)
        return Edited(_with(raw, where, [*items, dict(part)]), ((_loc(raw, where, len(items)), ()),))

    return edit


def replace(where: Way, name: str, part: Json) -> Edit:
    """Another part in the place of one; with another name in it, whatever refers to the part follows.

    No name at all is the one that it has. A group without ``apis`` keeps those that it has.
    """

    def edit(raw: Json) -> Edited:
        items = items_at(raw, where)
        index = _known(items, where, name)
        new = {"name": name, **part}
        if where == ("groups",) and "apis" not in new and "apis" in items[index]:
            new["apis"] = items[index]["apis"]
        _untaken([item for number, item in enumerate(items) if number != index], where, new)
        items[index] = new
        place = (_loc(raw, where, index), ())
        changed = _with(raw, where, items)
        if new["name"] == name or not isinstance(new["name"], str):
            return Edited(changed, (place,))
        return Edited(_following(changed, where, name, new["name"]), (place,), {(*where, new["name"]): (*where, name)})

    return edit


def put(where: Way, part: Json) -> Edit:
    """A part in the place of its namesake, or at the end of the list."""

    def edit(raw: Json) -> Edited:
        name = part.get("name")
        known = isinstance(name, str) and index_of(items_at(raw, where), name) is not None
        return (replace(where, str(name), part) if known else create(where, part))(raw)

    return edit


def delete(where: Way, name: str) -> Edit:
    """A document without the part. What is bound to a group or an API is bound to it no more.

    What else refers to the part stays, so that the document does not hold: a plugin that is taken away under its
    bindings would leave APIs open.
    """

    def edit(raw: Json) -> Edited:
        items = items_at(raw, where)
        del items[_known(items, where, name)]
        changed = _with(raw, where, items)
        if where[0] == "groups" and "bindings" in raw:
            left = [each for each in items_at(raw, ("bindings",)) if not _bound_to(each, (*where, name))]
            changed["bindings"] = left
        return Edited(changed)

    return edit


def replace_section(section: str, value: Json) -> Edit:
    return lambda raw: Edited({**raw, section: dict(value)}, (((section,), ()),))


def delete_section(section: str) -> Edit:
    """What a section says by default."""
    return lambda raw: Edited({key: value for key, value in raw.items() if key != section})


def bind(bindings: Sequence[Json]) -> Edit:
    """Plugins to groups or APIs, as many as are given; what is bound already stays as it is."""

    def edit(raw: Json) -> Edited:
        items, places = items_at(raw, ("bindings",)), []
        for number, binding in enumerate(bindings):
            if binding not in items:
                items.append(dict(binding))
            places.append((("bindings", items.index(binding)), (number,)))
        return Edited({**raw, "bindings": items}, tuple(places))

    return edit


def unbind(bindings: Sequence[Json]) -> Edit:
    """Raises ``PartUnknown`` where one is not there."""

    def edit(raw: Json) -> Edited:
        items = items_at(raw, ("bindings",))
        if any(binding not in items for binding in bindings):
            raise PartUnknown("there is no such binding")
        return Edited({**raw, "bindings": [item for item in items if item not in bindings]})

    return edit


def rebind(plugin: str, targets: Sequence[Json]) -> Edit:
    """A plugin to these targets and to no others. Raises ``PartUnknown`` for the plugin."""

    def edit(raw: Json) -> Edited:
        _known(items_at(raw, ("plugins",)), ("plugins",), plugin)
        wanted = [{**target, "plugin": plugin} for target in targets]
        others = [
            item
            for item in items_at(raw, ("bindings",))
            if item in wanted or not (isinstance(item, Mapping) and item.get("plugin") == plugin)
        ]
        return bind(wanted)({**raw, "bindings": others})

    return edit


def _known(items: Sequence[Any], where: Way, name: str) -> int:
    index = index_of(items, name)
    if index is None:
        raise PartUnknown(f"there is no {way_text((*where, name))}")
    return index


def _untaken(others: Sequence[Any], where: Way, part: Json) -> None:
    name = part.get("name")
    if isinstance(name, str) and index_of(others, name) is not None:
        raise NameTaken(f"there is a {way_text((*where, name))} already")


def _loc(raw: Json, where: Way, index: int) -> Loc:
    if len(where) == 1:
        return (where[0], index)
    group = _known(items_at(raw, ("groups",)), ("groups",), where[1])
    return ("groups", group, "apis", index)


def _with(raw: Json, where: Way, items: list[Any]) -> dict[str, Any]:
    if len(where) == 1:
        return {**raw, where[0]: items}
    groups = items_at(raw, ("groups",))
    index = _known(groups, ("groups",), where[1])
    groups[index] = {**groups[index], "apis": items}
    return {**raw, "groups": groups}


def _bound_to(binding: Any, way: Way) -> bool:
    """Whether it is a binding to this group or one of its APIs, or to this API."""
    if not isinstance(binding, Mapping):
        return False
    if len(way) == 4:
        return bool(binding.get("api") == f"{way[1]}/{way[3]}")
    return binding.get("group") == way[1] or str(binding.get("api", "")).startswith(f"{way[1]}/")


def _following(raw: dict[str, Any], where: Way, old: str, new: str) -> dict[str, Any]:
    """The references to a part by its new name."""
    match where:
        case ("apps",):
            return _swapped(raw, "plugins", lambda item: kind_of(item) == "login", "app", old, new)
        case ("upstreams",):
            return _swapped(raw, "groups", lambda _: True, "upstream", old, new)
        case ("plugins",):
            return _swapped(raw, "bindings", lambda _: True, "plugin", old, new)
        case ("groups",):
            for api in items_at(raw, ("groups", new, "apis")):
                if isinstance(api, Mapping) and isinstance(api.get("name"), str):
                    name = api["name"]
                    raw = _swapped(raw, "bindings", lambda _: True, "api", f"{old}/{name}", f"{new}/{name}")
            return _swapped(raw, "bindings", lambda _: True, "group", old, new)
        case ("groups", group, "apis"):
            return _swapped(raw, "bindings", lambda _: True, "api", f"{group}/{old}", f"{group}/{new}")
    return raw


def _swapped(
    raw: dict[str, Any], within: str, which: Callable[[Any], bool], key: str, old: str, new: str
) -> dict[str, Any]:
    if within not in raw:
        return raw
    items = [
        {**item, key: new} if isinstance(item, Mapping) and item.get(key) == old and which(item) else item
        for item in items_at(raw, (within,))
    ]
    return {**raw, within: items}
