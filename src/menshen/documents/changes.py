"""What one document says otherwise than another, part by part and key by key. Of a secret: that it changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from menshen.config.environment import is_reference
from menshen.config.sealing import map_at_secrets
from menshen.documents.masking import MASK
from menshen.documents.parts import KINDS, Json, Way, index_of, item_name, items_at, way_text
from menshen.secret import Secret

__all__ = ["Change", "KeyChange", "What", "changes_between"]

What = Literal["added", "removed", "changed", "reordered"]


@dataclass(frozen=True, slots=True)
class KeyChange:
    """A key of a part, such as ``session.expires_in`` or ``rules[vip].when``. ``old`` and ``new`` are None where there
    is no value, and ``***`` for a secret, whatever it is.
    """

    path: str
    what: What
    old: Any = None
    new: Any = None


@dataclass(frozen=True, slots=True)
class Change:
    """A part such as ``apps/shop``, ``groups/mall/apis/order``, ``bindings/shop-login/mall`` or ``users``.

    ``reordered`` is said of a list: its parts are tried in another order.
    """

    part: str
    what: What
    keys: tuple[KeyChange, ...] = ()


def changes_between(old: Json, new: Json) -> tuple[Change, ...]:
    """``old`` to ``new``, both with their secrets opened and sound; nothing that comes back holds one."""
    return tuple(_changes(_hidden(old), _hidden(new)))


def _hidden(raw: Json) -> Json:
    """Secrets are compared as what they are, and can be shown as nothing but the mark."""
    return map_at_secrets(
        raw, lambda value: value if not isinstance(value, str) or is_reference(value) else Secret(value)
    )


def _changes(old: Json, new: Json) -> Iterator[Change]:
    before, after = dict(_parts(old)), dict(_parts(new))
    for way in [*after, *(way for way in before if way not in after)]:
        what: What = "changed" if way in before and way in after else "added" if way in after else "removed"
        keys = tuple(_keys(before.get(way, {}), after.get(way, {}), ""))
        if keys or what != "changed":
            yield Change(way_text(way), what, keys)
    stood = _orders(before, after)
    for where, order in _orders(after, before).items():
        if order != stood[where]:
            yield Change(way_text(where), "reordered")
    if _bound(old, new) != _bound(new, old):
        yield Change("bindings", "reordered")


def _parts(raw: Json) -> Iterator[tuple[Way, Json]]:
    for kind in KINDS:
        for item in items_at(raw, (kind,)):
            way: Way = (kind, item_name(item) or "")
            yield way, {key: value for key, value in item.items() if key not in ("name", "apis")}
            if kind == "groups":
                for api in items_at({"apis": item.get("apis")}, ("apis",)):
                    yield (*way, "apis", item_name(api) or ""), _without_name(api)
    yield from ((way, {}) for way in _bindings(raw))
    for key, value in raw.items():
        if key not in (*KINDS, "bindings"):
            yield (key,), value if isinstance(value, Mapping) else {"": value}


def _without_name(part: Json) -> Json:
    return {key: value for key, value in part.items() if key != "name"}


def _bindings(raw: Json) -> list[Way]:
    return [
        ("bindings", str(each.get("plugin")), *str(each.get("api") or each.get("group")).split("/"))
        for each in items_at(raw, ("bindings",))
    ]


def _bound(raw: Json, other: Json) -> list[Way]:
    theirs = set(_bindings(other))
    return [way for way in dict.fromkeys(_bindings(raw)) if way in theirs]


def _orders(parts: Mapping[Way, Json], others: Mapping[Way, Json]) -> dict[Way, list[Way]]:
    """The parts that both have, in their order, by the list that they stand in; bindings have an order of their own."""
    found: dict[Way, list[Way]] = {}
    for way in parts:
        if len(way) > 1 and way[0] != "bindings" and way in others:
            found.setdefault(way[:-1], []).append(way)
    return found


def _keys(old: Json, new: Json, at: str) -> Iterator[KeyChange]:
    for key in [*new, *(key for key in old if key not in new)]:
        path = f"{at}.{key}" if at and key else f"{at}{key}"
        if key not in old:
            yield KeyChange(path, "added", None, _shown(new[key]))
        elif key not in new:
            yield KeyChange(path, "removed", _shown(old[key]), None)
        else:
            yield from _value(old[key], new[key], path)


def _value(old: Any, new: Any, path: str) -> Iterator[KeyChange]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _keys(old, new, path)
    elif _is_named(old) and _is_named(new):
        yield from _items(old, new, path)
    elif type(old) is not type(new) or old != new:
        yield KeyChange(path, "changed", _shown(old), _shown(new))


def _items(old: Sequence[Any], new: Sequence[Any], path: str) -> Iterator[KeyChange]:
    """Of lists whose items have names: by name."""
    before = {item_name(item): item for item in old}
    after = {item_name(item): item for item in new}
    for name in [*after, *(name for name in before if name not in after)]:
        at = f"{path}[{name}]"
        if name not in before:
            yield KeyChange(at, "added", None, _shown(after[name]))
        elif name not in after:
            yield KeyChange(at, "removed", _shown(before[name]), None)
        else:
            yield from _keys(before[name], after[name], at)
    if [name for name in before if name in after] != [name for name in after if name in before]:
        yield KeyChange(path, "reordered", list(before), list(after))


def _is_named(value: Any) -> bool:
    if not isinstance(value, list) or not value:
        return False
    names = [item_name(item) for item in value]
    return None not in names and all(index_of(value, name or "") == index for index, name in enumerate(names))


def _shown(value: Any) -> Any:
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, Mapping):
        return {key: _shown(item) for key, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list) else value
