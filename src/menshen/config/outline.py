"""The parts of a document that are sound, each with its place, and the names that are declared.

Cross-checks run on an outline and not on a :class:`Document`, because there is no document while a single key is wrong,
and an operator should see every problem at once. A part that did not validate is left out; its name still counts as
declared, so that references to it are no problem of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from menshen.config.apps import App, Component
from menshen.config.document import Api, Binding, Document, Group, Listener, Plugin, Upstream
from menshen.config.plugins.custom import Custom
from menshen.config.plugins.registry import PARTS, AnyPlugin, kind_of
from menshen.config.user_pool import Users, Webhook
from menshen.config.values import is_name
from menshen.config.wording import Loc, render_path

__all__ = ["ApiAt", "At", "GroupNames", "Names", "Outline", "outline"]

Value = TypeVar("Value")
Model = TypeVar("Model", bound=BaseModel)


class _Named(Protocol):
    @property
    def name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class At(Generic[Value]):
    """A value and its place, such as ``groups[0]``."""

    path: str
    value: Value


@dataclass(frozen=True, slots=True)
class ApiAt:
    """An API and its place; ``group`` is its group's name, or None where that is not text."""

    path: str
    value: Api
    group: str | None
    group_path: str


@dataclass(frozen=True, slots=True)
class GroupNames:
    """The names of the APIs of one group."""

    group: str | None
    apis: tuple[At[str], ...]


