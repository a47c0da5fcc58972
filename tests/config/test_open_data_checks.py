"""Open data beside a code: in pairs, under names of its own, where it can be taken off on the way."""

from __future__ import annotations

from typing import Any

import pytest

from menshen.config.login_rules import OpenDataAt
from menshen.config.snapshot import LoginPlugin

from .samples import load, plugin, problems, sound, the_problem

CLOSED = {"encrypted_data": "encryptedData", "iv": "iv"}
SIGNED = {"raw_data": "rawData", "signature": "signature"}
IN_QUERY = {"in": "query", "name": "code"}
IN_BODY = {"in": "body", "name": "code"}


def compiled(**keys: Any) -> LoginPlugin:
    found = load(plugin(**keys)).snapshot
    return next(route.login for route in found.routes if route.login is not None)


@pytest.mark.parametrize("code", [{}, IN_QUERY, IN_BODY], ids=["header", "query", "body"])
def test_it_comes_where_the_code_does(code: dict[str, Any]) -> None:
    login = compiled(code=code, open_data=CLOSED, respond="gateway")
    assert login.open_data == OpenDataAt("encryptedData", "iv")
    assert login.open_data_headers == (("encrypteddata", "iv") if not code else ())


def test_plain_data_alone_will_do() -> None:
    assert compiled(code=IN_QUERY, open_data=SIGNED).open_data == OpenDataAt(raw_data="rawData", signature="signature")


RULES: list[tuple[str, dict[str, Any], str]] = [
    ("nothing at all", {"open_data": {}}, ""),
    ("half of a pair", {"open_data": {"iv": "iv"}}, ""),
    ("half of the other pair", {"code": IN_QUERY, "open_data": {**CLOSED, "signature": "s"}}, ""),
    ("in a cookie", {"code": {"in": "cookie", "name": "code"}, "open_data": CLOSED}, ""),
    ("in a body that goes on", {"code": IN_BODY, "open_data": CLOSED}, ""),
    ("plain data in a header", {"open_data": SIGNED}, ".raw_data"),
    ("the code's name", {"open_data": {**CLOSED, "iv": "JS-Code"}}, ".iv"),
    ("the login state's name", {"open_data": {**CLOSED, "iv": "user_session"}}, ".iv"),
    ("the username's", {"code": IN_QUERY, "account": {}, "open_data": {**CLOSED, "iv": "username"}}, ".iv"),
    ("each other's name", {"open_data": {"encrypted_data": "x-a", "iv": "X_A"}}, ".iv"),
    ("an AppSecret's name", {"open_data": {**CLOSED, "iv": "appsecret"}}, ".iv"),
    ("a header of ours", {"open_data": {**CLOSED, "iv": "X-Menshen-Iv"}}, ".iv"),
    ("what carries other credentials", {"open_data": {**CLOSED, "iv": "Authorization"}}, ".iv"),
]


@pytest.mark.parametrize(("keys", "key"), [row[1:] for row in RULES], ids=[row[0] for row in RULES])
def test_a_rule_of_open_data(keys: dict[str, Any], key: str) -> None:
    assert {problem.path for problem in problems(plugin(**keys))} == {f"plugins[0].open_data{key}"}


def test_no_identity_is_told_in_its_header() -> None:
    """It would be taken off the request before anybody reads it."""
    identity = {"headers": {"openid": "X-IV"}}
    problem = the_problem(plugin(open_data={**CLOSED, "iv": "x-iv"}, identity=identity))
    assert problem.path == "plugins[0].identity.headers.openid"


def test_no_tag_is_lifted_from_it() -> None:
    raw = plugin(open_data=CLOSED, tags={"request": [{"in": "header", "name": "iv", "tag": "iv"}]})
    assert "open_data.iv" in the_problem(raw).message


def test_no_token_of_another_guard_has_its_name() -> None:
    token = {"in": "header", "name": "iv"}
    guard = {"name": "checker", "type": "OAuth", "url": "https://auth.example.com", "token": token}
    raw = sound(
        plugins__0={"name": "shop-login", "type": "WeChatMpLogin", "app": "shop", "open_data": CLOSED},
        plugins__2=guard,
        bindings__1={"plugin": "checker", "group": "mall"},
    )
    assert the_problem(raw).path == "plugins[2].token.name"
