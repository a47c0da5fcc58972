"""Tags and colouring as operators write them: what is taken, and what is refused at which key."""

from __future__ import annotations

from typing import Any

import pytest

from menshen.config.route_rules import Action, ClientTag, Condition, Parameter, TransformRules

from .samples import load, problems, sound, the_problem

HEADER_TAG = {"in": "header", "name": "X-Lang"}
COLOUR = {"tag": "lane", "value": "blue"}


def tag(*tags: dict[str, Any], name: str = "lift") -> dict[str, Any]:
    return {"name": name, "type": "Tag", "tags": list(tags)}


def colour(*actions: dict[str, Any], filters: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    return {"name": "colour", "type": "ReqTransformer", "actions": list(actions), "filters": filters or [], **more}


def bound(*plugins: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The sound document with these plugins, all on the group ``mall``, which has a login plugin."""
    raw = sound(**changes)
    raw["plugins"] += plugins
    raw["bindings"] += [{"plugin": plugin["name"], "group": "mall"} for plugin in plugins]
    return raw


def route_of(raw: dict[str, Any], name: str = "mall/order") -> Any:
    (found,) = (route for route in load(raw).snapshot.routes if route.id == name)
    return found


def lifted(**tag_keys: Any) -> dict[str, Any]:
    return bound(tag({**tag_keys}))


def test_a_tag_is_called_like_its_parameter_unless_it_has_a_name() -> None:
    plugin = tag(
        {"in": "path", "name": "/orders/{orderId}"},
        {"in": "query", "name": "City"},
        {"in": "header", "name": "X-Lang", "tag": "language"},
        {"in": "cookie", "name": "theme", "trace_id": True},
    )
    assert route_of(bound(plugin)).tags == (
        ClientTag("orderid", Parameter("path", "/orders/{orderId}")),
        ClientTag("city", Parameter("query", "City")),
        ClientTag("language", Parameter("header", "x-lang")),
        ClientTag("theme", Parameter("cookie", "theme"), trace_id=True),
    )


def test_a_login_plugin_lifts_as_well() -> None:
    raw = sound(plugins__0__tags={"request": [{"in": "query", "name": "city"}], "identity": ["platform"]})
    route = route_of(raw)
    assert route.tags == (ClientTag("city", Parameter("query", "city")),)
    assert route.identity_tags == ("platform",)
    # Of a public API nobody is known; what the request says is there.
    assert route_of(raw, "mall/assets").identity_tags == ()
    assert route_of(raw, "mall/assets").tags == route.tags


def test_a_public_api_keeps_its_tags_and_loses_no_rule() -> None:
    assert route_of(bound(tag(HEADER_TAG), colour(COLOUR)), "mall/assets").transforms != ()


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ({"in": "body", "name": "a"}, "in"),
        ({"in": "query", "name": ""}, ""),
        ({"in": "query", "name": "a b"}, ""),
        ({"in": "header", "name": "x:y"}, ""),
        ({"in": "cookie", "name": "a;b"}, ""),
        ({"in": "query", "name": "城市", "tag": "city"}, ""),
        ({"in": "path", "name": "/orders"}, ""),
        ({"in": "path", "name": "orders/{id}"}, ""),
        ({"in": "path", "name": "/orders/{id"}, ""),
        ({"in": "path", "name": "/orders/{id}/{id}"}, ""),
        ({"in": "query", "name": "a", "tag": "Upper"}, "tag"),
        ({"in": "query", "name": "a", "tag": "a" * 33}, "tag"),
        ({"in": "query", "name": "a" * 33}, ""),
        ({"in": "query", "name": "a", "tag": "a.b"}, "tag"),
        ({"in": "query", "name": "a", "tag": "a-"}, "tag"),
        ({"in": "query", "name": "a", "tag": "1a"}, "tag"),
        ({"in": "query", "name": "a", "extra": 1}, "extra"),
    ],
)
def test_class_53_what_no_tag_can_be(keys: dict[str, Any], path: str) -> None:
    assert the_problem(lifted(**keys)).path == ".".join(part for part in ("plugins[2].tags[0]", path) if part)


@pytest.mark.parametrize(
    ("keys", "changes"),
    [
        ({"in": "header", "name": "User_Session"}, {}),
        ({"in": "header", "name": "user-session"}, {}),
        ({"in": "header", "name": "JS_CODE"}, {}),
        ({"in": "query", "name": "js_code"}, {"plugins__0__code": {"in": "query", "name": "js_code"}}),
        ({"in": "cookie", "name": "sid"}, {"plugins__0__session": {"name": "sid", "return_in": "cookie"}}),
        ({"in": "query", "name": "sid"}, {"plugins__0__session": {"name": "sid", "request_in": "query"}}),
        ({"in": "header", "name": "authorization"}, {}),
        ({"in": "header", "name": "cookie"}, {}),
        ({"in": "header", "name": "x-mg-sign"}, {}),
        ({"in": "query", "name": "secret"}, {}),
        ({"in": "cookie", "name": "app-secret"}, {}),
        ({"in": "header", "name": "appsecret"}, {}),
    ],
)
def test_class_10_no_credential_becomes_a_tag(keys: dict[str, Any], changes: dict[str, Any]) -> None:
    problem = the_problem(bound(tag({**keys, "tag": "it"}), **changes))
    assert problem.path == "plugins[2].tags[0].name"
    assert "credential" in problem.message or "reserved" in problem.message


def test_class_10_nor_by_a_login_plugin_or_where_it_is_another_guards() -> None:
    raw = sound(plugins__0__tags={"request": [{"in": "header", "name": "user_session"}]})
    assert the_problem(raw).path == "plugins[0].tags.request[0].name"
    token = {"in": "query", "name": "access"}
    checker = {"name": "checker", "type": "OAuth", "url": "https://auth.example.com/check", "token": token}
    raw = bound(tag({"in": "query", "name": "access"}), checker)
    assert "plugins[2].tags[0].name" in [problem.path for problem in problems(raw)]


def test_the_same_name_at_another_position_is_no_credential() -> None:
    load(lifted(**{"in": "query", "name": "user_session", "tag": "page"}))


@pytest.mark.parametrize(
    "name", ["x-menshen-user", "X_Menshen_Tag_City", "x-envoy-peer", "baggage", "traceparent", "host"]
)
def test_class_53_what_the_gateway_says_is_no_word_of_a_client(name: str) -> None:
    assert the_problem(lifted(**{"in": "header", "name": name, "tag": "it"})).path == "plugins[2].tags[0].name"


def test_class_53_an_identity_header_is_not_lifted() -> None:
    raw = bound(tag({"in": "header", "name": "x-wx-openid", "tag": "it"}), plugins__0__identity={"headers": "cloudrun"})
    assert the_problem(raw).path == "plugins[2].tags[0].name"


@pytest.mark.parametrize(
    "guard",
    [
        {"type": "Jwt", "issuer": "i", "jwks_url": "https://i.example.com/keys", "claims": {"sub": "X-Partner"}},
        {"type": "OAuth", "url": "https://c.example.com/check", "payload": "x_partner"},
        {"type": "ReqTransformer", "actions": [{"header": "x-partner", "value": "1"}]},
    ],
    ids=lambda guard: guard["type"],
)
def test_class_53_what_a_guard_tells_is_not_lifted(guard: dict[str, Any]) -> None:
    raw = bound(tag({"in": "header", "name": "X-Partner", "tag": "it"}), {"name": "guard", **guard})
    assert the_problem(raw).path == "plugins[2].tags[0].name"


def test_class_53_one_api_has_one_tag_of_a_name_and_of_its_header() -> None:
    assert (
        the_problem(bound(tag(HEADER_TAG | {"tag": "a_b"}, {"in": "query", "name": "a-b"}))).path
        == "plugins[2].tags[1].name"
    )
    lift = tag({"in": "query", "name": "platform"})
    raw = bound(lift, plugins__0__tags={"identity": ["platform"]})
    assert the_problem(raw).path == "plugins[2].tags[0].name"
    assert "plugins[0].tags.identity[0]" in the_problem(raw).message
    assert the_problem(bound(lift, colour({"tag": "platform", "value": "x"}))).path == "plugins[3].actions[0].tag"


def test_two_actions_of_one_plugin_may_set_one_tag() -> None:
    load(bound(colour({"weight": 10, **COLOUR}, {"weight": 10, "tag": "lane", "value": "green"})))


def test_sixteen_tags_are_enough() -> None:
    many = [{"in": "query", "name": f"q{n}"} for n in range(16)]
    load(bound(tag(*many)))
    assert the_problem(bound(tag(*many, {"in": "query", "name": "q16"}))).path == "plugins[2].tags"
    problem = the_problem(bound(tag(*many), tag({"in": "query", "name": "q16"}, name="more")))
    assert problem.path == "plugins[3].tags[0].name"
    assert "16" in problem.message


def test_class_53_a_second_trace_id_is_refused() -> None:
    first = {"in": "query", "name": "order", "trace_id": True}
    assert (
        the_problem(bound(tag(first, {"in": "query", "name": "b", "trace_id": True}))).path
        == "plugins[2].tags[1].trace_id"
    )
    raw = bound(tag(first), plugins__0__tags={"request": [{"in": "query", "name": "b", "trace_id": True}]})
    assert the_problem(raw).path == "plugins[2].tags[0].trace_id"
    # On different APIs each has its own.
    raw = sound(plugins__2=tag(first), plugins__3=tag(first, name="other"))
    raw["bindings"] += [{"plugin": "lift", "api": "mall/order"}, {"plugin": "other", "api": "mall/assets"}]
    load(raw)


def test_a_colouring_comes_to_rules() -> None:
    plugin = colour(
        {"weight": 30, **COLOUR},
        {"weight": 20, "header": "X-Lane", "value": "green %"},
        filters=[
            {"in": "header", "name": "User-Agent", "op": "REGEX", "values": [".*iPhone.*"]},
            {"in": "query", "name": "City", "op": "IN", "values": ["上海", ""]},
        ],
    )
    assert route_of(bound(plugin)).transforms == (
        TransformRules(
            "colour",
            (
                (Parameter("header", "user-agent"), Condition("REGEX", (".*iPhone.*",))),
                (Parameter("query", "City"), Condition("IN", ("上海", ""))),
            ),
            (Action(30, "blue", "lane"), Action(20, "green %", "", "x-lane")),
        ),
    )


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ({"actions": []}, "actions"),
        ({"actions": [{"value": "a"}]}, "actions[0]"),
        ({"actions": [{"value": "a", "tag": "a", "header": "x-a"}]}, "actions[0]"),
        ({"actions": [{"value": "", "tag": "a"}]}, "actions[0]"),
        ({"actions": [{"value": "a\nb", "tag": "a"}]}, "actions[0].value"),
        ({"actions": [{"value": "a" * 129, "tag": "a"}]}, "actions[0].value"),
        ({"actions": [{"value": "上", "header": "x-a"}]}, "actions[0]"),
        ({"actions": [{"value": " a", "header": "x-a"}]}, "actions[0]"),
        ({"actions": [{"value": "a", "header": "x a"}]}, "actions[0].header"),
        ({"actions": [{"value": "a", "tag": "a", "weight": 0}]}, "actions[0].weight"),
        ({"actions": [{"value": "a", "tag": "a", "weight": 101}]}, "actions[0].weight"),
        ({"actions": [{"value": "a", "tag": "a", "weight": 60}, {"value": "b", "tag": "a", "weight": 41}]}, ""),
        ({"filters": [{"in": "query", "name": "a", "values": []}]}, "filters[0].values"),
        ({"filters": [{"in": "query", "name": "a", "values": ["a", "b"]}]}, "filters[0]"),
        ({"filters": [{"in": "query", "name": "a", "op": "LIKE", "values": ["a"]}]}, "filters[0].op"),
        ({"filters": [{"in": "query", "name": "a", "op": "REGEX", "values": ["("]}]}, "filters[0]"),
        ({"filters": [{"in": "query", "name": "a", "op": "REGEX", "values": ["(?=a)"]}]}, "filters[0]"),
        ({"filters": [{"in": "query", "name": "a", "op": "REGEX", "values": ["[上海]"]}]}, "filters[0]"),
        ({"filters": [{"in": "path", "name": "/a", "values": ["a"]}]}, "filters[0]"),
        ({"filters": [{"in": "query", "name": "a b", "values": ["a"]}]}, "filters[0]"),
    ],
)
def test_what_no_colouring_can_be(keys: dict[str, Any], path: str) -> None:
    raw = bound({**colour(COLOUR), **keys})
    assert the_problem(raw).path == ".".join(part for part in ("plugins[2]", path) if part)


@pytest.mark.parametrize(
    "header", ["X-Menshen-User", "x_menshen_tag_city", "baggage", "authorization", "user_session", "cookie"]
)
def test_class_53_no_colouring_writes_what_others_are_known_by(header: str) -> None:
    raw = bound(colour({"header": header, "value": "a"}))
    assert the_problem(raw).path == "plugins[2].actions[0].header"


def test_class_53_nor_an_identity_header_of_the_same_api() -> None:
    raw = bound(colour({"header": "X-WX-OpenId", "value": "a"}), plugins__0__identity={"headers": "cloudrun"})
    assert the_problem(raw).path == "plugins[2].actions[0].header"
