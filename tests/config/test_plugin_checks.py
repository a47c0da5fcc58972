from __future__ import annotations

from typing import Any

import pytest

from menshen.config.templates import REFUSAL_PLACEHOLDERS, REPLY_PLACEHOLDERS

from .samples import load, plugin, problems, the_problem


def test_a_plugin_fits_its_apps_platform() -> None:
    problem = the_problem(plugin(type="QQMPLogin"))
    assert problem.path == "plugins[0].type"
    assert "'shop' is on wechat" in problem.message


def test_a_reply_needs_respond_gateway() -> None:
    assert the_problem(plugin(reply={"s": "$session"})).path == "plugins[0].reply"
    load(plugin(reply={"s": "$session"}, respond="gateway"))


@pytest.mark.parametrize(
    ("reply", "path"),
    [
        ({"token": "$token"}, "plugins[0].reply.token"),
        ({"data": {"items": ["a", "Bearer $tok"]}}, "plugins[0].reply.data.items[1]"),
        ({"a b": "$sessions"}, 'plugins[0].reply."a b"'),
        ({"key": "$session_key"}, "plugins[0].reply.key"),
        ({"key": "$appid and $secret"}, "plugins[0].reply.key"),
    ],
)
def test_an_unknown_placeholder_is_a_problem_where_it_stands(reply: dict[str, Any], path: str) -> None:
    assert the_problem(plugin(reply=reply, respond="gateway")).path == path


def test_session_key_is_refused_by_name() -> None:
    problem = the_problem(plugin(reply={"key": "$session_key"}, respond="gateway"))
    assert problem.message == "session_key is never sent to a client"


def test_a_reply_may_hold_every_placeholder_and_any_json() -> None:
    reply = {name: f"${name}" for name in REPLY_PLACEHOLDERS} | {"price": "$5, $$session", "n": [1, None, True, 1.5]}
    raw = plugin(reply=reply, respond="gateway", session={"refresh": {"expires_in": 1440}})
    assert load(raw).document.plugins[0].reply == reply


def test_a_reply_in_the_body_must_hold_the_login_state() -> None:
    rows = {"respond": "gateway", "session": {"return_in": "body"}}
    assert the_problem(plugin(reply={"ok": True}, **rows)).path == "plugins[0].reply"
    load(plugin(reply={"ok": True, "s": "Bearer $session"}, **rows))
    load(plugin(reply={"ok": True}, respond="gateway"))


def test_a_reply_in_the_body_must_hold_the_refresh_token() -> None:
    refresh = {"expires_in": 1440}
    rows = {"respond": "gateway", "session": {"return_in": "body", "refresh": refresh}}
    problem = the_problem(plugin(reply={"s": "$session"}, **rows))
    assert problem.path == "plugins[0].reply"
    assert "$refresh_token" in problem.message
    load(plugin(reply={"s": "$session", "r": "$refresh_token"}, **rows))
    load(plugin(**rows))
    load(plugin(reply={"s": "$session"}, respond="gateway", session={"refresh": refresh}))


@pytest.mark.parametrize("name", ["refresh_token", "refresh_expires_in"])
def test_a_placeholder_of_refresh_needs_refresh(name: str) -> None:
    problem = the_problem(plugin(reply={"data": f"${name}"}, respond="gateway"))
    assert problem.path == "plugins[0].reply.data"
    assert problem.message == f"${name} needs session.refresh"


REFUSALS: list[tuple[str, dict[str, Any], str]] = [
    ("no action and no reason", {"refusals": {"later": {"code": 1}}}, "refusals.later"),
    ("no template", {"refusals": {"login": "no"}}, "refusals.login"),
    ("a placeholder of replies", {"refusals": {"any": {"a": [{"b": "$session"}]}}}, "refusals.any.a[0].b"),
    ("what is Envoy's to refuse", {"refusals": {"any": {}}, "session": {"kind": "signed"}}, "refusals"),
]


@pytest.mark.parametrize(("keys", "key"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_a_rule_of_refusals(keys: dict[str, Any], key: str) -> None:
    assert the_problem(plugin(**keys)).path == f"plugins[0].{key}"


def test_refusals_may_hold_every_placeholder_and_any_json() -> None:
    template = {name: f"${name}" for name in REFUSAL_PLACEHOLDERS} | {"data": None, "price": "$$5", "n": [1, {"a": 2}]}
    refusals = dict.fromkeys(("login", "retry", "none", "any", "session_expired"), template)
    assert load(plugin(refusals=refusals)).document.login_plugins()[0].refusals == refusals


def test_all_problems_of_a_plugin_are_told() -> None:
    raw = plugin(
        type="QQMPLogin",
        code={"name": "Host"},
        session={"idle": 120, "return_in": "body", "name": "cookie"},
        identity={"claims": {"level": "x-level"}},
        reply={"a": "$b"},
    )
    assert [problem.path for problem in problems(raw)] == [
        "plugins[0].type",
        "plugins[0].session.return_in",
        "plugins[0].session.idle",
        "plugins[0].code.name",
        "plugins[0].session.name",
        "plugins[0].reply",
        "plugins[0].reply.a",
        "plugins[0].identity.claims.level",
    ]
