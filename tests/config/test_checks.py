"""Keys that must agree on with each other: one test a rule, with the path of the key to change."""

from __future__ import annotations

import time
from typing import Any

import pytest

from menshen.config.loading import read_document, read_mapping
from menshen.config.yamltext import dump_document
from menshen.errors import ConfigInvalid, Problem

from .samples import ENV, PLATFORMS, PLUGIN_TYPES, load, problems, sound, the_problem


def api(name: str, path: str, *methods: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "path": path, **({"methods": list(methods)} if methods else {}), **more}


REFERENCES: list[tuple[str, dict[str, Any], str]] = [
    ("upstream of a group", {"groups__1__upstream": "order"}, "groups[1].upstream"),
    ("app of a plugin", {"plugins__1__app": "gone"}, "plugins[1].app"),
    ("plugin of a binding", {"bindings__1": {"plugin": "gone", "group": "open"}}, "bindings[1].plugin"),
    ("group of a binding", {"bindings__1": {"plugin": "game-login", "group": "gone"}}, "bindings[1].group"),
    ("API of a binding", {"bindings__1": {"plugin": "game-login", "api": "mall/gone"}}, "bindings[1].api"),
    ("group in an API of a binding", {"bindings__1": {"plugin": "game-login", "api": "gone/order"}}, "bindings[1].api"),
    (
        "platform of an app",
        {"apps__2": {"name": "x", "platform": "tiktok", "appid": "1", "secret": "s"}},
        "apps[2].platform",
    ),
    ("type of a plugin", {"plugins__1__type": "TikTokMpLogin"}, "plugins[1].type"),
]


@pytest.mark.parametrize(("changes", "path"), [row[1:] for row in REFERENCES], ids=[row[0] for row in REFERENCES])
def test_a_reference_to_nothing_is_a_problem(changes: dict[str, Any], path: str) -> None:
    assert the_problem(sound(**changes)).path == path


def test_a_near_name_is_suggested() -> None:
    assert "did you mean 'orders'?" in the_problem(sound(groups__1__upstream="order")).message


DUPLICATES: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "apps",
        {"apps__2": {"name": "shop", "platform": "wechat", "appid": "wx2", "secret": "s"}},
        "apps[2].name",
        "apps[0]",
    ),
    ("upstreams", {"upstreams__1": {"name": "orders", "endpoints": ["a:1"]}}, "upstreams[1].name", "upstreams[0]"),
    ("groups", {"groups__2": {"name": "open", "prefix": "/x", "upstream": "orders"}}, "groups[2].name", "groups[1]"),
    ("APIs of a group", {"groups__0__apis__3": api("order", "/x")}, "groups[0].apis[3].name", "groups[0].apis[1]"),
    (
        "plugins",
        {"plugins__2": {"name": "shop-login", "type": "WeChatMpLogin", "app": "shop"}},
        "plugins[2].name",
        "plugins[0]",
    ),
]


@pytest.mark.parametrize(
    ("changes", "path", "first"), [row[1:] for row in DUPLICATES], ids=[row[0] for row in DUPLICATES]
)
def test_a_name_is_used_once(changes: dict[str, Any], path: str, first: str) -> None:
    problem = the_problem(sound(**changes))
    assert problem.path == path
    assert first in problem.message


def test_two_groups_may_have_an_api_of_the_same_name() -> None:
    load(sound(groups__1__apis__0=api("order", "/*")))


def test_a_mini_program_is_one_app() -> None:
    twin = {"name": "twin", "platform": "wechat", "appid": "wx4f4bc4dec97d474b", "secret": "s"}
    problem = the_problem(sound(apps__2=twin))
    assert problem.path == "apps[2].appid"
    assert "apps[0]" in problem.message
    load(sound(apps__2={**twin, "platform": "qq"}))


OVERLAPS = [
    ("the same path", "/login", (), "login"),
    ("a literal in a parameter's place", "/orders/new", (), "order"),
    ("a literal with one method in common", "/orders/new", ("POST", "PUT"), "order"),
    ("another parameter name", "/orders/{number}", ("GET",), "order"),
    ("a file below a star", "/static/app.js", (), "assets"),
    ("a star below a star", "/static/js/*", (), "assets"),
]


@pytest.mark.parametrize(("path", "methods", "other"), [row[1:] for row in OVERLAPS], ids=[row[0] for row in OVERLAPS])
def test_two_apis_never_match_the_same_request(path: str, methods: tuple[str, ...], other: str) -> None:
    problem = the_problem(sound(groups__0__apis__3=api("fresh", path, *methods)))
    assert problem.path == "groups[0].apis[3].path"
    for message in (problem.message, problem.message_zh):
        assert "'fresh'" in message
        assert f"'{other}'" in message


def test_a_star_at_the_top_meets_everything() -> None:
    problem = the_problem(sound(groups__0__apis__3=api("all", "/*")))
    assert all(f"'{name}'" in problem.message for name in ("login", "order", "assets"))


def test_two_apis_may_share_a_path_with_other_methods() -> None:
    load(sound(groups__0__apis__3=api("drop-order", "/orders/{id}", "DELETE")))


