from __future__ import annotations

from typing import Any

import pytest

from .samples import load, plugin, problems, the_problem

IN_QUERY = {"in": "query", "name": "code"}
IN_BODY = {"in": "body", "name": "code"}


def test_username_and_password_come_beside_a_code_in_query_or_body() -> None:
    found = load(plugin(code=IN_QUERY, account={}))
    (login,) = {route.login.name: route.login for route in found.snapshot.routes if route.login is not None}.values()
    assert login.account is not None
    assert (login.account.username, login.account.password) == ("username", "password")
    load(plugin(code=IN_BODY, respond="gateway", account={"username": "user", "password": "pwd"}))


@pytest.mark.parametrize("position", ["header", "cookie"])
def test_there_is_no_password_in_a_header_or_a_cookie(position: str) -> None:
    assert the_problem(plugin(code={"in": position, "name": "js_code"}, account={})).path == "plugins[0].account"


def test_no_password_in_a_body_goes_on_to_the_backend() -> None:
    problem = the_problem(plugin(code=IN_BODY, account={}))
    assert problem.path == "plugins[0].account"
    assert "respond: gateway" in problem.message


NAMES: list[tuple[str, dict[str, Any], str]] = [
    ("the code's", {"account": {"username": "Code"}}, "username"),
    ("the login state's", {"account": {"password": "user-session"}}, "password"),
    ("the refresh token's", {"account": {"password": "renewal"}}, "password"),
    ("each other's", {"account": {"username": "who", "password": "WHO"}}, "password"),
    ("an AppSecret's", {"account": {"password": "secret"}}, "password"),
    ("that of no parameter", {"account": {"username": "user*name"}}, "username"),
]


@pytest.mark.parametrize("code", [IN_QUERY, IN_BODY], ids=["query", "body"])
@pytest.mark.parametrize(("keys", "key"), [row[1:] for row in NAMES], ids=[row[0] for row in NAMES])
def test_a_name_has_one_meaning(code: dict[str, Any], keys: dict[str, Any], key: str) -> None:
    session = {"refresh": {"expires_in": 1440, "name": "renewal"}}
    raw = plugin(code=code, session=session, respond="gateway", **keys)
    assert the_problem(raw).path == f"plugins[0].account.{key}"


def test_all_that_is_wrong_is_told() -> None:
    found = problems(plugin(code={"name": "js_code"}, account={"username": "js_code", "password": "js_code"}))
    assert [problem.path for problem in found] == [
        "plugins[0].account",
        "plugins[0].account.username",
        "plugins[0].account.password",
    ]


def test_an_account_is_disclosed_by_a_signed_state_only_where_it_says_so() -> None:
    headers = {"headers": {"account": "x-account"}}
    problem = the_problem(plugin(session={"kind": "signed"}, identity=headers))
    assert problem.path == "plugins[0].identity.headers.account"
    load(plugin(session={"kind": "signed", "claims": ["account"]}, identity=headers))
    assert the_problem(plugin(session={"claims": ["account"]})).path == "plugins[0].session.claims[0]"
