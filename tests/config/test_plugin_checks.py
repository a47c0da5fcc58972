from __future__ import annotations

from typing import Any

import pytest

from menshen.config.plugin_checks import REPLY_PLACEHOLDERS

from .samples import load, problems, sound, the_problem


def plugin(**keys: Any) -> dict[str, Any]:
    """The sound document with other keys on its first plugin."""
    return sound(plugins__0={"name": "shop-login", "type": "WeChatMpLogin", "app": "shop", **keys})


def test_a_plugin_fits_its_apps_platform() -> None:
    problem = the_problem(plugin(type="QQMPLogin"))
    assert problem.path == "plugins[0].type"
    assert "'shop' is on wechat" in problem.message


@pytest.mark.parametrize("kind", ["signed", "reference"])
def test_a_session_kind_of_a_later_release_says_so(kind: str) -> None:
    problem = the_problem(plugin(session={"kind": kind}))
    assert problem.path == "plugins[0].session.kind"
    assert "not available in this release" in problem.message


def test_body_return_needs_respond_gateway() -> None:
    assert the_problem(plugin(session={"return_in": "body"})).path == "plugins[0].session.return_in"
    load(plugin(session={"return_in": "body"}, respond="gateway"))


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
    assert load(plugin(reply=reply, respond="gateway")).document.plugins[0].reply == reply


def test_a_reply_in_the_body_must_hold_the_login_state() -> None:
    rows = {"respond": "gateway", "session": {"return_in": "body"}}
    assert the_problem(plugin(reply={"ok": True}, **rows)).path == "plugins[0].reply"
    load(plugin(reply={"ok": True, "s": "Bearer $session"}, **rows))
    load(plugin(reply={"ok": True}, respond="gateway"))


RESERVED = [
    "Host",
    "content-length",
    "Transfer-Encoding",
    "transfer_encoding",
    "Connection",
    "Keep-Alive",
    "TE",
    "Trailer",
    "Upgrade",
    "Proxy-Authorization",
    "Cookie",
    "Set-Cookie",
    "Content_Type",
    "X-Menshen-Openid",
    "x_menshen_anything",
    "X-Envoy-Original-Path",
    "X-Forwarded-For",
    "x-forwarded_proto",
    "baggage",
]


@pytest.mark.parametrize("header", RESERVED)
def test_a_reserved_header_carries_nothing_of_a_plugin(header: str) -> None:
    assert the_problem(plugin(code={"name": header})).path == "plugins[0].code.name"
    assert the_problem(plugin(session={"name": header})).path == "plugins[0].session.name"
    assert (
        the_problem(plugin(identity={"headers": {"user": "x-user", "app": header}})).path
        == "plugins[0].identity.headers.app"
    )


def test_authorization_is_for_the_login_state_only() -> None:
    load(plugin(session={"name": "Authorization"}))
    assert the_problem(plugin(code={"name": "Authorization"})).path == "plugins[0].code.name"
    problem = the_problem(plugin(identity={"headers": {"user": "Authorization"}}))
    assert problem.path == "plugins[0].identity.headers.user"


def test_reserved_headers_are_only_reserved_in_headers() -> None:
    load(plugin(code={"in": "query", "name": "upgrade"}))
    load(plugin(session={"name": "host", "return_in": "cookie", "request_in": "cookie"}))


def test_a_session_that_is_returned_in_a_header_has_a_headers_name() -> None:
    problem = the_problem(plugin(session={"name": "set-cookie", "request_in": "cookie"}))
    assert problem.path == "plugins[0].session.name"


@pytest.mark.parametrize("position", ["header", "query", "cookie", "body"])
@pytest.mark.parametrize("name", ["secret", "AppSecret", "app_secret"])
def test_a_code_is_not_named_like_an_appsecret(position: str, name: str) -> None:
    assert the_problem(plugin(code={"in": position, "name": name})).path == "plugins[0].code.name"


@pytest.mark.parametrize("position", ["query", "body"])
def test_a_name_in_query_or_body_needs_no_escapes(position: str) -> None:
    assert the_problem(plugin(code={"in": position, "name": "a+b"})).path == "plugins[0].code.name"


@pytest.mark.parametrize(
    ("code", "session"),
    [
        ({"in": "header", "name": "token"}, {"name": "token"}),
        ({"in": "header", "name": "User_Session"}, {"name": "user-session"}),
        ({"in": "query", "name": "token"}, {"name": "token", "request_in": "query"}),
        ({"in": "cookie", "name": "token"}, {"name": "token", "request_in": "cookie"}),
        ({"in": "query", "name": "token"}, {"name": "token", "request_in": "header"}),
    ],
    ids=["header", "header in another spelling", "query", "cookie", "two positions"],
)
def test_code_and_login_state_are_told_apart_by_name(code: dict[str, str], session: dict[str, str]) -> None:
    assert the_problem(plugin(code=code, session=session)).path == "plugins[0].session.name"


def test_a_code_in_the_body_may_have_any_name() -> None:
    load(plugin(code={"in": "body", "name": "token"}, session={"name": "token"}))


def test_an_identity_header_carries_one_field() -> None:
    problem = the_problem(plugin(identity={"headers": {"user": "X-User", "openid": "x_user"}}))
    assert problem.path == "plugins[0].identity.headers.openid"


@pytest.mark.parametrize(
    ("headers", "valid"),
    [
        ({"openid": "X-Menshen-Openid"}, True),
        ({"user": "x-menshen-openid"}, False),
        ({"app": "x-menshen-app"}, False),
        ({"session_key": "x-menshen-session-key"}, False),
        ({"session_key": "x-session-key"}, True),
        ({"openid": "x-wx-openid"}, True),
        ({}, True),
    ],
)
def test_a_menshen_header_says_what_it_always_says(headers: dict[str, str], valid: bool) -> None:
    raw = plugin(identity={"headers": headers})
    if valid:
        load(raw)
    else:
        assert the_problem(raw).path == f"plugins[0].identity.headers.{next(iter(headers))}"


@pytest.mark.parametrize("header", ["js_code", "JS-Code", "user_session", "User-Session"])
def test_an_identity_header_is_no_credentials(header: str) -> None:
    problem = the_problem(plugin(identity={"headers": {"user": header}}, session={"name": "user_session"}, code={}))
    assert problem.path == "plugins[0].identity.headers.user"


def test_a_credential_is_not_in_a_header_of_a_preset() -> None:
    assert (
        the_problem(plugin(identity={"headers": "cloudrun"}, code={"name": "X-WX-OpenId"})).path
        == "plugins[0].code.name"
    )
    assert the_problem(plugin(identity={"headers": "cloudrun"}, session={"name": "x-wx-source"})).path == (
        "plugins[0].session.name"
    )


def test_an_identity_header_is_no_credentials_of_another_plugin() -> None:
    raw = plugin(identity={"headers": {"user": "x-token"}})
    raw["plugins"][1]["session"] = {"name": "X-Token"}
    problem = the_problem(raw)
    assert problem.path == "plugins[0].identity.headers.user"
    assert "plugins[1].session.name" in problem.message


def test_all_problems_of_a_plugin_are_told() -> None:
    raw = plugin(
        type="QQMPLogin",
        code={"name": "Host"},
        session={"kind": "signed", "return_in": "body", "name": "cookie"},
        reply={"a": "$b"},
    )
    assert [problem.path for problem in problems(raw)] == [
        "plugins[0].type",
        "plugins[0].session.kind",
        "plugins[0].session.return_in",
        "plugins[0].reply",
        "plugins[0].reply.a",
        "plugins[0].code.name",
        "plugins[0].session.name",
    ]
