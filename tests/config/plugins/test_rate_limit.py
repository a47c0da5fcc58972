"""What an operator writes about limits, what is refused of it, and what is counted together."""

from __future__ import annotations

from typing import Any

import pytest

from menshen.config.route_rules import LimitRule
from tests.config.samples import load, problems, sound, the_problem


def document(*limits: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The plugin ``flood`` on the group ``mall``, which has a login plugin."""
    flood = {"name": "flood", "type": "RateLimit", "limits": list(limits)}
    return sound(**{"plugins__2": flood, "bindings__1": {"plugin": "flood", "group": "mall"}, **changes})


def on(api: str, raw: dict[str, Any]) -> list[LimitRule]:
    return list(next(route for route in load(raw).snapshot.routes if route.id == api).limits)


def scopes(api: str, raw: dict[str, Any]) -> list[str]:
    return [limit.scope for limit in on(api, raw)]


def test_burst_is_requests_unless_it_is_said() -> None:
    raw = document({"by": "user", "requests": 5}, {"by": "ip", "requests": 5, "burst": 50})
    assert [(limit.by, limit.requests, limit.burst) for limit in on("mall/order", raw)] == [
        ("user", 5, 5),
        ("ip", 5, 50),
    ]


@pytest.mark.parametrize(
    ("limit", "key"),
    [
        ({"by": "nobody", "requests": 1}, "by"),
        ({"by": "api"}, "requests"),
        ({"by": "api", "requests": 0}, "requests"),
        ({"by": "api", "requests": 0.5}, "requests"),
        ({"by": "api", "requests": 1_000_001}, "requests"),
        ({"by": "api", "requests": 1, "burst": 1_000_001}, "burst"),
        ({"by": "tag", "tag": "Shop Name", "requests": 1}, "tag"),
        ({"by": "api", "requests": 1, "per": "minute"}, "per"),
    ],
)
def test_a_value_that_is_none_is_refused_at_its_key(limit: dict[str, Any], key: str) -> None:
    assert the_problem(document(limit)).path == f"plugins[2].limits[0].{key}"


@pytest.mark.parametrize(
    "limit",
    [
        {"by": "tag", "requests": 1},
        {"by": "user", "tag": "shop", "requests": 1},
        {"by": "api", "requests": 10, "burst": 9},
    ],
)
def test_keys_that_do_not_go_together_are_refused(limit: dict[str, Any]) -> None:
    assert the_problem(document(limit)).path == "plugins[2].limits[0]"


def test_there_is_a_limit_and_not_more_than_sixteen() -> None:
    one = {"by": "api", "requests": 1}
    assert the_problem(document()).path == "plugins[2].limits"
    load(document(*[one] * 16))
    assert the_problem(document(*[one] * 17)).path == "plugins[2].limits"


def test_a_user_is_known_only_where_a_login_plugin_is() -> None:
    raw = document({"by": "user", "requests": 1}, bindings__1={"plugin": "flood", "group": "open"})
    problem = the_problem(raw)
    assert problem.path == "plugins[2].limits[0].by"
    assert "'open/news' knows no user" in problem.message


def test_a_tag_must_be_made_by_a_plugin_on_the_same_api() -> None:
    limit = {"by": "tag", "tag": "shop", "requests": 1}
    problem = the_problem(document(limit))
    assert problem.path == "plugins[2].limits[0].tag"
    assert "has no tag 'shop'" in problem.message
    tag = {"name": "by-shop", "type": "Tag", "tags": [{"in": "query", "name": "shop"}]}
    raw = document(limit, plugins__3=tag, bindings__2={"plugin": "by-shop", "group": "mall"})
    load(raw)
    elsewhere = document(limit, plugins__3=tag, bindings__2={"plugin": "by-shop", "api": "mall/order"})
    assert {problem.path for problem in problems(elsewhere)} == {"plugins[2].limits[0].tag"}


def test_an_api_is_counted_for_itself_and_a_group_as_one() -> None:
    raw = document({"by": "api", "requests": 1}, {"by": "group", "requests": 2})
    first, second = scopes("mall/order", raw), scopes("mall/assets", raw)
    assert first[0] != second[0]
    assert first[1] == second[1]
    each = [{"plugin": "flood", "api": f"mall/{api}"} for api in ("order", "assets")]
    by_api = document(*raw["plugins"][2]["limits"], bindings__1=each[0], bindings__2=each[1])
    assert scopes("mall/order", by_api) == first
    assert scopes("mall/assets", by_api) == second
    assert scopes("mall/login", by_api) == []


@pytest.mark.parametrize("by", ["user", "ip"])
def test_callers_are_counted_over_the_apis_of_a_binding(by: str) -> None:
    raw = document({"by": by, "requests": 1}, bindings__2={"plugin": "flood", "api": "mall/order"})
    assert scopes("mall/login", raw) == scopes("mall/assets", raw)
    # Bound twice it counts once, as the API's own.
    assert len(scopes("mall/order", raw)) == 1
    assert scopes("mall/order", raw) != scopes("mall/login", raw)


def test_every_limit_of_every_plugin_counts() -> None:
    limits = [{"by": "ip", "requests": 1}, {"by": "ip", "requests": 1}]
    more = {"name": "more", "type": "RateLimit", "limits": limits}
    raw = document(*limits, plugins__3=more, bindings__2={"plugin": "more", "api": "mall/order"})
    assert len(set(scopes("mall/order", raw))) == 4
    assert len(set(scopes("mall/login", raw))) == 2
