"""Where the gateway gives refresh tokens, they go before a login."""

from __future__ import annotations

from tests.edge.conftest import Stack
from tests.sdk.gateway import Phone


def test_an_expired_state_costs_no_exchange(stack: Stack) -> None:
    phone = Phone(stack, "refreshing", "fresh")
    planted = phone.expired()
    exchanges = stack.exchanges()
    found = phone.runs("parallel", planted, url="/fresh/orders", count=50)
    assert {answer["statusCode"] for answer in found["answers"]} == {200}
    assert stack.exchanges() == exchanges
    assert "" not in found["kept"].values()
    assert found["kept"]["refresh"] != planted["refresh"]


def test_a_refresh_token_that_was_used_ends_in_one_login(stack: Stack) -> None:
    phone = Phone(stack, "reusing", "fresh")
    planted = phone.expired()
    assert stack.gateway.post_json("/v1/token", {"refresh_token": planted["refresh"]}).status == 200
    exchanges = stack.exchanges()
    found = phone.runs("parallel", planted, url="/fresh/orders", count=50)
    assert {answer["statusCode"] for answer in found["answers"]} == {200}
    assert stack.exchanges() == exchanges + 1


def test_a_login_brings_one(stack: Stack) -> None:
    assert Phone(stack, "brought", "fresh").runs("entering")["kept"]["refresh"]