def test_apis_of_two_groups_do_not_meet() -> None:
    load(sound(groups__1__apis=[api("login", "/login"), api("order", "/orders/{id}")]))


def test_two_groups_do_not_share_host_and_prefix() -> None:
    problem = the_problem(
        sound(groups__0__hosts=["a.com", "b.com"], groups__1__hosts=["B.com"], groups__1__prefix="/mall")
    )
    assert problem.path == "groups[1].prefix"
    assert "'mall'" in problem.message
    assert "'b.com'" in problem.message


@pytest.mark.parametrize(
    "changes",
    [
        {"groups__1__prefix": "/mall/open"},
        {"groups__1__prefix": "/"},
        {"groups__1__prefix": "/mall", "groups__1__hosts": ["a.com"]},
        {"groups__1__prefix": "/mall2"},
    ],
    ids=["nested", "nested in the root", "another host", "the same beginning"],
)
def test_groups_may_be_nested(changes: dict[str, Any]) -> None:
    load(sound(**changes))


def test_a_host_is_in_a_group_once() -> None:
    assert the_problem(sound(groups__0__hosts=["a.com", "b.com", "A.com"])).path == "groups[0].hosts[2]"


def test_a_group_may_have_no_apis() -> None:
    assert load(sound(groups__1__apis=[])).document.groups[1].apis == ()


def test_a_binding_is_written_once() -> None:
    problem = the_problem(sound(bindings__1={"plugin": "shop-login", "group": "mall"}))
    assert problem.path == "bindings[1]"
    assert "the same binding" in problem.message


@pytest.mark.parametrize("target", [{"group": "mall"}, {"api": "mall/order"}], ids=["group", "API"])
def test_two_plugins_are_not_bound_to_one_place(target: dict[str, str]) -> None:
    rows = [{"plugin": "shop-login", **target}, {"plugin": "game-login", **target}]
    problem = the_problem(sound(bindings=rows))
    assert problem.path == "bindings[1]"
    assert "'shop-login'" in problem.message


def test_a_plugin_on_an_api_may_differ_from_its_groups() -> None:
    load(sound(bindings__1={"plugin": "game-login", "api": "mall/order"}))


@pytest.mark.parametrize(
    "binding",
    [{"plugin": "game-login"}, {"plugin": "game-login", "group": "open", "api": "open/news"}],
    ids=["neither", "both"],
)
def test_a_binding_has_one_target(binding: dict[str, str]) -> None:
    assert the_problem(sound(bindings__1=binding)).path == "bindings[1]"


@pytest.mark.parametrize("access", ["required", "optional"])
def test_access_that_needs_a_login_needs_a_plugin(access: str) -> None:
    problem = the_problem(sound(groups__1__apis__0__access=access))
    assert problem.path == "groups[1].apis[0].access"
    load(sound(groups__1__apis__0__access=access, bindings__1={"plugin": "game-login", "group": "open"}))
    load(sound(groups__1__apis__0__access=access, bindings__1={"plugin": "game-login", "api": "open/news"}))


CLIENT_API_PATHS: list[tuple[str, str, str, str]] = [
    ("below the root", "/", "/v1/token", "/v1"),
    ("below a prefix", "/v1", "/logout", "/v1"),
    ("below half of it", "/a/b", "/c/sessions", "/a/b/c"),
    ("two steps down", "/", "/v1/me/phone/get", "/v1"),
    ("below a folder of ours", "/", "/v1/avatars/cats/{id}", "/v1"),
    ("all of a folder of ours", "/v1", "/avatars/*", "/v1"),
]


@pytest.mark.parametrize(
    ("prefix", "path", "at"), [row[1:] for row in CLIENT_API_PATHS], ids=[row[0] for row in CLIENT_API_PATHS]
)
def test_an_api_is_not_where_the_gateway_answers(prefix: str, path: str, at: str) -> None:
    changes: dict[str, Any] = {
        "groups__1__prefix": prefix,
        "groups__1__apis": [api("news", path, "DELETE")],
        "groups__1__strip_prefix": True,
    }
    problem = the_problem(sound(listener={"client_api": at}, **changes))
    assert problem.path == "groups[1].apis[0].path"
    assert "change listener.client_api or the path" in problem.message
    load(sound(listener={"client_api": ""}, **changes))
    load(sound(listener={"client_api": "/elsewhere"}, **changes))
    load(sound(listener={"client_api": at}, bindings=[], **changes))


@pytest.mark.parametrize(
    "path",
    ["/*", "/v1/*", "/v1/{what}", "/v1/{what}/*", "/{version}/token", "/v1/token/", "/v1/tokens", "/v1/avatars", "/v1"],
)
def test_an_api_may_meet_the_client_api_by_a_wildcard(path: str) -> None:
    load(sound(groups__1__prefix="/", groups__1__apis=[api("news", path)]))


def test_a_broken_listener_says_nothing_about_apis() -> None:
    raw = sound(listener={"trusted_hops": -1}, groups__1__prefix="/v1", groups__1__apis=[api("news", "/token")])
    assert the_problem(raw).path == "listener.trusted_hops"


