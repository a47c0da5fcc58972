"""A part as the fields of a form. Names are paths: ``session.expires_in``; items of lists have labels that they keep.

``rules:items`` has a label for each item, in order, and ``rules[7].name`` is a field of the item with the label 7:
taking one away, or moving it, changes the order of labels and no other name. What is no key
begins with a colon.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from menshen.config.yamltext import dump_document
from menshen.web.console.forms.field import Field
from menshen.web.console.forms.quoting import NONE, typed_lines, typed_text

__all__ = ["OWN", "Typed", "fill_field", "filled", "first", "named"]

Typed = dict[str, list[str]]
"""Name of a form's field -> what was typed, each as often as it was sent."""

OWN: Final = ":own"
"""The choice of a mapping where there are presets."""


def filled(fields: Iterable[Field], part: Mapping[str, Any], at: str = "") -> Typed:
    """What a form of these fields shows for a part. Secrets are never among it."""
    typed: Typed = {}
    for field in fields:
        typed |= fill_field(field, part, named(at, field.key))
    return typed


def fill_field(field: Field, part: Mapping[str, Any], name: str) -> Typed:
    """The same for one field of a part."""
    value = part.get(field.key)
    match field.kind:
        case "secret":
            return {}
        case "part":
            inner = filled(field.fields, value or {}, name)
            there = value is not None or (field.key not in part and field.default is not None)
            return inner | {f"{name}:on": ["on"]} if field.nullable and there else inner
        case "parts":
            return _items(field, value or (), name)
        case "mapping":
            return _rows(value or {}, name)
        case "preset":
            chosen = OWN if isinstance(value, Mapping) else value or field.default or field.options[0]
            return {name: [chosen]} | _rows(value if isinstance(value, Mapping) else {}, name)
        case "choices":
            return {name: list(field.default or ()) if value is None else list(value)}
        case "flag":
            return {name: ["on"] if (field.default if value is None else value) else []}
        case "choice":
            return {name: [value or field.default or ""]}
    return {name: [_text(field, value)]}


def named(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def first(typed: Typed, name: str) -> str:
    return next(iter(typed.get(name, ())), "")


def _text(field: Field, value: Any) -> str:
    if value is None:
        return ""
    match field.kind:
        case "texts":
            return typed_lines(value) if value or not field.default else NONE
        case "yaml":
            return _yaml(value)
        case "long":
            return str(value)
        case "text":
            return "" if not value and not field.default and not field.nullable else typed_text(value)
    return str(value)


def _yaml(value: Any) -> str:
    if isinstance(value, Mapping) and value:
        return dump_document(value)
    return dump_document({"": value}).partition(":")[2].strip("\n").removeprefix(" ")


def _items(field: Field, items: Sequence[Mapping[str, Any]], name: str) -> Typed:
    typed: Typed = {f"{name}:items": [str(label) for label in range(len(items))]}
    for label, item in enumerate(items):
        typed |= filled(field.fields, item, f"{name}[{label}]")
    return typed


def _rows(mapping: Mapping[str, str], name: str) -> Typed:
    typed: Typed = {f"{name}:items": [str(label) for label in range(len(mapping))]}
    for label, (key, value) in enumerate(mapping.items()):
        typed |= {f"{name}[{label}]:key": [key], f"{name}[{label}]:value": [value]}
    return typed
