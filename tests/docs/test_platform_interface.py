"""The pages of the platform interface say what the code does, and their code runs."""

from __future__ import annotations

import inspect
from typing import Any, get_args, get_type_hints

import pytest

import menshen.errors
from menshen.platforms import base
from menshen.platforms.base import Platform, RefusedFor, TokenLogins
from menshen.platforms.installed import GROUP
from menshen.platforms.third_party import _APP_KEYS, held
from tests.docs.test_docs import blocks, text

PAGES = ("docs/reference/platform-interface.md", "docs/reference/platform-interface.zh-CN.md")
HOW_TO = ("docs/how-to/add-a-platform.md", "docs/how-to/add-a-platform.zh-CN.md")


def rows(page: str) -> dict[str, str]:
    """First cell of every row of a table that begins with code -> the rest of the row."""
    lines = [line.split("|") for line in text(page).splitlines() if line.startswith("| `")]
    return {cells[1].strip().strip("`"): "|".join(cells[2:]) for cells in lines}


def attributes() -> set[str]:
    return set(get_type_hints(Platform, vars(base)))


def calls() -> dict[str, str]:
    """Each method as the pages write it: its name -> name and parameters."""
    methods = {
        name: method
        for protocol in (Platform, TokenLogins)
        for name, method in vars(protocol).items()
        if inspect.isfunction(method) and not name.startswith("_")
    }
    return {
        name: f"{name}({', '.join([*inspect.signature(method).parameters][1:])})" for name, method in methods.items()
    }


@pytest.mark.parametrize("page", PAGES)
def test_every_attribute_and_every_method_is_documented_with_its_parameters_and_no_other(page: str) -> None:
    documented = {name for name in rows(page) if "、" not in name and "`" not in name and name[0].islower()}
    assert documented == attributes() | {"app_keys", "words"} | set(calls().values())


@pytest.mark.parametrize("page", PAGES)
def test_every_word_for_a_refusal_and_every_key_is_documented(page: str) -> None:
    told = rows(page)
    assert {word for word in get_args(RefusedFor) if f"`{word}`" not in told["refused_for"]} == set()
    assert {name for name in _APP_KEYS if f"`{name}`" not in told["app_keys"]} == set()
    assert f"`{GROUP}`" in text(page)


@pytest.mark.parametrize("page", PAGES)
def test_every_refusal_of_the_page_is_one(page: str) -> None:
    raised = {
        word
        for name in rows(page)
        for word in name.replace("`", "").replace("、", ", ").split(", ")
        if name[0].isupper()
    }
    assert raised
    assert [name for name in raised if not hasattr(menshen.errors, name) and not hasattr(base, name)] == []


@pytest.mark.parametrize("page", HOW_TO)
def test_the_platform_in_the_page_holds_has_sixty_lines_at_most_and_its_test_passes(page: str) -> None:
    module, test = blocks(page, "python")
    assert len(module.strip().splitlines()) <= 60
    made: dict[str, Any] = {}
    exec(compile(module, page, "exec"), made)
    exec(compile(test, page, "exec"), made)
    made["test_a_used_code"]()
    assert held("acme", made["Acme"]()).plugin_type == "AcmeMpLogin"


def test_both_pages_have_the_same_code() -> None:
    for language in ("python", "toml", "yaml"):
        assert blocks(HOW_TO[0], language) == blocks(HOW_TO[1], language)
