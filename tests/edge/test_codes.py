"""One exchange per code: parallel requests share it, later ones are refused, faults do not repeat it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.edge.conftest import Stack

LONG = 3.0
"""Seconds that the platform takes where every request shall have come before its answer. After five it is given up."""


@pytest.mark.parametrize("fault", [{}, {"fault": "latency", "seconds": LONG, "times": 1}], ids=["quick", "slow"])
def test_parallel_requests_with_one_code_make_one_exchange(fault: dict[str, object], stack: Stack) -> None:
    """Sixteen connections, spread over two worker processes; every one gets the same session."""
    code = stack.code("zhangsan")
    before = stack.exchanges()
    if fault:
        stack.fault(**fault)
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda _: stack.gateway("/mall/login", ("js_code", code)), range(16)))
    passed = [reply for reply in replies if reply.status == 200]
    assert stack.exchanges() - before == 1
    assert len({reply.identity["x-menshen-session"] for reply in passed}) == 1
    refused = [reply.refusal for reply in replies if reply.status != 200]
    if fault:
        assert not refused
    else:  # a thread that was late sent its request after the answer to another was there
        assert set(refused) <= {(401, 4022, "code_used")}


def test_parallel_requests_share_a_refusal_too(stack: Stack) -> None:
    code = stack.code("zhangsan")
    stack.fault(fault="latency", seconds=LONG, times=1)
    stack.fault(fault="-1", times=1)
    before = stack.exchanges()
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: stack.gateway("/mall/login", ("js_code", code)), range(8)))
    assert {reply.refusal for reply in replies} == {(503, 4021, "platform_says_busy")}
    assert stack.exchanges() - before == 1
    assert stack.gateway("/mall/login", ("js_code", code)).refusal[2] == "code_used"


def test_a_code_is_not_sent_again_after_it_may_have_arrived(stack: Stack) -> None:
    code = stack.code("zhangsan")
    before = stack.exchanges()
    with stack.faulty(fault="502", times=1):
        assert stack.gateway("/mall/login", ("js_code", code)).refusal[1] == 4021
    assert stack.gateway("/mall/login", ("js_code", code)).refusal == (401, 4022, "code_used")
    assert stack.exchanges() - before == 1


def test_a_code_that_never_left_may_be_tried_again(stack: Stack) -> None:
    for _ in range(2):
        assert stack.gateway("/dead/login", ("js_code", "never-sent-code")).refusal[2] == "platform_unreachable"


def test_parallel_logins_of_one_new_user_make_one_user(stack: Stack) -> None:
    codes = [stack.code("newcomer") for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda code: stack.gateway("/mall/login", ("js_code", code)), codes))
    assert len({reply.identity["x-menshen-user"] for reply in replies}) == 1
    assert len({reply.identity["x-menshen-session"] for reply in replies}) == 20


@pytest.mark.parametrize("fault", ["control_characters", "extra_fields", "string_errcode"])
def test_odd_answers_of_the_platform_still_log_in(fault: str, stack: Stack) -> None:
    with stack.faulty(fault=fault, times=1):
        assert stack.gateway("/mall/login", ("js_code", stack.code("zhangsan"))).status == 200


@pytest.mark.parametrize("fault", ["truncated", "html", "huge", "redirect", "502"])
def test_lying_answers_of_the_platform_log_nobody_in(fault: str, stack: Stack) -> None:
    with stack.faulty(fault=fault, times=1):
        reply = stack.gateway("/mall/login", ("js_code", stack.code("zhangsan")))
    assert reply.refusal[1] == 4021
    assert "user_session" not in reply.headers
