"""What a canary may say, by itself and with the upstream and the tags of the APIs it is bound to."""

from __future__ import annotations

from typing import Any

import pytest

from menshen.config.route_rules import CanaryRule, Share
from tests.config.samples import load, problems, sound, the_problem

V2 = [{"version": "v2"}]


def canary(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The sound document with versions v2 and v3, the tag t, and a canary of these rules on its first group."""
    named = [{"name": f"r{number}", "to": V2, **rule} for number, rule in enumerate(rules)]
    return sound(
        upstreams__0__versions=[
            {"name": "v2", "endpoints": ["127.0.0.1:9002"]},
            {"name": "v3", "endpoints": ["127.0.0.1:9003"]},
        ],
        plugins__2={"name": "lifted", "type": "Tag", "tags": [{"in": "query", "name": "t"}]},
        plugins__3={"name": "grey", "type": "Canary", "rules": named, **more},
        bindings__1={"plugin": "lifted", "group": "mall"},
        bindings__2={"plugin": "grey", "group": "mall"},
    )


def rules_of(raw: dict[str, Any], route_id: str = "mall/order") -> tuple[CanaryRule, ...]:
    return next(route.canary for route in load(raw).snapshot.routes if route.id == route_id)


def test_rules_are_tried_by_priority_then_as_written_and_not_when_off() -> None:
    rules = rules_of(canary({"priority": 2}, {"priority": 1}, {"enabled": False}, {"priority": 1}, {}))
    assert [rule.name for rule in rules] == ["r4", "r1", "r3", "r0"]


def test_rules_of_group_and_api_are_tried_together() -> None:
    raw = canary({"priority": 5}, {"priority": 1})
    raw["plugins"].append({"name": "own", "type": "Canary", "rules": [{"name": "mine", "priority": 3, "to": V2}]})
    raw["bindings"].append({"plugin": "own", "api": "mall/order"})
    assert [rule.salt for rule in rules_of(raw)] == ["grey/r1", "own/mine", "grey/r0"]
    assert [rule.salt for rule in rules_of(raw, "mall/login")] == ["grey/r1", "grey/r0"]


@pytest.mark.parametrize(
    ("to", "spans"),
    [
        ((Share("v2", 100),), (("v2", 0, 100),)),
        ((Share("v2", 5),), (("v2", 0, 5), ("default", 5, 100))),
        ((Share("v2", 5), Share("v3", 10)), (("v2", 0, 5), ("v3", 5, 15), ("default", 15, 100))),
        ((Share("v2", 99), Share("default", 1)), (("v2", 0, 99), ("default", 99, 100))),
    ],
)
def test_weights_share_a_hundred_buckets(to: tuple[Share, ...], spans: object) -> None:
    assert CanaryRule("r", "c", to).spans() == spans


@pytest.mark.parametrize(
    ("rule", "path", "message"),
    [
        ({"to": [{"version": "v2", "weight": 60}, {"version": "v3", "weight": 41}]}, "", "over 100 together"),
        ({"to": [{"version": "v2", "weight": 1}, {"version": "v2", "weight": 1}]}, "", "in to twice"),
        ({"to": []}, ".to", "at least 1"),
        ({"to": [{"version": "v2", "weight": 0}]}, ".to[0].weight", "1"),
        ({"to": [{"version": "v2", "weight": 101}]}, ".to[0].weight", "100"),
        ({"to": [{"version": "v2", "weight": 0.5}]}, ".to[0].weight", "whole number"),
        ({"to": [{"version": "v4"}]}, ".to[0].version", "no version 'v4'; there are: default, v2, v3"),
        ({"when": [{"tag": "u", "values": ["1"]}]}, ".when[0].tag", "no tag 'u'"),
        ({"when": [{"tag": "t", "values": ["1", "2"]}]}, ".when[0]", "EQUAL takes one value"),
        ({"when": [{"tag": "t", "op": "REGEX", "values": ["(?=a)"]}]}, ".when[0]", "RE2"),
        ({"when": [{"tag": "t", "op": "REGEX", "values": [r"(a)\1"]}]}, ".when[0]", "RE2"),
        ({"when": [{"tag": "t", "op": "REGEX", "values": ["((a{100}){100}){100}"]}]}, ".when[0]", "RE2"),
        ({"when": [{"tag": "t", "op": "REGEX", "values": [r"\x{5317}"]}]}, ".when[0]", "RE2"),
        ({"when": [{"tag": "t", "op": "REGEX", "values": ["[北上]海"]}]}, ".when[0]", "ASCII"),
        ({"when": [{"tag": "t", "op": "REGEX", "values": ["京?"]}]}, ".when[0]", "ASCII"),
        ({"when": [{"tag": "t", "op": "REGEX", "values": [r"\p{Han}+"]}]}, ".when[0]", "ASCII"),
        ({"priority": -1}, ".priority", "0"),
        ({"relation": "XOR"}, ".relation", "AND"),
    ],
)
def test_what_is_refused(rule: dict[str, Any], path: str, message: str) -> None:
    problem = the_problem(canary(rule))
    assert problem.path == f"plugins[3].rules[0]{path}"
    assert message in problem.message


def test_a_problem_of_a_group_is_told_once() -> None:
    assert len(problems(canary({"to": [{"version": "v4"}]}))) == 1


def test_two_rules_of_a_name_would_share_their_users() -> None:
    assert "two rules have the same name" in the_problem(canary({"name": "r"}, {"name": "r"})).message


@pytest.mark.parametrize("name", ["default", "v2"])
def test_versions_are_told_apart(name: str) -> None:
    raw = canary({})
    raw["upstreams"][0]["versions"].append({"name": name, "endpoints": ["127.0.0.1:9004"]})
    problem = the_problem(raw)
    assert (problem.path, problem.message) == (
        "upstreams[0].versions[2].name",
        f"the version '{name}' is there already",
    )


def test_a_version_must_be_of_the_upstream_of_the_group_that_it_is_bound_to() -> None:
    raw = canary({})
    raw["upstreams"].append({"name": "other", "endpoints": ["127.0.0.1:9005"]})
    raw["groups"][1]["upstream"] = "other"
    raw["bindings"].append({"plugin": "grey", "group": "open"})
    problem = the_problem(raw)
    assert problem.path == "plugins[3].rules[0].to[0].version"
    assert "'open/news'" in problem.message
    assert "there are: default" in problem.message


def test_expressions_may_have_letters_outside_ascii_where_they_stand_for_themselves() -> None:
    raw = canary({"when": [{"tag": "t", "op": "REGEX", "values": ["(北京|上海)市.*|[^a]+"]}]})
    assert rules_of(raw)[0].when[0][1].values == ("(北京|上海)市.*|[^a]+",)
