"""Checkers of tokens as operators write them: their rules, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from menshen.config.route_rules import OAuthRules, TokenAt
from tests.config.samples import load, problems, sound


def document(group: str = "mall", **changes: Any) -> dict[str, Any]:
    """The plugin on the group ``mall``, which has a login."""
    raw = sound()
    raw["plugins"].append({"name": "members", "type": "OAuth", "url": "https://c.example.com/check", **changes})
    raw["bindings"].append({"plugin": "members", "group": group})
    return raw


def rules(**changes: Any) -> OAuthRules:
    found = next(route for route in load(document(**changes)).snapshot.routes if route.id == "mall/order").oauth
    assert found is not None
    return found


def told(raw: dict[str, Any]) -> dict[str, str]:
    """Path -> what is wrong there."""
    return {problem.path: problem.message for problem in problems(raw)}


def test_the_rules_of_a_route() -> None:
    url = "https://c.example.com/check"
    assert rules() == OAuthRules("members", url, "POST", TokenAt("header", "authorization", "Bearer "), 5.0)
    many = {"method": "GET", "timeout": 30, "payload": "X-Member", "redirect": "https://a.example.com/b?c=d"}
    assert rules(token={"in": "query", "name": "T", "prefix": "x"}, forward_authorization=True, **many) == OAuthRules(
        *("members", url, "GET", TokenAt("query", "T"), 30.0, "x-member", "https://a.example.com/b?c=d", True)
    )
    assert rules(token={"name": "X-T", "prefix": "Token "}).token == TokenAt("header", "x-t", "Token ")
    assert rules(token={"name": "X-T"}).token == TokenAt("header", "x-t")


def test_a_public_api_has_no_guard_and_the_header_all_the_same() -> None:
    public = next(route for route in load(document(payload="X-Member")).snapshot.routes if route.id == "mall/assets")
    assert (public.access, public.oauth, public.asks_brain) == ("public", None, False)
    assert "x-member" in public.identity_headers


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"timeout": 0}, "timeout", "greater than 0"),
        ({"timeout": 30.01}, "timeout", "at most 30"),
        ({"timeout": float("nan")}, "timeout", "finite"),
        ({"url": "ftp://c.example.com"}, "url", "http"),
        ({"url": "https://user:word@c.example.com"}, "url", "user"),
        ({"url": "https://c.example.com/x?y=z"}, "url", "query"),
        ({"url": "http://c.example.com/check"}, "url", "https"),
        ({"method": "PUT"}, "method", ""),
        ({"redirect": "javascript:alert(1)"}, "redirect", "http"),
        ({"redirect": "//evil.example"}, "redirect", "http"),
        ({"redirect": "https://user:word@a.example.com/"}, "redirect", "user"),
        ({"redirect": "https://a.example.com:99999/"}, "redirect", "http"),
        ({"redirect": "https://[a.example.com/"}, "redirect", "http"),
        ({"redirect": "https://a.example.com/\r\nx: y"}, "redirect", "http"),
        ({"redirect": "https://a.example.com/%REQ(x)% y"}, "redirect", "http"),
        ({"payload": "x-menshen-user"}, "payload", "reserved"),
        ({"payload": "x-menshen-caller"}, "payload", "reserved"),
        ({"payload": "cookie"}, "payload", "reserved"),
        ({"payload": "X-T", "token": {"name": "x_t"}}, "payload", "credential"),
        ({"payload": "user_session"}, "payload", "credential"),
        ({"token": {"name": "host"}}, "token.name", "reserved"),
        ({"token": {"name": "x-mg-sign"}}, "token.name", "reserved"),
        ({"token": {"name": "secret"}}, "token.name", "AppSecret"),
        ({"token": {"in": "query", "name": "a&b"}}, "token.name", "letters"),
        ({"token": {"prefix": "a\r\nb: "}}, "token.prefix", "visible ASCII"),
        ({"token": {"in": "cookie"}}, "token.in", ""),
    ],
)
def test_problems(changes: dict[str, Any], path: str, words: str) -> None:
    found = told(document(**changes))
    assert f"plugins[2].{path}" in found, found
    assert words in found[f"plugins[2].{path}"]


@pytest.mark.parametrize(
    ("token", "login"),
    [
        ({"name": "User-Session"}, {}),
        ({"name": "js_code"}, {}),
        ({"in": "query", "name": "t"}, {"session": {"name": "t", "request_in": "query"}}),
        ({"in": "query", "name": "c"}, {"code": {"in": "query", "name": "c"}}),
        ({"name": "again"}, {"session": {"refresh": {"expires_in": 600, "name": "again"}}}),
    ],
)
def test_no_token_is_read_where_the_login_reads(token: dict[str, str], login: dict[str, Any]) -> None:
    """A checker would be handed login states, or codes be spent on it."""
    raw = document(token=token)
    raw["plugins"][0].update(login)
    assert "already" in told(raw)["plugins[2].token.name"]
    elsewhere = document("open", token=token)
    elsewhere["plugins"][0].update(login)
    assert load(elsewhere).snapshot.routes


@pytest.mark.parametrize("url", ["http://127.0.0.1:9100/check", "http://checker/check", "http://checker.internal"])
def test_a_checker_of_the_teams_own_network_may_be_asked_in_the_clear(url: str) -> None:
    assert rules(url=url).url == url


def test_a_login_state_is_not_forwarded_to_the_checker() -> None:
    raw = document(token={"name": "x-member-token"}, forward_authorization=True)
    raw["plugins"][0]["session"] = {"name": "Authorization", "request_in": "header"}
    assert "already" in told(raw)["plugins[2].forward_authorization"]
    raw["plugins"][2]["token"] = {"name": "authorization"}
    assert list(told(raw)) == ["plugins[2].token.name"]
    raw["plugins"][2] = {**raw["plugins"][2], "token": {"name": "x-member-token"}, "forward_authorization": False}
    assert load(raw).snapshot.routes


def test_the_same_name_in_another_place_is_another_one() -> None:
    assert rules(token={"in": "query", "name": "user_session"}).token.position == "query"


def test_a_payload_is_no_identity_header_of_the_login() -> None:
    raw = document(payload="X-User")
    raw["plugins"][0]["identity"] = {"headers": {"user": "X_User"}}
    assert "already" in told(raw)["plugins[2].payload"]
