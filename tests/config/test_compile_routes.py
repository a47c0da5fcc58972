"""APIs with their effective plugins to routes."""

from __future__ import annotations

from typing import Any

import pytest

from menshen.config.identity import PRESETS
from menshen.config.route_rules import ClientTag, Condition, LimitRule, Parameter, Share
from menshen.config.snapshot import Route, TracingRules, decode_snapshot, encode_snapshot
from tests.config.samples import load, sound, the_problem

JWKS = {
    "keys": [
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        }
    ]
}
"""Of RFC 7517, A.1."""
TAGS = {"name": "tags", "type": "Tag", "tags": [{"in": "header", "name": "X-City", "tag": "city"}]}
MORE = {"name": "more", "type": "Tag", "tags": [{"in": "path", "name": "/orders/{id}", "trace_id": True}]}
JWT = {"name": "partner", "type": "Jwt", "issuer": "i", "jwks": JWKS, "claims": {"sub": "X-Partner"}}
OAUTH = {"name": "checker", "type": "OAuth", "url": "http://127.0.0.1:1/check", "payload": "X-Payload"}
KEYS = {"name": "servers", "type": "KeyPair", "keys": [{"id": "erp", "secret": "a-secret-of-sixteen"}]}


def routes(plugins: list[dict[str, Any]], bindings: list[dict[str, str]], **changes: Any) -> dict[str, Route]:
    document = sound(**changes)
    document["plugins"] += plugins
    document["bindings"] += bindings
    return {route.id: route for route in load(document).snapshot.routes}


def test_plugins_of_group_and_api_are_put_together() -> None:
    found = routes([TAGS, MORE], [{"plugin": "more", "api": "mall/order"}, {"plugin": "tags", "group": "mall"}])
    city = ClientTag("city", Parameter("header", "x-city"))
    assert found["mall/login"].tags == (city,)
    assert found["mall/order"].tags == (city, ClientTag("id", Parameter("path", "/orders/{id}"), trace_id=True))
    assert found["open/news"].tags == ()


def test_a_login_plugins_own_tags_are_where_it_is_bound() -> None:
    tags = {"identity": ["nickname", "app"], "request": [{"in": "cookie", "name": "Lang"}]}
    found = routes([], [], plugins__0__tags=tags)
    assert found["mall/order"].identity_tags == ("nickname", "app")
    assert found["mall/order"].tags == (ClientTag("lang", Parameter("cookie", "Lang")),)
    # A public API knows nobody, and lifts what a client sends all the same.
    assert found["mall/assets"].identity_tags == ()
    assert [tag.tag for tag in found["mall/assets"].tags] == ["lang"]


def test_rules_are_in_the_order_in_which_they_are_tried() -> None:
    def rule(name: str, priority: int, **more: Any) -> dict[str, Any]:
        return {"name": name, "priority": priority, "to": [{"version": "default"}], **more}

    near = {"name": "near", "type": "Canary", "rules": [rule("c", 5), rule("off", 0, enabled=False)]}
    far = {"name": "far", "type": "Canary", "rules": [rule("a", 5), rule("b", 1)]}
    bindings = [{"plugin": "near", "api": "mall/order"}, {"plugin": "far", "group": "mall"}]
    found = routes([near, far], bindings)
    assert [rule.salt for rule in found["mall/order"].canary] == ["far/b", "far/a", "near/c"]


def test_a_canary_rule() -> None:
    when = [{"tag": "city", "op": "IN", "values": ["a", "b"]}]
    rule = {"name": "r", "relation": "OR", "when": when, "to": [{"version": "v2", "weight": 10}], "sticky": False}
    canary = {"name": "c", "type": "Canary", "rules": [rule]}
    versions = [{"name": "v2", "endpoints": ["127.0.0.1:9002"]}]
    found = routes(
        [TAGS, canary],
        [{"plugin": "tags", "group": "mall"}, {"plugin": "c", "group": "mall"}],
        upstreams__0__versions=versions,
    )
    (made,) = found["mall/order"].canary
    assert (made.to, made.when) == ((Share("v2", 10),), (("city", Condition("IN", ("a", "b"))),))
    assert (made.relation, made.sticky, made.salt) == ("OR", False, "c/r")


