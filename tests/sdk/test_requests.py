"""``request()``: what is renewed unseen, what is an error, and what is the caller's own affair."""

from __future__ import annotations

from typing import Any

from tests.edge.conftest import Stack
from tests.edge.sessions import aged, refused_within
from tests.sdk.gateway import Phone


def asked(phone: Phone, *requests: dict[str, Any], planted: dict[str, str] | None = None, **given: Any) -> list[Any]:
    found: list[Any] = phone.runs("asking", planted, asked=list(requests), **given)["answers"]
    return found


def test_the_backend_knows_the_user_and_never_sees_the_state(stack: Stack) -> None:
    (answer,) = asked(Phone(stack, "known"), {"url": "/mall/orders/1?a=b"})
    seen = dict(answer["data"]["headers"])
    assert seen["x-menshen-openid"].startswith("o")
    assert "user_session" not in seen
    assert answer["data"]["query"] == "a=b"


def test_what_an_expired_state_was_sent_with_is_sent_again(stack: Stack) -> None:
    phone = Phone(stack, "again")
    order = {"url": "/mall/orders", "method": "POST", "data": {"sku": 7}, "header": {"X-Trace": "t1"}}
    (answer,) = asked(phone, order, planted=phone.expired())
    assert (answer["statusCode"], answer["data"]["body"]) == (200, '{"sku":7}')
    assert dict(answer["data"]["headers"])["x-trace"] == "t1"


def test_a_revoked_state_is_renewed(stack: Stack) -> None:
    phone = Phone(stack, "revoked")
    state = phone.log_in().state
    assert stack.gateway("/v1/logout", ("user_session", state), method="POST").status == 200
    refused_within([lambda: stack.gateway("/mall/orders/1", ("user_session", state))])
    (answer,) = asked(phone, {"url": "/mall/orders/1"}, planted={"state": state})
    assert answer["statusCode"] == 200
    assert answer["state"] not in ("", state)


def test_a_state_in_its_last_minutes_is_replaced_by_the_one_that_comes_with_the_answer(stack: Stack) -> None:
    phone = Phone(stack, "sliding")
    old = aged(stack, phone.log_in(), 15 * 60)
    exchanges = stack.exchanges()
    first, second = asked(phone, {"url": "/mall/orders/1"}, {"url": "/mall/orders/2"}, planted={"state": old})
    assert first["state"] == second["state"] not in ("", old)
    assert stack.exchanges() == exchanges


def test_a_business_401_is_the_callers(stack: Stack) -> None:
    phone = Phone(stack, "business")
    state = phone.log_in().state
    exchanges = stack.exchanges()
    (answer,) = asked(phone, {"url": "/mall/orders/1?status=401"}, planted={"state": state})
    assert (answer["statusCode"], answer["data"], answer["code"]) == (401, {"from": "backend"}, "")
    assert (answer["state"], stack.exchanges()) == (state, exchanges)


def test_another_refusal_is_an_error_at_once(stack: Stack) -> None:
    (answer,) = asked(Phone(stack, "lost"), {"url": "/nowhere"})
    assert (answer["error"]["reason"], answer["error"]["statusCode"]) == ("no_such_route", 404)
    assert answer["error"]["requestId"]


def test_a_limit_of_the_platform_is_told_with_its_time_and_not_tried_again(stack: Stack) -> None:
    exchanges = stack.exchanges()
    with stack.faulty(fault="45011", rate=1.0):
        (answer,) = asked(Phone(stack, "limited"), {"url": "/mall/orders/1"})
    assert (answer["error"]["reason"], answer["error"]["retryAfter"]) == ("platform_limit", 60)
    assert stack.exchanges() == exchanges + 1


def test_where_nobody_answers_the_error_is_network(stack: Stack) -> None:
    (answer,) = asked(Phone(stack, "away"), {"url": "/mall/1"}, options={"baseUrl": "http://127.0.0.1:9"})
    assert (answer["error"]["reason"], answer["error"]["action"], answer["error"]["statusCode"]) == (
        "network",
        "retry",
        0,
    )


def test_another_host_never_gets_the_state(stack: Stack) -> None:
    phone = Phone(stack, "elsewhere")
    urls = [f"{stack.backend.origin}/orders", stack.backend.origin.replace("http", "HTTP") + "/orders"]
    answers = asked(phone, *({"url": url} for url in urls), planted={"state": phone.log_in().state})
    for answer in answers:
        assert "user_session" not in dict(answer["data"]["headers"])


def test_what_is_public_costs_no_login(stack: Stack) -> None:
    exchanges = stack.exchanges()
    (answer,) = asked(Phone(stack, "anonymous"), {"url": "/open/news"})
    assert (answer["statusCode"], answer["state"]) == (200, "")
    assert stack.exchanges() == exchanges


def test_a_whole_address_of_the_gateway_gets_it(stack: Stack) -> None:
    phone = Phone(stack, "whole")
    (answer,) = asked(phone, {"url": f"{stack.gateway.origin}/mall/1"}, planted={"state": phone.log_in().state})
    assert answer["statusCode"] == 200


def test_a_state_of_the_callers_own_gives_way(stack: Stack) -> None:
    phone = Phone(stack, "double")
    request = {"url": "/mall/1", "header": {"User_Session": "old"}}
    (answer,) = asked(phone, request, planted={"state": phone.log_in().state})
    assert answer["statusCode"] == 200


def test_callbacks_are_told_once_each(stack: Stack) -> None:
    found = Phone(stack, "callbacks").runs("told_by_callbacks", good="/mall/1", bad="/nowhere")
    assert found["good"] == {"calls": [["success", 200], ["complete"]], "given": True}
    assert found["bad"] == {"calls": [["fail", "no_such_route"], ["complete"]], "given": True}