def test_a_name_that_is_no_name_has_that_problem_only() -> None:
    twins = [{"name": "a\nb", "endpoints": ["a:1"]}, {"name": "a\nb", "endpoints": ["a:1"]}]
    found = problems(sound(upstreams__1=twins[0], upstreams__2=twins[1]))
    assert [problem.path for problem in found] == ["upstreams[1].name", "upstreams[2].name"]


def test_everything_wrong_is_told_at_once() -> None:
    raw = sound(
        colour="red",
        apps__0__secret="${NOT_SET}",
        apps__1__platform="tiktok",
        groups__0__hosts=[],
        groups__0__apis__0__access="private",
        groups__0__apis__3=api("fresh", "/orders/new"),
        groups__1__upstream="gone",
        plugins__0={
            "name": "shop-login",
            "type": "QQMPLogin",
            "app": "shop",
            "colour": "red",
            "session": {"return_in": "body"},
        },
        plugins__1__session__expires_in=0,
        bindings__1={"plugin": "gone", "group": "open"},
    )
    assert sorted(problem.path for problem in problems(raw)) == [
        "apps[0].secret",
        "apps[1].platform",
        "bindings[1].plugin",
        "colour",
        "groups[0].apis[0].access",
        "groups[0].apis[3].path",
        "groups[0].hosts",
        "groups[1].upstream",
        "plugins[0].colour",
        "plugins[0].session.return_in",
        "plugins[0].type",
        "plugins[1].session.expires_in",
    ]


BROKEN_PARTS: list[tuple[str, dict[str, Any], str]] = [
    ("an app", {"apps__0__appid": 1}, "apps[0].appid"),
    ("an upstream", {"upstreams__0__endpoints": []}, "upstreams[0].endpoints"),
    ("a group", {"groups__0__prefix": "x"}, "groups[0].prefix"),
    (
        "an API",
        {"groups__0__apis__1__path": "x", "bindings__1": {"plugin": "game-login", "api": "mall/order"}},
        "groups[0].apis[1].path",
    ),
    ("a plugin", {"plugins__0__respond": "x", "groups__0__apis__0__access": "required"}, "plugins[0].respond"),
    ("a binding", {"bindings__0__group": "Mall", "groups__0__apis__0__access": "required"}, "bindings[0].group"),
]


@pytest.mark.parametrize(("changes", "path"), [row[1:] for row in BROKEN_PARTS], ids=[row[0] for row in BROKEN_PARTS])
def test_a_broken_part_is_no_reason_to_complain_about_others(changes: dict[str, Any], path: str) -> None:
    assert the_problem(sound(**changes)).path == path


def test_a_large_document_is_checked_in_two_seconds() -> None:
    raw = sound(
        groups=[
            {
                "name": f"g{number}",
                "prefix": f"/g{number}",
                "upstream": "orders",
                "apis": [api(f"a{index}", f"/orders/{{id}}/part{index}") for index in range(10)],
            }
            for number in range(300)
        ],
        bindings=[{"plugin": "shop-login", "api": f"g{number % 300}/a{number // 300}"} for number in range(1500)],
    )
    text = dump_document(raw)
    started = time.process_time()  # what else runs on the machine is not in it
    loaded = read_document(text, env=ENV, plugin_types=PLUGIN_TYPES, platforms=PLATFORMS)
    assert time.process_time() - started < 2
    assert len(loaded.snapshot.routes) == 3000


def test_a_large_document_full_of_problems_is_checked_in_two_seconds() -> None:
    raw = sound(
        groups__0__apis=[api(f"a{index}", "/same") for index in range(1500)],
        bindings=[{"plugin": "gone", "api": f"mall/b{number}"} for number in range(1500)],
    )
    started = time.process_time()  # what else runs on the machine is not in it
    found: tuple[Problem, ...] = problems(raw)
    assert time.process_time() - started < 2
    assert len(found) == 1499 + 2 * 1500


def test_refresh_tokens_need_the_client_api() -> None:
    raw = sound(listener={"client_api": ""}, plugins__0__session={"refresh": {"expires_in": 500}})
    assert the_problem(raw).path == "plugins[0].session.refresh"
    found = load(sound(listener={"client_api": "/gate"}, plugins__0__session={"refresh": {"expires_in": 500}}))
    refreshes = [route.login.session.refresh for route in found.snapshot.routes if route.login is not None]
    assert {refresh.path for refresh in refreshes if refresh is not None} == {"/gate/token"}


def test_a_platform_that_the_installation_cannot_use_says_why() -> None:
    with pytest.raises(ConfigInvalid) as caught:
        read_mapping(
            sound(apps=[{"name": "shop", "platform": "acme", "appid": "a1", "secret": "some-secret-of-it"}]),
            env=ENV,
            plugin_types=PLUGIN_TYPES,
            platforms=PLATFORMS,
            broken={"acme": "several packages bring it: one 1, two 1"},
        )
    problem = next(each for each in caught.value.problems if each.path == "apps[0].platform")
    assert problem.message == "the platform 'acme' is broken: several packages bring it: one 1, two 1"
    assert problem.message_zh == "平台 'acme' 无法使用：several packages bring it: one 1, two 1"
