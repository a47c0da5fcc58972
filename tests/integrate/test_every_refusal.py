"""Every refusal that there is, as Menshen would tell it, through the real proxies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from menshen.config.snapshot import LoginPlugin
from menshen.errors import REFUSALS, TokenMissing
from menshen.gateway.answer import Answer, answer_json, answer_redirect, answer_refusal
from menshen.integrate.answers import STATUSES
from tests.edge.conftest import Stack
from tests.gateway.samples import plugin
from tests.integrate.proxies import FRONTS
from tests.integrate.replayed import Replayed, replayed

TSF: LoginPlugin = plugin(status="tsf")


@dataclass
class Told:
    """A proxy, and who tells it what to say."""

    front: Stack
    by: Replayed


@pytest.fixture(scope="module", params=FRONTS)
def told(request: pytest.FixtureRequest, asked: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    directory = tmp_path_factory.mktemp(f"told-{request.param}")
    with replayed() as by, FRONTS[request.param](asked, directory, verify=by.address) as front:
        yield Told(front, by)


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_refusal_has_its_true_status_its_body_and_its_code(reason: str, told: Told) -> None:
    refusal = REFUSALS[reason]
    told.by.says = lambda _, request_id: answer_refusal(refusal(), request_id)
    reply = told.front.gateway("/mall/orders/1")
    expected = answer_refusal(refusal(), reply.json["request_id"])
    assert reply.status == expected.status == refusal.http_status()
    assert reply.json == json.loads(expected.body)
    assert reply.headers["x-menshen-code"] == str(refusal.code)
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("reason", [each for each, it in REFUSALS.items() if it.http_status("tsf") != it.status])
def test_a_plugin_that_answers_as_tsf_does_is_heard(reason: str, told: Told) -> None:
    refusal = REFUSALS[reason]
    told.by.says = lambda _, request_id: answer_refusal(refusal(), request_id, TSF)
    assert told.front.gateway("/mall/orders/1").status == refusal.http_status("tsf")


def test_no_refusal_has_a_status_that_is_not_turned_back() -> None:
    styles = ("menshen", "tsf")
    assert {refusal.http_status(style) for refusal in REFUSALS.values() for style in styles} <= set(STATUSES)


def test_the_time_to_wait_is_told(told: Told) -> None:
    waits = [reason for reason, refusal in REFUSALS.items() if refusal.http_status() == 429]
    assert waits
    for reason in waits:
        refusal = REFUSALS[reason]()
        refusal.retry_after = 17
        told.by.says = lambda _, request_id, refusal=refusal: answer_refusal(refusal, request_id)
        expected = dict(answer_refusal(refusal, "").headers)[b"retry-after"].decode()
        assert told.front.gateway("/mall/orders/1").headers["retry-after"] == expected


def test_who_is_sent_elsewhere_is_told_where(told: Told) -> None:
    told.by.says = lambda _, request_id: answer_redirect(
        TokenMissing(), request_id, "https://sso.example.com/in?a=1&b=2"
    )
    reply = told.front.gateway("/mall/orders/1")
    assert (reply.status, reply.headers["location"]) == (302, "https://sso.example.com/in?a=1&b=2")


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.dictionaries(st.text(max_size=12), values, max_size=6),
    status=st.sampled_from([status for status in STATUSES if status not in (200, 302)]),
)
def test_a_body_of_a_plugins_own_is_told_whatever_is_in_it(body: dict[str, Any], status: int, told: Told) -> None:
    said = Answer(False, status, answer_json(body, []).headers, answer_json(body, []).body, "x")
    told.by.says = lambda *_: said
    reply = told.front.gateway("/mall/orders/1")
    assert (reply.status, reply.json) == (status, body)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.dictionaries(st.text(max_size=12), values, max_size=6))
def test_an_answer_of_the_gateways_own_is_told_whatever_is_in_it(body: dict[str, Any], told: Told) -> None:
    said = answer_json(body, [(b"set-cookie", b"a=1; Path=/"), (b"set-cookie", b"b=2; Path=/v1")])
    told.by.says = lambda *_: said
    reply = told.front.gateway("/mall/orders/1")
    assert (reply.status, reply.json) == (200, body)
    assert sorted(reply.headers["set-cookie"].split(", ")) == ["a=1; Path=/", "b=2; Path=/v1"]
