"""A part in a form and out of it again is the same part, whatever it says; and a form sends nothing of its own."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from menshen.config import apps, document
from menshen.config.plugins.registry import PARTS
from menshen.config.presets import presets
from menshen.web.console.forms.field import Field, defaulting, fields_of
from menshen.web.console.forms.filling import Typed, filled
from menshen.web.console.forms.quoting import read_lines, read_text, typed_lines, typed_text
from menshen.web.console.forms.reading import read_part
from tests.config.samples import sound
from tests.documents.samples import full

MODELS: dict[str, type[BaseModel]] = {
    "apps[].": apps.App,
    "upstreams[].": document.Upstream,
    "groups[].": document.Group,
    "groups[].apis[].": document.Api,
    "plugins[].": document.Plugin,
    "listener.": document.Listener,
    "tracing.": document.Tracing,
    "users.": document.Users,
    "webhooks[].": document.Webhook,
    **{f"{kind}.": model for kind, model in PARTS.items()},
}

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12) | st.sampled_from(
    ["", '""', '"', '"a"', "[]", " a ", "a\nb", "\t", "- a", "${NAME}", "***", "null", "1", "<b>", "'"]
)
WORD = st.text(string.ascii_letters + '-_"', min_size=1, max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def parts(fields: tuple[Field, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """Parts with any of these keys, sound or not."""
    every = {each.key: values(each) for each in fields}
    needed = {key: every[key] for key, each in zip(every, fields, strict=True) if each.required}
    return st.fixed_dictionaries(needed, optional={key: every[key] for key in every.keys() - needed.keys()})


def values(field: Field) -> st.SearchStrategy[Any]:
    match field.kind:
        case "part":
            return parts(field.fields)
        case "parts":
            return st.lists(parts(field.fields), min_size=1, max_size=3)
        case "flag":
            return st.booleans()
        case "number":
            return st.integers(0, 10**6) | st.floats(0, 10**6)
        case "choice":
            return st.sampled_from(field.options)
        case "choices":
            return st.lists(st.sampled_from(field.options), unique=True, min_size=1)
        case "texts":
            return st.lists(TEXT, min_size=0 if field.default else 1, max_size=4)
        case "mapping":
            return st.dictionaries(WORD, WORD, min_size=1, max_size=3)
        case "preset":
            return st.sampled_from(field.options) | values(Field(field.key, field.path, "mapping"))
        case "yaml":
            return st.dictionaries(TEXT, JSON, max_size=3)
        case "text" if not field.default and not field.nullable:
            return TEXT.filter(bool)
        case "long":
            return TEXT.filter(bool)
    return TEXT


def as_sent(typed: Typed) -> Typed:
    """As a browser sends it: line breaks as in HTTP."""
    return {name: [each.replace("\n", "\r\n") for each in values] for name, values in typed.items()}


def spare(fields: tuple[Field, ...], part: Mapping[str, Any]) -> dict[str, Any]:
    """The part without what a form does not write: defaults, and secrets, which it does not get."""
    kept: dict[str, Any] = {}
    for each in fields:
        value = part.get(each.key)
        if value is None or each.kind == "secret":
            continue
        if each.kind == "part":
            value = spare(each.fields, value)
            if not value and not each.nullable:
                continue
        elif each.kind == "parts":
            value = [spare(each.fields, item) for item in value]
        elif value == each.default and not each.required:
            continue
        kept[each.key] = value
    return kept


@pytest.mark.parametrize("at", MODELS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_part_comes_back_as_it_was(at: str, data: st.DataObject) -> None:
    fields = fields_of(MODELS[at], at)
    part = data.draw(parts(fields))
    typed = as_sent(filled(fields, part))
    assert read_part(fields, typed, part).part == part
    assert read_part(fields, typed, part).problems == []


@pytest.mark.parametrize("preset", list(presets()))
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_part_comes_back_as_it_was_from_a_form_that_shows_a_presets_values(preset: str, data: st.DataObject) -> None:
    fields = defaulting(fields_of(document.Plugin, "plugins[]."), presets()[preset])
    part = data.draw(parts(fields))
    assert read_part(fields, as_sent(filled(fields, part)), part).part == part


def test_a_part_of_a_preset_is_switched_off_by_a_null() -> None:
    fields = defaulting(fields_of(document.Plugin, "plugins[]."), presets()["book"])
    typed = filled(fields, {"preset": "book"})
    assert typed.pop("account:on") == ["on"]
    off = read_part(fields, typed, {"preset": "book"}).part
    assert off == {"preset": "book", "account": None}
    typed = filled(fields, off)
    assert "account:on" not in typed
    assert read_part(fields, typed, off).part == off


@pytest.mark.parametrize("at", MODELS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_form_alone_says_all_but_defaults_and_secrets(at: str, data: st.DataObject) -> None:
    fields = fields_of(MODELS[at], at)
    part = data.draw(parts(fields))
    assert read_part(fields, as_sent(filled(fields, part)), {}).part == spare(fields, part)


@pytest.mark.parametrize("at", MODELS)
def test_an_empty_form_says_nothing_but_that_lists_are_empty(at: str) -> None:
    fields = fields_of(MODELS[at], at)
    read = read_part(fields, as_sent(filled(fields, {})), {})
    assert read.part == {each.key: [] for each in fields if each.required and each.kind == "parts"}


@pytest.mark.parametrize("raw", [sound(), full()])
def test_parts_of_whole_documents_come_back(raw: dict[str, Any]) -> None:
    for section, model in (("apps", apps.App), ("upstreams", document.Upstream), ("groups", document.Group)):
        fields = fields_of(model, f"{section}[].")
        for part in raw[section]:
            assert read_part(fields, as_sent(filled(fields, part)), part).part == part


@given(text=TEXT)
def test_a_text_that_is_typed_is_read_as_it_was(text: str) -> None:
    assert typed_text(text)
    assert read_text(typed_text(text)) == text


@given(texts=st.lists(TEXT))
def test_lines_are_read_as_the_texts_that_they_were(texts: list[str]) -> None:
    assert read_lines(typed_lines(texts)) == texts


def test_secrets_are_in_no_form() -> None:
    for at, model in MODELS.items():
        fields = fields_of(model, at)
        for part in (*full()["apps"], *full()["plugins"], full()["users"], *full()["webhooks"]):
            assert "planted" not in repr(
                filled(fields, {k: v for k, v in part.items() if k in {f.key for f in fields}})
            )
