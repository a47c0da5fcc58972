"""``login()``: at the user API, by a business API, with more than a code, and where it fails."""

from __future__ import annotations

from typing import Any

import pytest

from tests.edge.conftest import Stack
from tests.edge.sessions import over_within
from tests.sdk.gateway import Phone

TSF = {"login": {"url": "/mall/login", "method": "GET", "code": {"in": "header", "name": "js_code"}}}
BOOK = {
    "session": {"name": "token"},
    "login": {
        "url": "/book/login",
        "method": "POST",
        "code": {"in": "body", "name": "js_code"},
        "state": "data.token",
    },
}


def test_a_login_tells_who_it_is_and_for_how_long(stack: Stack) -> None:
    (login,) = Phone(stack, "first").runs("entering")["logins"]
    assert login["uid"].startswith("u")
    assert (login["newUser"], login["expiresIn"]) == (True, 20 * 60)
    (again,) = Phone(stack, "first").runs("entering")["logins"]
    assert (again["uid"], again["newUser"]) == (login["uid"], False)


def test_logins_at_once_are_one(stack: Stack) -> None:
    exchanges = stack.exchanges()
    found = Phone(stack, "at-once").runs("entering", times=10)
    assert len({login["data"]["user_session"] for login in found["logins"]}) == 1
    assert stack.exchanges() == exchanges + 1


@pytest.mark.parametrize(("options", "url"), [(TSF, "/mall/orders"), (BOOK, "/book/orders")], ids=["header", "reply"])
def test_a_business_api_logs_in_too(stack: Stack, options: dict[str, Any], url: str) -> None:
    found = Phone(stack, f"business-{url[1:5]}").runs("asking", options=options, asked=[{"url": url}] * 2)
    assert [answer["statusCode"] for answer in found["answers"]] == [200, 200]
    assert found["kept"]["state"] == found["answers"][0]["state"] != ""


def test_a_user_who_logged_in_by_a_business_api_binds_and_stays_logged_in(stack: Stack) -> None:
    found = Phone(stack, "business-bind").runs("phone_number", how="bindPhone", options=BOOK, phone="13800000001")
    assert found["profile"]["phone"] == "138****0001"
    assert found["kept"]["state"] not in ("", found["before"])


def test_a_business_backend_without_a_login_is_no_gateway(stack: Stack) -> None:
    options = {"login": {**TSF["login"], "url": "/open/login"}}
    (login,) = Phone(stack, "no-login").runs("entering", options=options)["logins"]
    assert (login["reason"], login["statusCode"]) == ("unexpected_answer", 200)


def test_a_wrong_password_is_told_and_changes_nothing(stack: Stack) -> None:
    phone = Phone(stack, "wrong-password")
    state = phone.log_in().state
    fields = {"username": "nobody-here", "password": "planted-Password-1"}
    found = phone.runs("entering", {"state": state}, fields=fields)
    assert (found["logins"][0]["reason"], found["kept"]["state"]) == ("account_refused", state)


def test_a_phone_that_gets_no_code_says_so(stack: Stack) -> None:
    (login,) = Phone(stack, "").runs("entering")["logins"]
    assert (login["reason"], login["action"], login["statusCode"]) == ("platform_login", "retry", 0)


def test_a_login_ends_the_session_before_it(stack: Stack) -> None:
    phone = Phone(stack, "again")
    old = phone.log_in()
    phone.runs("entering", {"state": old.state})
    over_within(stack, old)


@pytest.mark.parametrize("options", [{}, TSF], ids=["user API", "business"])
def test_who_keeps_what_is_no_login_state_is_not_locked_out(stack: Stack, options: dict[str, Any]) -> None:
    asked = [{"url": "/mall/orders"}]
    found = Phone(stack, "garbage").runs("asking", {"state": "garbage"}, options=options, asked=asked)
    assert found["answers"][0]["statusCode"] == 200


def test_a_page_may_get_the_code_itself(stack: Stack) -> None:
    code = stack.code("own-code")
    (login,) = Phone(stack, "own-code").runs("entering", fields={"code": code})["logins"]
    assert login["uid"]
    assert Phone(stack, "own-code").runs("entering", fields={"code": code})["logins"][0]["reason"] == "code_used"
