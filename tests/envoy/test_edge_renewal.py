"""Through a real Envoy: signed states that are renewed in time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from menshen.envoy import renewal
from tests.envoy.edge import Edge, deny, edge_of
from tests.envoy.fakes import Reply
from tests.envoy.signed import KEYS, signed_routes, token

NOW = int(time.time())
LATER = NOW + 86_400  # than this test, however long the others before it take
RENEWED = Reply(headers=(("state2", "NEW"), ("x-menshen-user", "somebody-else"), ("x-not-listed", "no")))


@pytest.fixture(scope="module")
def own_edge() -> Iterator[Edge]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(renewal, "_TIMEOUT", 30.0)  # a brain that a busy machine holds up answers all the same
        with edge_of(keys=KEYS, routes=tuple(signed_routes())) as edge:
            yield edge


@pytest.fixture
def edge(own_edge: Edge) -> Edge:
    own_edge.reset()
    own_edge.brain.answer = lambda _: RENEWED
    return own_edge


@pytest.mark.parametrize("claims", [{"rnw": LATER}, {}], ids=["later", "never"])
def test_before_its_time_nobody_is_asked(edge: Edge, claims: dict[str, int]) -> None:
    """A state from before its plugin renewed any says no time: to ask about each of them would help nobody."""
    got = edge.ask("/long/x", [("state2", token(**claims))])
    assert got.status == 200
    assert not got.all("state2")
    assert not edge.brain.received


@pytest.mark.parametrize("claims", [{"rnw": NOW - 1}, {"rnw": NOW}, {"rnw": 1}], ids=["due", "now", "long ago"])
def test_when_it_is_time_the_brain_gives_a_new_state(edge: Edge, claims: dict[str, int]) -> None:
    text = token(**claims)
    got = edge.ask("/long/x?a=b", [("state2", text), ("x-menshen-renew-at", "9999999999")])
    assert got.status == 200
    assert got.body == b"backend"
    assert got.all("state2") == ["NEW"]
    assert not got.all("x-not-listed")
    assert edge.asked.one("state2") == text
    assert edge.asked.one("x-menshen-route") == f"long/x@{edge.snapshot.checksum}"
    assert edge.asked.one("x-menshen-received")
    assert edge.forwarded.one("x-menshen-user") == "u-1", "identity is of the verified state"
    assert not edge.forwarded.all("state2")
    assert not edge.forwarded.all("x-menshen-renew-at")


def test_a_bad_state_is_not_renewed(edge: Edge) -> None:
    assert edge.ask("/long/x", [("state2", token(rnw=1, exp=NOW - 10))]).refusal == (401, 4024, "session_expired")
    assert not edge.brain.received


def test_the_brains_refusal_stands(edge: Edge) -> None:
    edge.brain.answer = lambda _: deny(401, {"code": 4024, "reason": "session_revoked"})
    got = edge.ask("/long/x", [("state2", token(rnw=1))])
    assert (got.status, got.json["reason"]) == (401, "session_revoked")
    assert not edge.backend.received


@pytest.mark.parametrize("reply", [Reply(500), Reply(503), Reply(0), Reply(raw=b"SSH-2.0\r\n")])
def test_a_brain_that_fails_is_no_reason_to_refuse(edge: Edge, reply: Reply) -> None:
    edge.brain.answer = lambda _: reply
    got = edge.ask("/long/x", [("state2", token(rnw=1))])
    assert got.status == 200
    assert not got.all("state2")
    assert edge.forwarded.one("x-menshen-user") == "u-1"


def test_a_brain_that_hangs_delays_by_a_second() -> None:
    with edge_of(keys=KEYS, routes=tuple(signed_routes())) as edge:
        edge.brain.answer = lambda _: Reply(delay=120)
        started = time.monotonic()
        assert edge.ask("/long/x", [("state2", token(rnw=1))]).status == 200
        assert 0.5 < time.monotonic() - started < 45


def test_a_dead_brain_is_no_reason_to_refuse(edge: Edge) -> None:
    edge.run(edge.brain.stop())
    try:
        assert edge.ask("/long/x", [("state2", token(rnw=1))]).status == 200
        assert edge.ask("/long/x", [("state2", token(rnw=LATER))]).status == 200
        assert edge.ask("/long/x", [("js_code", "c")]).refusal == (503, 5004, "brain_unavailable")
        assert [request.one("x-menshen-user") for request in edge.backend.received] == ["u-1", "u-1"]
    finally:
        edge.run(edge.brain.start())


def test_a_code_still_logs_in(edge: Edge) -> None:
    edge.brain.answer = lambda _: Reply(headers=(("x-menshen-user", "u-real"),))
    edge.ask("/long/x", [("js_code", "c"), ("state2", token(rnw=1))])
    assert edge.forwarded.one("x-menshen-user") == "u-real"


def test_where_nothing_is_renewed_nobody_is_asked(edge: Edge) -> None:
    assert edge.ask("/app/orders/7", [("state", token(rnw=1))]).status == 200
    assert not edge.brain.received
