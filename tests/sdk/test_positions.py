"""Login states in cookies and in the query."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.edge.conftest import Stack
from tests.edge.sessions import aged
from tests.sdk.gateway import Phone

JAR = {"session": {"in": "cookie"}}
QUEST = {"session": {"in": "query"}}


def test_a_cookie_goes_with_the_cookies_of_the_page(stack: Stack) -> None:
    request = {"url": "/jar/orders", "header": {"Cookie": "theme=dark"}}
    found = Phone(stack, "jar", "jar").runs("asking", options=JAR, asked=[request, {"url": "/v1/me"}])
    orders, me = found["answers"]
    assert dict(orders["data"]["headers"])["cookie"] == "theme=dark"
    assert me["data"]["uid"].startswith("u")


def test_a_renewed_cookie_is_kept(stack: Stack) -> None:
    phone = Phone(stack, "jar-sliding", "jar")
    old = aged(stack, phone.log_in(), 15 * 60)
    (answer,) = phone.runs("asking", {"state": old}, options=JAR, asked=[{"url": "/jar/orders"}])["answers"]
    assert (answer["statusCode"], answer["state"] in ("", old)) == (200, False)


def test_a_cookies_refresh_token_is_used(stack: Stack) -> None:
    phone = Phone(stack, "jar-refreshing", "jar")
    planted = phone.expired()
    exchanges = stack.exchanges()
    (answer,) = phone.runs("asking", planted, options=JAR, asked=[{"url": "/jar/orders"}])["answers"]
    assert (answer["statusCode"], stack.exchanges()) == (200, exchanges)


def test_a_business_login_with_cookies(stack: Stack) -> None:
    login = {"url": "/jar/login", "code": {"in": "header", "name": "js_code"}}
    options = {**JAR, "login": login}
    found = Phone(stack, "jar-login", "jar").runs("asking", options=options, asked=[{"url": "/jar/orders"}])
    assert found["answers"][0]["statusCode"] == 200
    assert "" not in found["kept"].values()


def test_a_query_keeps_its_own_parameters(stack: Stack) -> None:
    asked = [{"url": "/quest/orders?page=2", "data": {"size": 5}}, {"url": "/v1/me"}]
    orders, me = Phone(stack, "quest", "quest").runs("asking", options=QUEST, asked=asked)["answers"]
    assert sorted(orders["data"]["query"].split("&")) == ["page=2", "size=5"]
    assert me["statusCode"] == 200


def test_an_expired_query_state_is_renewed(stack: Stack) -> None:
    phone = Phone(stack, "quest-old", "quest")
    found = phone.runs("parallel", phone.expired(), options=QUEST, url="/quest/orders", count=10)
    assert {answer["statusCode"] for answer in found["answers"]} == {200}


@pytest.mark.parametrize(("app", "options"), [("jar", JAR), ("quest", QUEST)], ids=["cookie", "query"])
def test_a_socket_carries_it_there_too(stack: Stack, app: str, options: dict[str, Any]) -> None:
    hello, echoed = Phone(stack, f"{app}-talking", app).runs("socket", options=options, url=f"/{app}/chat")["heard"]
    assert dict(json.loads(hello))["x-menshen-openid"].startswith("o")
    assert echoed == "你好"
