"""The fields of a form as a part again: what was typed, and nothing that was not.

What a field shows for the part before and what was typed are compared, so that a part is written as it was wherever
nobody touched its form: a default that stands there stays, one that does not is not written, and a secret is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from menshen.config.wording import Loc, render_path
from menshen.config.yamltext import parse_yaml
from menshen.errors import Problem
from menshen.web.console.forms.field import Field
from menshen.web.console.forms.filling import OWN, Typed, fill_field, first, named
from menshen.web.console.forms.quoting import NONE, read_lines, read_text

__all__ = ["Read", "read_part"]

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,30}")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,60})?|\.[0-9]{1,60})(?:[eE][+-]?[0-9]{1,3})?")
_ABSENT: Final = object()


@dataclass(slots=True)
class Read:
    """A part as typed. ``problems`` are what cannot be read at all, by paths within the part."""

    part: dict[str, Any]
    problems: list[Problem] = field(default_factory=list)


def read_part(fields: Iterable[Field], typed: Typed, before: Mapping[str, Any]) -> Read:
    """``before`` is the part that the form was filled with; empty for a new one."""
    problems: list[Problem] = []
    return Read(_part(fields, typed, before, "", (), problems), problems)


def _part(
    fields: Iterable[Field], typed: Typed, before: Mapping[str, Any], at: str, loc: Loc, problems: list[Problem]
) -> dict[str, Any]:
    part: dict[str, Any] = {}
    for each in fields:
        name = named(at, each.key)
        if each.kind == "part":
            value = _nested(each, typed, before, name, (*loc, each.key), problems)
        elif each.kind == "parts":
            value = _items(each, typed, before, name, (*loc, each.key), problems)
        else:
            value = _leaf(each, typed, before, name, (*loc, each.key), problems)
        if value is not _ABSENT:
            part[each.key] = value
    return part


def _nested(each: Field, typed: Typed, before: Mapping[str, Any], name: str, loc: Loc, problems: list[Problem]) -> Any:
    had = before.get(each.key)
    if each.nullable and not first(typed, f"{name}:on"):
        # Where it would be there all the same, only a null takes it away.
        return None if each.default is not None or (each.key in before and had is None) else _ABSENT
    inner = _part(each.fields, typed, had if isinstance(had, Mapping) else {}, name, loc, problems)
    if not inner and each.default is not None and each.key not in before:
        return _ABSENT
    return inner if inner or each.nullable or each.required or each.key in before else _ABSENT


def _items(each: Field, typed: Typed, before: Mapping[str, Any], name: str, loc: Loc, problems: list[Problem]) -> Any:
    had = before.get(each.key) or ()
    items = []
    for index, label in enumerate(typed.get(f"{name}:items", ())):
        old = had[int(label)] if label.isdecimal() and int(label) < len(had) else {}
        items.append(_part(each.fields, typed, old, f"{name}[{label}]", (*loc, index), problems))
    if items or each.required:
        return items
    return before[each.key] if each.key in before and not had else _ABSENT


def _leaf(each: Field, typed: Typed, before: Mapping[str, Any], name: str, loc: Loc, problems: list[Problem]) -> Any:
    value, shown = _value(each, typed, name), fill_field(each, before, name)
    # 1 and true are the same to Python, and two values in YAML.
    same = first(typed, name) == first(shown, name) if each.kind == "yaml" else value == _value(each, shown, name)
    if same:
        return before.get(each.key, _ABSENT)
    if isinstance(value, _NoYaml):
        problems.append(Problem(render_path(loc), value.english, value.chinese))
        return None
    return _ABSENT if value == each.default and not each.required else value


@dataclass(frozen=True, slots=True)
class _NoYaml:
    english: str
    chinese: str


def _value(each: Field, typed: Typed, name: str) -> Any:
    """Of one field by itself; ``_ABSENT`` for nothing."""
    text = first(typed, name).replace("\r\n", "\n")
    match each.kind:
        case "choices":
            return _ticked(each, typed.get(name, ()))
        case "flag":
            return bool(text)
        case "mapping":
            return _mapping(typed, name) or _ABSENT
        case "preset":
            return _mapping(typed, name) if text == OWN else text
        case "texts":
            return _lines(each, text)
    if not text:
        return _ABSENT
    match each.kind:
        case "number":
            return _number(text.strip())
        case "yaml":
            return _yaml(text)
        case "text":
            return read_text(text)
    return text


def _ticked(each: Field, ticked: Iterable[str]) -> Any:
    found = list(ticked)
    return _ABSENT if not found and (each.nullable or not each.default) else found


def _lines(each: Field, text: str) -> Any:
    if text.strip() == NONE and each.default:
        return []
    return read_lines(text) or _ABSENT


def _mapping(typed: Typed, name: str) -> dict[str, str]:
    rows = [
        (first(typed, f"{name}[{label}]:key"), first(typed, f"{name}[{label}]:value"))
        for label in typed.get(f"{name}:items", ())
    ]
    return {key: value for key, value in rows if key or value}


def _number(text: str) -> Any:
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _yaml(text: str) -> Any:
    parsed = parse_yaml(text)
    if parsed.problems or not parsed.whole:
        problem = parsed.problems[0]
        return _NoYaml(problem.message, problem.message_zh)
    return parsed.value