@pytest.mark.parametrize(
    ("by", "bound", "scope"),
    [
        ("api", {"group": "mall"}, "slow@mall/order#0"),
        ("group", {"group": "mall"}, "slow@mall#0"),
        ("user", {"group": "mall"}, "slow@mall#0"),
        ("ip", {"api": "mall/order"}, "slow@mall/order#0"),
    ],
)
def test_what_a_limit_counts_together(by: str, bound: dict[str, str], scope: str) -> None:
    slow = {"name": "slow", "type": "RateLimit", "limits": [{"by": by, "requests": 5}]}
    found = routes([slow], [{"plugin": "slow", **bound}])
    assert found["mall/order"].limits == (LimitRule(scope, by, 5, 5),)  # type: ignore[arg-type]


def test_rewrites_are_by_order_and_then_as_written() -> None:
    def rewrite(name: str, *orders: int) -> dict[str, Any]:
        rules = [{"regex": f"/{name}{order}", "replacement": "/x", "order": order} for order in orders]
        return {"name": name, "type": "PathRewrite", "rules": rules}

    bindings = [{"plugin": "b", "api": "mall/order"}, {"plugin": "a", "group": "mall"}]
    found = routes([rewrite("a", 7, 2), rewrite("b", 7, 1)], bindings)
    assert [rule.regex for rule in found["mall/order"].rewrites] == ["/b1", "/a2", "/a7", "/b7"]


@pytest.mark.parametrize(("plugin", "header"), [(JWT, "x-partner"), (OAUTH, "x-payload"), (KEYS, "x-menshen-caller")])
def test_a_guard_closes_an_api_without_a_login_plugin(plugin: dict[str, Any], header: str) -> None:
    found = routes([plugin], [{"plugin": plugin["name"], "group": "open"}])
    news = found["open/news"]
    assert (news.access, news.login) == ("required", None)
    assert [guard is not None for guard in (news.jwt, news.oauth, news.key_pair)].count(True) == 1
    assert news.asks_brain == (plugin is not JWT)
    # Set always, and for a caller whom nobody knows the usual set as well.
    assert set(news.identity_headers) == {header, *(name for _, name in PRESETS["menshen"])}


@pytest.mark.parametrize("plugin", [JWT, OAUTH, KEYS], ids=lambda plugin: str(plugin["type"]))
def test_public_takes_every_guard_off_and_keeps_its_headers(plugin: dict[str, Any]) -> None:
    found = routes([plugin], [{"plugin": plugin["name"], "group": "mall"}])
    closed, public = found["mall/order"], found["mall/assets"]
    assert closed.login is not None
    assert (public.login, public.jwt, public.oauth, public.key_pair) == (None, None, None, None)
    assert public.identity_headers == closed.identity_headers


def test_access_may_name_any_guard() -> None:
    found = routes([JWT], [{"plugin": "partner", "group": "open"}], groups__1__apis__0__access="optional")
    assert found["open/news"].access == "optional"
    assert the_problem(sound(groups__1__apis__0__access="optional")).path == "groups[1].apis[0].access"


def test_a_snapshot_with_plugins_survives_its_way_to_a_worker() -> None:
    document = sound()
    document["plugins"] += [TAGS, MORE, JWT, OAUTH, KEYS]
    document["bindings"] += [{"plugin": plugin["name"], "group": "mall"} for plugin in (TAGS, JWT, OAUTH, KEYS)]
    document["bindings"].append({"plugin": "more", "api": "mall/order"})
    snapshot = load(document).snapshot
    assert decode_snapshot(encode_snapshot(snapshot)) == snapshot
    assert snapshot.sealed() == snapshot


def test_a_trace_id_needs_a_trace_and_nothing_else_does() -> None:
    document = sound()
    assert load(document).snapshot.tracing is None
    document["plugins"].append(MORE)
    assert load(document).snapshot.tracing is None
    document["bindings"].append({"plugin": "more", "api": "mall/order"})
    assert load(document).snapshot.tracing == TracingRules()
