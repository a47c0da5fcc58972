"""What an operator may write about rewritten paths."""

from __future__ import annotations

from typing import Any

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from menshen.config.plugins.path_rewrite import Rewrite
from menshen.config.route_rules import RewriteRule
from menshen.envoy.rewrites import UNSOUND_PATHS
from tests.config.samples import load, sound, the_problem


def document(*rules: dict[str, Any], name: str = "paths", target: str = "group", at: str = "open") -> dict[str, Any]:
    raw = sound()
    raw["plugins"].append({"name": name, "type": "PathRewrite", "rules": list(rules)})
    raw["bindings"].append({"plugin": name, target: at})
    return raw


def rule(**keys: Any) -> dict[str, Any]:
    return {"regex": "/open/a/(.*)", "replacement": "/b/$1", **keys}


def rules(raw: dict[str, Any]) -> tuple[RewriteRule, ...]:
    (found,) = (route.rewrites for route in load(raw).snapshot.routes if route.id == "open/news")
    return found


def test_the_least_that_can_be_written() -> None:
    assert rules(document(rule())) == (RewriteRule("/open/a/(.*)", "/b/$1", 1000, block=False),)


def test_order_is_by_number_then_group_before_api_then_as_written() -> None:
    raw = document(rule(replacement="/1"), rule(replacement="/2", order=2000), rule(replacement="/3", order=1))
    raw["plugins"].append(
        {"name": "own", "type": "PathRewrite", "rules": [rule(replacement="/4"), rule(replacement="/5", order=1)]}
    )
    raw["bindings"].append({"plugin": "own", "api": "open/news"})
    assert [each.replacement for each in rules(raw)] == ["/3", "/5", "/1", "/4", "/2"]


@pytest.mark.parametrize("order", [0, 2001, "1", 1.5])
def test_orders(order: object) -> None:
    assert the_problem(document(rule(order=order))).path == "plugins[2].rules[0].order"


@pytest.mark.parametrize(
    "replacement",
    [
        "",
        "b",
        "/$0",
        "/$10",
        "/$",
        "/\\1",
        "/a\\",
        "/a?b=$1",
        "/a#b",
        "/%61",
        "/a b",
        "/a;b",
        "/é",
        "/{id}",
        "/*",
        "//b",
        "/a//b",
        "/..",
        "/../b",
        "/a/../b",
        "/a/.",
        "/./a",
        "/" + "a" * 512,
    ],
)
def test_replacements_that_are_none(replacement: str) -> None:
    assert the_problem(document(rule(replacement=replacement))).path.startswith("plugins[2].rules[0]")


@pytest.mark.parametrize(
    ("regex", "replacement"),
    [
        ("/a", "/b/$1"),
        ("/(a)", "/b/$2"),
        ("/(?:a)", "/$1"),
    ],
)
def test_a_group_that_is_not_there(regex: str, replacement: str) -> None:
    assert "group that regex does not have" in the_problem(document(rule(regex=regex, replacement=replacement))).message


@pytest.mark.parametrize("regex", ["(", "a)(b", "(?=a)", r"(a)\1", r"/\Qabc", "/é", "a{1001}", "", "/" + "a" * 512])
def test_class_19_expressions_that_are_none(regex: str) -> None:
    assert the_problem(document(rule(regex=regex, replacement="/b"))).path.startswith("plugins[2].rules[0]")


@given(st.text("/ab.$1203\\%;?", min_size=1, max_size=8).map("/{}".format))
def test_class_12_a_replacement_without_groups_is_a_sound_path(replacement: str) -> None:
    """Nobody looks at such a path again when requests come."""
    try:
        made = Rewrite(regex="/(a)(b)", replacement=replacement).replacement
    except ValueError:
        return
    if "$" not in made:
        assert not re2.fullmatch(UNSOUND_PATHS, made)
