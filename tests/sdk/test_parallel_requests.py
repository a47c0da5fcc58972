"""A page that fires a hundred requests with a login state that is too old."""

from __future__ import annotations

from tests.edge.conftest import Stack
from tests.sdk.gateway import Phone


def test_a_hundred_requests_with_an_expired_state_make_one_login(stack: Stack) -> None:
    phone = Phone(stack, "hundred")
    planted = phone.expired()
    exchanges = stack.exchanges()
    found = phone.runs("parallel", planted, url="/mall/orders/1", count=100)
    assert [answer["statusCode"] for answer in found["answers"]] == [200] * 100
    assert stack.exchanges() == exchanges + 1
    assert found["kept"]["state"] not in ("", planted["state"])


def test_a_hundred_requests_without_a_state_make_one_login(stack: Stack) -> None:
    exchanges = stack.exchanges()
    found = Phone(stack, "fresh-hundred").runs("parallel", url="/mall/orders/1", count=100)
    assert {answer["statusCode"] for answer in found["answers"]} == {200}
    assert stack.exchanges() == exchanges + 1


def test_with_the_platform_busy_one_exchange_answers_all_hundred(stack: Stack) -> None:
    phone = Phone(stack, "busy-hundred")
    planted = phone.expired()
    exchanges = stack.exchanges()
    with stack.faulty(fault="-1", rate=1.0):
        found = phone.runs("parallel", planted, url="/mall/orders/1", count=100)
    assert {answer["reason"] for answer in found["answers"]} == {"platform_says_busy"}
    assert {(answer["statusCode"], answer["action"]) for answer in found["answers"]} == {(503, "retry")}
    assert stack.exchanges() == exchanges + 1
