from __future__ import annotations

from typing import Any

import pytest

from .samples import load, plugin, problems, the_problem


def test_body_return_needs_respond_gateway() -> None:
    assert the_problem(plugin(session={"return_in": "body"})).path == "plugins[0].session.return_in"
    load(plugin(session={"return_in": "body"}, respond="gateway"))


AT = "plugins[0].session"

RULES: list[tuple[str, dict[str, Any], str, str]] = [
    ("idle as long as the state", {"idle": 120}, "idle", "idle must be shorter than expires_in"),
    ("idle longer than the state", {"idle": 31, "expires_in": 30}, "idle", "idle must be shorter than expires_in"),
    ("renewed from the first moment", {"renew_before": 120}, "renew_before", "must be shorter than expires_in"),
    ("renewed before it is there", {"renew_before": 500}, "renew_before", "must be shorter than expires_in"),
    ("refresh as long as the state", {"refresh": {"expires_in": 120}}, "refresh.expires_in", "of no use"),
    ("refresh shorter than the state", {"refresh": {"expires_in": 60}}, "refresh.expires_in", "of no use"),
    ("signed, returned in a cookie", {"kind": "signed", "return_in": "cookie"}, "return_in", "cannot be in a cookie"),
    ("signed, sent in a cookie", {"kind": "signed", "request_in": "cookie"}, "request_in", "cannot be in a cookie"),
    ("signed, with a prefix", {"kind": "signed", "prefix": "Bearer "}, "prefix", "not with kind: signed"),
    ("a prefix in the query", {"request_in": "query", "prefix": "Bearer "}, "prefix", "request_in: header only"),
    ("named like a key of a reply", {"name": "uid"}, "name", "another value under this name"),
    ("a claim twice", {"claims": ["level", "vip", "level"]}, "claims[2]", "twice"),
    ("a platform's claim twice", {"kind": "signed", "claims": ["openid", "openid"]}, "claims[1]", "twice"),
    ("openid in a sealed state", {"claims": ["level", "openid"]}, "claims[1]", "for kind: signed only"),
    ("unionid by reference", {"kind": "reference", "claims": ["unionid"]}, "claims[0]", "with reference"),
]


@pytest.mark.parametrize(("session", "key", "words"), [row[1:] for row in RULES], ids=[row[0] for row in RULES])
def test_a_rule_of_login_states(session: dict[str, Any], key: str, words: str) -> None:
    problem = the_problem(plugin(session=session))
    assert problem.path == f"{AT}.{key}"
    assert words in problem.message


@pytest.mark.parametrize(
    "session",
    [
        {"kind": "signed"},
        {"kind": "reference"},
        {"kind": "reference", "return_in": "cookie", "request_in": "cookie"},
        {"kind": "signed", "request_in": "query"},
        {"kind": "signed", "claims": ["openid", "unionid", "level"]},
        {"idle": 119, "renew_before": 119, "refresh": {"expires_in": 121}},
        {"idle": None, "renew_before": None, "max_sessions": None, "refresh": None},
        {"max_sessions": 1},
        {"claims": ["level"]},
    ],
)
def test_login_states_that_can_be(session: dict[str, Any]) -> None:
    load(plugin(session=session))


def test_both_cookies_of_a_signed_state_are_told() -> None:
    found = problems(plugin(session={"kind": "signed", "return_in": "cookie", "request_in": "cookie"}))
    assert [problem.path for problem in found] == [f"{AT}.return_in", f"{AT}.request_in"]


def refresh(name: str) -> dict[str, Any]:
    return {"expires_in": 1440, "name": name}


@pytest.mark.parametrize("name", ["user_session", "User-Session", "js_code", "JS-CODE"])
def test_a_refresh_token_is_told_apart_by_name(name: str) -> None:
    assert the_problem(plugin(session={"refresh": refresh(name)})).path == f"{AT}.refresh.name"


@pytest.mark.parametrize("position", ["query", "cookie"])
def test_a_refresh_token_has_no_name_of_a_code_in_another_place(position: str) -> None:
    raw = plugin(code={"in": position, "name": "r"}, session={"refresh": refresh("R")})
    assert the_problem(raw).path == f"{AT}.refresh.name"
    load(plugin(code={"in": "body", "name": "r"}, session={"refresh": refresh("R")}))


@pytest.mark.parametrize("name", ["secret", "App_Secret", "appsecret"])
def test_a_refresh_token_is_not_named_like_an_appsecret(name: str) -> None:
    assert the_problem(plugin(session={"refresh": refresh(name)})).path == f"{AT}.refresh.name"


def test_a_refresh_token_in_the_body_needs_no_escapes() -> None:
    raw = plugin(respond="gateway", session={"return_in": "body", "refresh": refresh("a+b")})
    assert the_problem(raw).path == f"{AT}.refresh.name"
    load(plugin(session={"refresh": refresh("a+b")}))


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
    assert the_problem(plugin(session={"refresh": refresh(header)})).path == "plugins[0].session.refresh.name"
    assert (
        the_problem(plugin(identity={"headers": {"user": "x-user", "app": header}})).path
        == "plugins[0].identity.headers.app"
    )
    claims = plugin(session={"claims": ["level"]}, identity={"claims": {"level": header}})
    assert the_problem(claims).path == "plugins[0].identity.claims.level"


def test_authorization_is_for_the_login_state_only() -> None:
    load(plugin(session={"name": "Authorization"}))
    load(plugin(session={"refresh": refresh("Authorization")}))
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
