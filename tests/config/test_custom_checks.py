"""Plugins of installed types in a document: what must agree with the rest of it, and what routes become of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from menshen.config.custom_types import CustomType, CustomTypes, NotCompiled, PluginRoute
from menshen.config.loading import Loaded, read_mapping
from menshen.config.route_rules import EnvoyPart
from menshen.errors import ConfigInvalid, Problem
from tests.config.samples import ENV, PLATFORMS, PLUGIN_TYPES, sound

MINE: dict[str, Any] = {"name": "mine", "type": "Mine", "parameters": {"level": 1}}


def _problems(parameters: Mapping[str, Any]) -> Iterable[Problem]:
    return [] if parameters.get("level") == 1 else [Problem("level", "must be 1", "必须是 1")]


def mine(**changes: Any) -> CustomType:
    names: dict[str, Any] = {"headers": ("x-menshen-plugin-mine", "x-mine"), "tags": ("mine",), "problems": _problems}
    return CustomType(**{**names, **changes})


def load(raw: Mapping[str, Any], **types: CustomType) -> Loaded:
    known: CustomTypes = types
    return read_mapping(raw, env=ENV, plugin_types=PLUGIN_TYPES, platforms=PLATFORMS, types=known)


def said(raw: Mapping[str, Any], **types: CustomType) -> list[tuple[str, str]]:
    with pytest.raises(ConfigInvalid) as caught:
        load(raw, **types)
    assert all(problem.message_zh for problem in caught.value.problems)
    return [(problem.path, problem.message) for problem in caught.value.problems]


def document(*plugins: dict[str, Any], login: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """The sound document with these plugins on the API ``mall/order``, whose group has the login plugin."""
    shop = {"name": "shop-login", "type": "WeChatMpLogin", "app": "shop", **(login or {})}
    bindings = [{"plugin": "shop-login", "group": "mall"}]
    bindings += [{"plugin": each["name"], "api": "mall/order"} for each in plugins]
    return sound(plugins=[shop, *plugins], bindings=bindings, **changes)


def test_a_plugin_of_an_installed_type_is_on_its_routes() -> None:
    loaded = load(document(MINE), Mine=mine(reads=("x-read",), cookies=("crumb",)))
    routes = {route.api: route for route in loaded.snapshot.routes}
    (rules,) = routes["order"].custom
    assert (rules.plugin, rules.type, rules.parameters) == ("mine", "Mine", {"level": 1})
    assert (rules.headers, rules.tags) == (("x-menshen-plugin-mine", "x-mine"), ("mine",))
    assert (rules.reads, rules.cookies) == (("x-read",), ("crumb",))
    assert {"x-menshen-plugin-mine", "x-mine"} <= set(routes["order"].identity_headers)
    assert routes["login"].custom == ()
    assert "level" not in repr(rules)


def test_a_public_api_has_its_empty_headers_and_is_asked_nothing() -> None:
    def never(_: Mapping[str, Any], __: PluginRoute) -> EnvoyPart | None:
        raise NotCompiled("a public API needs no Envoy part")

    raw = document(MINE, groups__0__apis__1__access="public")
    order = next(route for route in load(raw, Mine=mine(compiled=never)).snapshot.routes if route.api == "order")
    assert (order.custom, order.asks_brain) == ((), False)
    assert "x-mine" in order.identity_headers


def test_alone_it_is_a_guard() -> None:
    raw = document(MINE)
    raw["bindings"] = [{"plugin": "mine", "api": "mall/order"}]
    order = next(route for route in load(raw, Mine=mine()).snapshot.routes if route.api == "order")
    assert (order.access, order.login, order.asks_brain) == ("required", None, True)


def test_of_a_group_and_its_api_both_are_asked_each_once() -> None:
    second = {**MINE, "name": "second"}
    raw = document(second)
    raw["plugins"].append(MINE)
    raw["bindings"] += [{"plugin": "mine", "group": "mall"}]
    order = next(route for route in load(raw, Mine=mine()).snapshot.routes if route.api == "order")
    assert [rules.plugin for rules in order.custom] == ["mine", "second"]


def test_a_type_that_is_not_there_or_broken_is_no_type() -> None:
    assert said(document(MINE)) == [
        ("plugins[1].type", "no plugin type is named 'Mine' here; is its package installed?")
    ]
    assert said(document(MINE), Mine=CustomType(broken="why not")) == [
        ("plugins[1].type", "the plugin type 'Mine' is broken: why not")
    ]


def test_a_wrong_parameter_has_its_place() -> None:
    raw = document({**MINE, "parameters": {"level": 2}})
    assert said(raw, Mine=mine()) == [("plugins[1].parameters.level", "must be 1")]


def test_parameters_read_the_environment_and_never_say_it() -> None:
    def repeats(parameters: Mapping[str, Any]) -> Iterable[Problem]:
        return [Problem("key", f"not {parameters['key']}", f"不是 {parameters['key']}")]

    raw = document({**MINE, "parameters": {"key": "${SHOP_APPSECRET}"}})
    ((path, message),) = said(raw, Mine=mine(problems=repeats))
    assert path == "plugins[1].parameters.key"
    assert ENV["SHOP_APPSECRET"] not in message


def test_an_envoy_part_that_does_not_compile_refuses_the_document_and_names_the_plugin() -> None:
    def breaks(_: Mapping[str, Any], route: PluginRoute) -> EnvoyPart | None:
        assert route == PluginRoute("mall/order", "mall", "order", "/mall/orders/{id}", ("GET", "POST"))
        raise NotCompiled("RuntimeError")

    why = "the plugin type 'Mine' cannot be compiled for Envoy on the API 'mall/order': RuntimeError"
    assert said(document(MINE), Mine=mine(compiled=breaks)) == [("plugins[1].parameters", why)]


def test_an_envoy_part_is_in_the_snapshot_and_its_checksum() -> None:
    def compiled(limit: int) -> CustomType:
        return mine(compiled=lambda _, __: EnvoyPart({"@type": "a"}, {"@type": "b", "limit": limit}))

    one, same, other = (load(document(MINE), Mine=compiled(limit)).snapshot for limit in (1, 1, 2))
    assert one.routes[1].custom[0].envoy == EnvoyPart({"@type": "a"}, {"@type": "b", "limit": 1})
    assert one.checksum == same.checksum != other.checksum


def test_class_53_tags_of_a_type_are_its_own() -> None:
    tag = {"name": "tag", "type": "Tag", "tags": [{"in": "query", "name": "mine"}]}
    assert said(document(tag, MINE), Mine=mine()) == [
        ("plugins[2].type", "the API 'mall/order' has the tag 'mine' already (plugins[1].tags[0].name)")
    ]


def test_rules_may_look_at_tags_of_a_type_and_at_no_other() -> None:
    def limits(tag: str) -> dict[str, Any]:
        return {"name": "limits", "type": "RateLimit", "limits": [{"by": "tag", "tag": tag, "requests": 1}]}

    assert load(document(MINE, limits("mine")), Mine=mine())
    ((path, _),) = said(document(MINE, limits("other")), Mine=mine())
    assert path == "plugins[2].limits[0].tag"


def test_two_plugins_of_one_type_mean_the_same() -> None:
    assert load(document(MINE, {**MINE, "name": "again"}), Mine=mine())


@pytest.mark.parametrize(
    ("other", "login"),
    [
        ({"name": "other", "type": "Other", "parameters": {}}, {}),
        ({"name": "other", "type": "OAuth", "url": "https://a.example.com/", "payload": "X_Mine"}, {}),
        (
            {
                "name": "other",
                "type": "ReqTransformer",
                "actions": [{"weight": 100, "header": "x-mine", "value": "a"}],
            },
            {},
        ),
        (None, {"identity": {"headers": {"user": "X-Mine"}}}),
    ],
)
def test_class_53_a_header_of_a_type_is_no_others(other: dict[str, Any] | None, login: dict[str, Any]) -> None:
    raw = document(*([MINE, other] if other else [MINE]), login=login)
    found = said(raw, Mine=mine(), Other=CustomType(headers=("x-mine",)))
    assert len(found) == 1
    assert "already" in found[0][1]


@pytest.mark.parametrize(
    ("kind", "login"),
    [
        (mine(reads=("user_session",)), {}),
        (mine(reads=("user-session",)), {}),
        (mine(reads=("js_code",)), {}),
        (mine(response_headers=("user_session",)), {}),
        (mine(headers=("user-session",)), {}),
        (mine(cookies=("user_session",)), {"session": {"return_in": "cookie", "request_in": "cookie"}}),
        (mine(cookies=("js_code",)), {"code": {"in": "cookie"}}),
        (mine(cookies=("refresh_token",)), {"session": {"refresh": {"expires_in": 600}}}),
        (mine(reads=("refresh_token",)), {"session": {"refresh": {"expires_in": 600}}}),
    ],
)
def test_no_type_is_shown_a_credential_or_writes_one(kind: CustomType, login: dict[str, Any]) -> None:
    ((path, message),) = said(document(MINE, login=login), Mine=kind)
    assert path == "plugins[1].type"
    assert "carries a credential (plugins[0]." in message