@dataclass(frozen=True, slots=True)
class Names:
    """Every name that is declared, with the place of the part that declares it."""

    components: tuple[At[str], ...]
    apps: tuple[At[str], ...]
    upstreams: tuple[At[str], ...]
    groups: tuple[At[str], ...]
    plugins: tuple[At[str], ...]
    webhooks: tuple[At[str], ...]
    apis: tuple[GroupNames, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """The sound parts. The APIs that are sound are in ``apis``, those of ``groups`` need not be."""

    names: Names
    components: tuple[At[Component], ...]
    apps: tuple[At[App], ...]
    upstreams: tuple[At[Upstream], ...]
    groups: tuple[At[Group], ...]
    apis: tuple[ApiAt, ...]
    plugins: tuple[At[Plugin], ...]
    """The login plugins."""
    others: tuple[At[AnyPlugin], ...]
    """All other plugins."""
    kinds: Mapping[str, str]
    """Plugin name -> its kind, of plugins that did not validate as well."""
    bindings: tuple[At[Binding], ...]
    bindings_whole: bool
    """Whether ``bindings`` has all bindings that are written."""
    webhooks: tuple[At[Webhook], ...]
    listener: Listener | None
    """None where it is not sound."""
    users: Users | None
    """None where it is not sound."""


def outline(raw: Mapping[str, Any], errors: Sequence[ErrorDetails], document: Document | None = None) -> Outline:
    """The outline of a mapping; ``errors`` is what the document's model says about it, ``document`` what came of it."""
    if document is not None:
        return _whole(document)
    unknown = {_place(error["loc"]) for error in errors if error["type"] == "extra_forbidden"}
    known = _without(raw, unknown, ())
    broken = {_part(loc) for error in errors if (loc := _place(error["loc"])) not in unknown}
    groups = list(_items(known, ("groups",)))
    return Outline(
        names=Names(
            components=_names(known, ("components",)),
            apps=_names(known, ("apps",)),
            upstreams=_names(known, ("upstreams",)),
            groups=_names(known, ("groups",)),
            plugins=_names(known, ("plugins",)),
            webhooks=_names(known, ("webhooks",)),
            apis=tuple(GroupNames(_name(group), _names(group, (*loc, "apis"))) for loc, group in groups),
        ),
        components=_sound(known, ("components",), Component, broken),
        apps=_sound(known, ("apps",), App, broken),
        upstreams=_sound(known, ("upstreams",), Upstream, broken),
        groups=tuple(
            At(render_path(loc), Group.model_validate({**group, "apis": []}))
            for loc, group in groups
            if loc not in broken
        ),
        apis=tuple(
            ApiAt(api.path, api.value, _name(group), render_path(loc))
            for loc, group in groups
            for api in _sound(group, (*loc, "apis"), Api, broken)
        ),
        plugins=_sound(known, ("plugins",), Plugin, broken, "login"),
        others=tuple(
            At(render_path(loc), _OTHERS[kind_of(item)].model_validate(item))
            for loc, item in _items(known, ("plugins",))
            if loc not in broken and kind_of(item) != "login"
        ),
        kinds={name: kind_of(item) for _, item in _items(known, ("plugins",)) if (name := _name(item)) is not None},
        bindings=_sound(known, ("bindings",), Binding, broken),
        bindings_whole=not any(loc[:1] == ("bindings",) for loc in broken),
        webhooks=_sound(known, ("webhooks",), Webhook, broken),
        listener=_section(known, "listener", Listener, broken),
        users=_section(known, "users", Users, broken),
    )


def _whole(document: Document) -> Outline:
    """The outline of a document in which everything is sound: nothing need be read a second time."""
    plugins = _placed("plugins", document.plugins)
    groups = _placed("groups", document.groups)
    return Outline(
        names=Names(
            components=_named("components", document.components),
            apps=_named("apps", document.apps),
            upstreams=_named("upstreams", document.upstreams),
            groups=_named("groups", document.groups),
            plugins=_named("plugins", document.plugins),
            webhooks=_named("webhooks", document.webhooks),
            apis=tuple(GroupNames(at.value.name, _named(f"{at.path}.apis", at.value.apis)) for at in groups),
        ),
        components=_placed("components", document.components),
        apps=_placed("apps", document.apps),
        upstreams=_placed("upstreams", document.upstreams),
        groups=groups,
        apis=tuple(
            ApiAt(f"{at.path}.apis[{index}]", api, at.value.name, at.path)
            for at in groups
            for index, api in enumerate(at.value.apis)
        ),
        plugins=tuple(At(at.path, at.value) for at in plugins if isinstance(at.value, Plugin)),
        others=tuple(At(at.path, at.value) for at in plugins if not isinstance(at.value, Plugin)),
        kinds={at.value.name: kind_of(at.value) for at in plugins},
        bindings=_placed("bindings", document.bindings),
        bindings_whole=True,
        webhooks=_placed("webhooks", document.webhooks),
        listener=document.listener,
        users=document.users,
    )


def _placed(key: str, parts: Sequence[Value]) -> tuple[At[Value], ...]:
    return tuple(At(f"{key}[{index}]", part) for index, part in enumerate(parts))


def _named(key: str, parts: Sequence[_Named]) -> tuple[At[str], ...]:
    return tuple(At(f"{key}[{index}]", part.name) for index, part in enumerate(parts))


_OTHERS: Mapping[str, Any] = {**PARTS, "custom": Custom}


def _section(known: Mapping[str, Any], key: str, model: type[Model], broken: set[Loc]) -> Model | None:
    if any(loc[:1] == (key,) for loc in broken):
        return None
    return model.model_validate(known.get(key, {}))


def _place(loc: Loc) -> Loc:
    """The place without pydantic's marks of a union's branch."""
    return tuple(step for step in loc if not (isinstance(step, str) and step.startswith("<") and step.endswith(">")))


def _part(loc: Loc) -> Loc:
    """The part that an error is in: an API, or an item of a top-level list."""
    if loc[:1] == ("groups",) and loc[2:3] == ("apis",) and len(loc) > 3:
        return loc[:4]
    return loc[:2]


def _without(value: Any, unwanted: set[Loc], at: Loc) -> Any:
    """A copy without the keys at these places."""
    if not unwanted:
        return value
    if isinstance(value, Mapping):
        return {key: _without(item, unwanted, (*at, key)) for key, item in value.items() if (*at, key) not in unwanted}
    if isinstance(value, list):
        return [_without(item, unwanted, (*at, index)) for index, item in enumerate(value)]
    return value


def _items(parent: Mapping[str, Any], at: Loc) -> Iterator[tuple[Loc, Mapping[str, Any]]]:
    """The mappings in a list, with their places; ``at`` is the place of the list."""
    items = parent.get(str(at[-1]))
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, Mapping):
            yield (*at, index), item


def _sound(
    parent: Mapping[str, Any], at: Loc, model: type[Model], broken: set[Loc], kind: str = ""
) -> tuple[At[Model], ...]:
    """``kind`` is that of the plugins that are wanted, where a list has several models."""
    return tuple(
        At(render_path(loc), model.model_validate(item))
        for loc, item in _items(parent, at)
        if loc not in broken and (not kind or kind_of(item) == kind)
    )


def _names(parent: Mapping[str, Any], at: Loc) -> tuple[At[str], ...]:
    """The well-formed ones only: another can be referred to by nobody, and has its own problem."""
    return tuple(
        At(render_path(loc), name)
        for loc, item in _items(parent, at)
        if (name := _name(item)) is not None and is_name(name)
    )


def _name(part: Mapping[str, Any]) -> str | None:
    name = part.get("name")
    return name if isinstance(name, str) else None
