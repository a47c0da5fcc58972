"""What a form asks for, as a tree of fields; :func:`fields_of` makes it of a model."""

from __future__ import annotations

import enum
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AliasChoices, AliasPath, BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from menshen.config.snapshot import Endpoint
from menshen.secret import Secret

__all__ = ["Field", "Kind", "defaulting", "fields_of"]

Kind = Literal[
    "text",
    "long",
    "number",
    "choice",
    "choices",
    "flag",
    "secret",
    "texts",
    "yaml",
    "mapping",
    "preset",
    "part",
    "parts",
]
"""``texts`` is a list, a line each; ``choices`` some of the options; ``preset`` one of them or a mapping; ``yaml``
whatever no other field fits; ``parts`` a list of mappings."""

_LONG = frozenset({"description"})


@dataclass(frozen=True, slots=True)
class Field:
    """A key. ``path`` is how it is called in the documentation, from the top: ``plugins[].session.kind``.

    ``default`` is as a document would write it, None where there is none; a part that may be left out has one where it
    is there all the same. ``nullable``: it may be left out, and then
    there is nothing, whatever else a default would be. ``options`` are those of a choice, or of a mapping's keys.
    ``fields`` are those of a part, or of each item of ``parts``. ``title`` and ``about`` are the model's own words.
    """

    key: str
    path: str
    kind: Kind
    required: bool = False
    nullable: bool = False
    default: Any = None
    options: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    title: str = ""
    about: str = ""


def fields_of(model: type[BaseModel], at: str, without: tuple[str, ...] = ()) -> tuple[Field, ...]:
    """A field for each key of the model, but ``without`` some. ``at`` is the path in front, dot and all."""
    return tuple(
        _field(key, f"{at}{key}", info)
        for name, info in model.model_fields.items()
        if (key := _key(name, info)) not in without
    )


def defaulting(fields: Iterable[Field], values: Mapping[str, Any]) -> tuple[Field, ...]:
    """The fields with these values for what is left out, each where the document would have it."""
    return tuple(_defaulting(field, values[field.key]) if field.key in values else field for field in fields)


def _defaulting(field: Field, value: Any) -> Field:
    if field.kind == "part" and isinstance(value, Mapping):
        return replace(field, fields=defaulting(field.fields, value), default=value if field.nullable else None)
    return replace(field, default=value)


def _key(name: str, info: FieldInfo) -> str:
    match info.validation_alias:
        case str(alias):
            return alias
        case AliasChoices(choices=[str(first), *_]):
            return first
        case AliasPath(path=[str(first)]):
            return first
    return info.alias or name


def _field(key: str, path: str, info: FieldInfo) -> Field:
    kinds, nullable = _without_none(info.annotation)
    default = None if info.default is PydanticUndefined else _written(info.default)
    made = _of_kind(key, path, kinds[0]) if len(kinds) == 1 else _of_union(key, path, kinds)
    if made.kind == "flag" and nullable:  # three answers, which no box has
        made = Field(key, path, "yaml")
    return Field(
        key,
        path,
        made.kind,
        required=info.is_required(),
        nullable=nullable,
        default=None if made.kind in ("part", "parts") else default,
        options=made.options,
        fields=made.fields,
        title=info.title or "",
        about=info.description or "",
    )


def _of_kind(key: str, path: str, kind: Any) -> Field:
    kind = _bare(kind)
    if options := _options(kind):
        return Field(key, path, "choice", options=options)
    simple: dict[Any, Kind] = {Secret: "secret", bool: "flag", int: "number", float: "number"}
    if kind in simple:
        return Field(key, path, simple[kind])
    if kind is str:
        return Field(key, path, "long" if key in _LONG else "text")
    if _is_model(kind):
        return Field(key, path, "part", fields=fields_of(kind, f"{path}."))
    items = _item(kind)
    if items is not None:
        return _of_list(key, path, items)
    if get_origin(kind) is dict and _bare(get_args(kind)[1]) is str:
        keys = _bare(get_args(kind)[0])
        if keys is str or _options(keys):
            return Field(key, path, "mapping", options=_options(keys))
    return Field(key, path, "yaml")


def _of_list(key: str, path: str, item: Any) -> Field:
    if _is_model(item):
        return Field(key, path, "parts", fields=fields_of(item, f"{path}[]."))
    if options := _options(item):
        return Field(key, path, "choices", options=options)
    return Field(key, path, "texts" if item in (str, Endpoint) else "yaml")


def _of_union(key: str, path: str, kinds: tuple[Any, ...]) -> Field:
    """One of some words, or a mapping; of other unions a form knows nothing."""
    made = [_of_kind(key, path, kind) for kind in kinds]
    match [each.kind for each in made]:
        case ["choice", "mapping"]:
            keys = Field("", path, "choice", options=made[1].options)
            return Field(key, path, "preset", options=made[0].options, fields=(keys,))
    return Field(key, path, "yaml")


def _without_none(kind: Any) -> tuple[tuple[Any, ...], bool]:
    kind = _bare(kind)
    if get_origin(kind) not in (Union, types.UnionType):
        return (kind,), False
    kinds = tuple(each for each in get_args(kind) if each is not type(None))
    return kinds, len(kinds) < len(get_args(kind))


def _bare(kind: Any) -> Any:
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return kind


def _item(kind: Any) -> Any:
    """What a list is of; None for what is no list, or none of one kind of items."""
    match get_origin(kind), get_args(kind):
        case (origin, (item,)) if origin is list:
            return _bare(item)
        case (origin, (item, last)) if origin is tuple and last is Ellipsis:
            return _bare(item)
    return None


def _options(kind: Any) -> tuple[str, ...]:
    found: Iterator[Any] = iter(())
    if get_origin(kind) is Literal:
        found = iter(get_args(kind))
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        found = (each.value for each in kind)
    options = tuple(found)
    return options if all(isinstance(each, str) for each in options) else ()


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _written(default: Any) -> Any:
    """A default as YAML would have it."""
    if isinstance(default, enum.Enum):
        return default.value
    if isinstance(default, tuple | list):
        return [_written(each) for each in default]
    return default if isinstance(default, str | int | float | dict) else None
