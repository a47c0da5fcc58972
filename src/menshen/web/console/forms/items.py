"""Items of a form come, go and move by buttons that send the form: what was typed stays, and nothing is stored."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from starlette.datastructures import FormData

from menshen.web.console.forms.field import Field
from menshen.web.console.forms.filling import Typed, filled

__all__ = ["BUTTON", "rearranged", "typed_in"]

BUTTON: Final = ":do"
"""The name of the buttons. Their values: ``add rules``, ``remove rules 7``, ``up rules 7``."""

_MOST_ITEMS: Final = 300
_NEW: Final = 1000
"""New items have labels from here on, so that none has the label of one that the part had before."""

_LABEL: Final = re.compile(r"[0-9]{1,6}")


def typed_in(form: FormData) -> Typed:
    """What was sent, without files and without labels that are none."""
    typed: Typed = {}
    for name, value in form.multi_items():
        if isinstance(value, str) and (not name.endswith(":items") or _LABEL.fullmatch(value)):
            typed.setdefault(name, []).append(value)
    return typed


def rearranged(fields: Iterable[Field], typed: Typed, asked: str) -> tuple[Typed, str]:
    """The form with another order of labels, and the name of a new item; "" where none is new."""
    match asked.split(" "):
        case ["add", name]:
            return _added(_field_of(fields, name), typed, name)
        case ["remove", name, label]:
            return typed | {f"{name}:items": [each for each in typed.get(f"{name}:items", ()) if each != label]}, ""
        case ["up", name, label]:
            return typed | {f"{name}:items": _up(typed.get(f"{name}:items", []), label)}, ""
    return typed, ""


def _added(field: Field | None, typed: Typed, name: str) -> tuple[Typed, str]:
    labels = typed.get(f"{name}:items", [])
    if field is None or len(labels) >= _MOST_ITEMS:
        return typed, ""
    label = max(_NEW, *(int(each) + 1 for each in labels)) if labels else _NEW
    new = f"{name}[{label}]"
    inner = filled(field.fields, {}, new) if field.kind == "parts" else {}
    return typed | inner | {f"{name}:items": [*labels, str(label)]}, new


def _up(labels: list[str], label: str) -> list[str]:
    if label not in labels[1:]:
        return labels
    at = labels.index(label)
    return [*labels[: at - 1], label, labels[at - 1], *labels[at + 1 :]]


def _field_of(fields: Iterable[Field], name: str) -> Field | None:
    found: Field | None = None
    for step in re.sub(r"\[[0-9]+\]", "", name).split("."):
        found = next((each for each in fields if each.key == step), None)
        if found is None:
            return None
        fields = found.fields
    return found if found is not None and found.kind in ("parts", "mapping", "preset") else None
