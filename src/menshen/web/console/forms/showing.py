"""A form as its template draws it: fields with words, what was typed in them, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from markupsafe import Markup

from menshen.config.environment import has_reference
from menshen.config.wording import Loc, render_path
from menshen.web.console.forms.field import Field, Kind
from menshen.web.console.forms.filling import OWN, Typed, first, named
from menshen.web.console.forms.quoting import typed_lines
from menshen.web.console.forms.words import Words

__all__ = ["Drawn", "Option", "Row", "Widget", "drawn"]

_SPARE: Final = "0"
_NO_ID: Final = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    shown: str


@dataclass(frozen=True, slots=True)
class Row:
    """An item of a list, or a row of a mapping. ``path`` is its place in the part."""

    label: str
    name: str
    widgets: tuple[Widget, ...] = ()
    key: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Widget:
    """A field. ``key`` is its way in the part, without labels: ``session.kind``. ``values`` are what was typed.

    ``keys`` are the keys that a mapping may have, where they are known. ``none``: an empty list is typed ``[]``.

    ``kept`` of a secret says what is there: "" for none, ``set``, or the ``${NAME}`` that it comes from.
    """

    name: str
    key: str
    kind: Kind
    label: str
    hint: Markup
    unit: str = ""
    required: bool = False
    nullable: bool = False
    placeholder: str = ""
    values: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    keys: tuple[Option, ...] = ()
    suggestions: tuple[str, ...] = ()
    widgets: tuple[Widget, ...] = ()
    rows: tuple[Row, ...] = ()
    on: bool = False
    kept: str = ""
    none: bool = False
    problems: tuple[str, ...] = ()
    focus: bool = False

    @property
    def id(self) -> str:
        """Its name as part of an id that needs no quoting in a selector, with which a script finds it again."""
        return _NO_ID.sub("-", self.name)

    @property
    def value(self) -> str:
        return next(iter(self.values), "")

    @property
    def wrong(self) -> bool:
        """Whether anything in it is."""
        return bool(self.problems) or any(each.wrong for each in self._all())

    def _all(self) -> Iterator[Widget]:
        yield from self.widgets
        for row in self.rows:
            yield from row.widgets


@dataclass(frozen=True, slots=True)
class Drawn:
    """``problems`` are those of no field, each with its path."""

    widgets: tuple[Widget, ...]
    problems: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Drawing:
    words: Words
    locale: str
    typed: Typed
    offered: Mapping[str, Sequence[Option]]
    suggested: Mapping[str, Sequence[str]]
    problems: Mapping[str, list[str]]
    labels: Mapping[str, str]
    focus: str = ""
    focused: bool = field(default=False)


def drawn(
    fields: Iterable[Field],
    typed: Typed,
    before: Mapping[str, Any],
    words: Words,
    locale: str,
    *,
    problems: Iterable[tuple[str, str]] = (),
    offered: Mapping[str, Sequence[Option]] | None = None,
    suggested: Mapping[str, Sequence[str]] | None = None,
    labels: Mapping[str, str] | None = None,
    focus: str = "",
) -> Drawn:
    """``problems`` are paths in the part, each with a sentence. ``focus`` is the name of what is new.

    ``offered`` makes a choice of a text, by the field's path; ``suggested`` are texts that a browser offers;
    ``labels`` go before those of ``words``.
    """
    fields = tuple(fields)
    places = set(_places(fields, typed, "", ()))
    at: dict[str, list[str]] = {}
    left: list[tuple[str, str]] = []
    for path, told in problems:
        place = _nearest(path, places)
        if place is None:
            left.append((path, told))
        else:
            at.setdefault(place, []).append(told)
    drawing = _Drawing(words, locale, typed, offered or {}, suggested or {}, at, labels or {}, focus)
    return Drawn(tuple(_widgets(drawing, fields, before, "", "", ())), tuple(left))


def _nearest(path: str, places: set[str]) -> str | None:
    while path:
        if path in places:
            return path
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return None


def _places(fields: Iterable[Field], typed: Typed, at: str, loc: Loc) -> Iterator[str]:
    """Every place that has a widget."""
    for each in fields:
        name, here = named(at, each.key), (*loc, each.key)
        yield render_path(here)
        if each.kind == "part":
            yield from _places(each.fields, typed, name, here)
        if each.kind == "parts":
            for index, label in enumerate(typed.get(f"{name}:items", ())):
                yield from _places(each.fields, typed, f"{name}[{label}]", (*here, index))


def _widgets(
    drawing: _Drawing, fields: Iterable[Field], before: Mapping[str, Any], at: str, key: str, loc: Loc
) -> Iterator[Widget]:
    for each in fields:
        yield _widget(drawing, each, before, named(at, each.key), named(key, each.key), (*loc, each.key))


def _widget(drawing: _Drawing, each: Field, before: Mapping[str, Any], name: str, key: str, loc: Loc) -> Widget:
    typed, words, locale = drawing.typed, drawing.words, drawing.locale
    problems = tuple(drawing.problems.get(render_path(loc), ()))
    new = bool(drawing.focus) and name.startswith(drawing.focus)
    focus = not drawing.focused and (bool(problems) or new) and each.kind not in ("part", "parts")
    drawing.focused = drawing.focused or focus
    had = before.get(each.key)
    inner: tuple[Widget, ...] = ()
    rows: tuple[Row, ...] = ()
    if each.kind == "part":
        inner = tuple(_widgets(drawing, each.fields, had if isinstance(had, Mapping) else {}, name, key, loc))
    elif each.kind == "parts":
        rows = tuple(_items(drawing, each, had if isinstance(had, list) else [], name, key, loc))
    elif each.kind in ("mapping", "preset"):
        rows = tuple(_rows(typed, name))
    return Widget(
        name=name,
        key=key,
        kind="choice" if each.path in drawing.offered else each.kind,
        label=drawing.labels.get(each.path) or words.label(each, locale),
        hint=words.hint(each, locale),
        unit=words.unit(each, locale),
        required=each.required and each.kind != "flag",
        nullable=each.nullable,
        placeholder=_placeholder(each),
        values=tuple(typed.get(name, ())),
        options=_options(drawing, each, first(typed, name)),
        keys=_keys(drawing, each),
        suggestions=tuple(drawing.suggested.get(each.path, ())),
        widgets=inner,
        rows=rows,
        on=bool(first(typed, f"{name}:on")),
        kept=_kept(had) if each.kind == "secret" else "",
        none=each.kind == "texts" and bool(each.default),
        problems=problems,
        focus=focus,
    )


def _options(drawing: _Drawing, each: Field, value: str) -> tuple[Option, ...]:
    if each.kind == "mapping":
        return ()
    if each.path in drawing.offered:
        found = list(drawing.offered[each.path])
    else:
        found = [Option(word, drawing.words.choice(each, word, drawing.locale)) for word in each.options]
    if each.kind == "preset":
        return (*found, Option(OWN, ""))
    if value and each.kind != "choices" and all(option.value != value for option in found):
        found.append(Option(value, value))  # a ${NAME}, or what is there no more: it is shown, not swallowed
    return tuple(found)


def _keys(drawing: _Drawing, each: Field) -> tuple[Option, ...]:
    known = each.options if each.kind == "mapping" else each.fields[0].options if each.kind == "preset" else ()
    return tuple(Option(word, drawing.words.choice(each, word, drawing.locale)) for word in known)


def _items(drawing: _Drawing, each: Field, before: Sequence[Any], name: str, key: str, loc: Loc) -> Iterator[Row]:
    for index, label in enumerate(drawing.typed.get(f"{name}:items", ())):
        old = before[int(label)] if int(label) < len(before) else {}
        row = f"{name}[{label}]"
        widgets = _widgets(
            drawing, each.fields, old if isinstance(old, Mapping) else {}, row, f"{key}[]", (*loc, index)
        )
        yield Row(label, row, tuple(widgets))


def _rows(typed: Typed, name: str) -> Iterator[Row]:
    labels = typed.get(f"{name}:items") or [_SPARE]
    for label in labels:
        row = f"{name}[{label}]"
        yield Row(label, row, key=first(typed, f"{row}:key"), value=first(typed, f"{row}:value"))


def _placeholder(each: Field) -> str:
    if each.default is None or each.kind not in ("text", "number", "texts", "long"):
        return ""
    return typed_lines(each.default) if each.kind == "texts" else f"{each.default}"


def _kept(had: Any) -> str:
    if not isinstance(had, str):
        return ""
    return had if has_reference(had) else "set"
