"""The pages of the plugin interface say what the code does, and their code runs."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import pytest

from menshen.config.custom_types import PluginRoute
from menshen.gateway.plugin_envoy import FILTERS
from menshen.gateway.plugin_loading import PluginCode
from menshen.gateway.plugins import GROUP, Pass, PluginIdentity, PluginRequest, Refuse
from tests.docs.test_docs import blocks, text
from tests.gateway.plugin_types import types_of

PAGES = ("docs/reference/plugin-interface.md", "docs/reference/plugin-interface.zh-CN.md")
HOW_TO = ("docs/how-to/write-a-plugin.md", "docs/how-to/write-a-plugin.zh-CN.md")


@pytest.mark.parametrize("page", PAGES)
def test_everything_that_a_plugin_is_shown_is_documented(page: str) -> None:
    shown = {field.name for kind in (PluginRequest, PluginIdentity, PluginRoute) for field in fields(kind)}
    here = text(page)
    assert [name for name in sorted({GROUP, *shown}) if f"`{name}`" not in here and f" {name}," not in here
            and f" {name}\n" not in here and f"：{name}、" not in here and f"、{name}" not in here] == []  # fmt: skip
    assert {f"…{kind.removeprefix('envoy.extensions.filters.http.')}" for kind in FILTERS} == {
        word for word in here.split("`") if word.startswith("…") and ".v3." in word
    }


@pytest.mark.parametrize("page", PAGES)
def test_every_part_of_a_type_is_documented(page: str) -> None:
    own = {"parameters": "Parameters", "filter": "envoy_filter", "decide": "decide(", "envoy": "envoy("}
    parts = [own.get(field.name, field.name) for field in fields(PluginCode) if field.name != "filter_type"]
    assert [part for part in parts if f"`{part}" not in text(page)] == []


@pytest.mark.parametrize("page", HOW_TO)
def test_the_type_in_the_page_holds_and_its_test_passes(page: str) -> None:
    kind, test = blocks(page, "python")
    made: dict[str, Any] = {}
    exec(compile(kind, page, "exec"), made)
    exec(compile(test, page, "exec"), made)
    made["test_guests_are_refused"]()
    level = made["MemberLevel"]
    installed = types_of(MemberLevel=level).installed("MemberLevel")
    assert installed is not None
    assert installed.broken == ""
    member = SimpleNamespace(identity=SimpleNamespace(claims={"level": "3"}))
    assert level().decide(level.Parameters(least=3), member) == Pass({"x-menshen-plugin-level": "3"}, {"level": "3"})
    for identity in (None, SimpleNamespace(claims={}), SimpleNamespace(claims={"level": "²"})):
        assert isinstance(level().decide(level.Parameters(), SimpleNamespace(identity=identity)), Refuse)
