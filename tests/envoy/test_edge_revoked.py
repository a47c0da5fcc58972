"""Through a real Envoy: revoked signed states, with the brain dead from the start to the end."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator

import pytest

from menshen.envoy import Denied
from tests.envoy.edge import Edge, edge_of
from tests.envoy.signed import KEYS, signed_routes, token
from tests.envoy.test_edge_signed import REVOKED, state

NOW = int(time.time())
HERE = ("wechat", "wx4f4bc4dec97d474b")


@pytest.fixture(scope="module")
def edge() -> Iterator[Edge]:
    with edge_of(keys=KEYS, denied=Denied(sids=("ended0",)), routes=tuple(signed_routes())) as edge:
        edge.run(edge.brain.stop())
        yield edge


@pytest.fixture(autouse=True)
def nothing_else_revoked(edge: Edge) -> None:
    edge.run(edge.data_plane.deny(Denied(sids=("ended0",))))
    edge.reset()


def ask(edge: Edge, sid: str, **claims: object) -> tuple[int, int, str] | int:
    got = edge.ask("/app/orders/7", state(token(sid=sid, **claims)))
    return got.status if got.status == 200 else got.refusal


def test_what_was_revoked_before_the_start_is_refused(edge: Edge) -> None:
    assert ask(edge, "ended0") == REVOKED
    assert ask(edge, "live") == 200


def test_a_session_is_refused_as_soon_as_deny_returns(edge: Edge) -> None:
    assert ask(edge, "ended1") == 200
    edge.run(edge.data_plane.deny(Denied(sids={"ended0", "ended1"})))
    assert ask(edge, "ended1") == REVOKED
    assert ask(edge, "ended0") == REVOKED
    assert ask(edge, "live") == 200
    got = edge.ask("/app/orders/7", state(token(sid="ended1")))
    assert got.json["action"] == "login"
    assert not got.all("www-authenticate")


@pytest.mark.parametrize("target", ["/app/orders/7", "/app/open", "/find/q", "/form/send", "/long/x"])
def test_on_every_route(edge: Edge, target: str) -> None:
    text = token(sid="ended0", rnw=NOW + 86_400)
    names = {"/form/send": "body_state", "/long/x": "state2"}
    if target == "/find/q":
        got = edge.ask(f"{target}?token={text}")
    else:
        got = edge.ask(target, [(names.get(target, "state"), text)], method="POST" if "form" in target else "GET")
    assert got.refusal == REVOKED
    assert not edge.backend.received


@pytest.mark.parametrize(
    ("apps", "before", "after"),
    [
        ([(*HERE, NOW)], REVOKED, 200),
        ([("", "", NOW)], REVOKED, 200),
        ([("qq", HERE[1], NOW), (*HERE, NOW - 100)], 200, 200),
        ([("qq", HERE[1], NOW), (*HERE, NOW)], REVOKED, 200),
        ([(*HERE, NOW + 1)], REVOKED, REVOKED),
    ],
)
def test_an_app_is_refused_by_the_time_of_the_login(
    edge: Edge, apps: list[tuple[str, str, int]], before: object, after: object
) -> None:
    edge.run(edge.data_plane.deny(Denied(apps=apps)))
    assert ask(edge, "live", auth=NOW - 1) == before
    assert ask(edge, "live", auth=NOW) == after
    assert edge.ask("/app/open").status == 200
    edge.run(edge.data_plane.deny(Denied()))
    assert ask(edge, "live", auth=NOW - 1) == 200


def test_the_set_is_there_again_after_a_crash(edge: Edge) -> None:
    edge.run(edge.data_plane.deny(Denied(sids=("ended2",), apps=[(*HERE, NOW - 50)])))
    os.kill(edge.data_plane.pid or 0, signal.SIGKILL)
    deadline = time.monotonic() + 90
    while True:
        try:
            if ask(edge, "live") == 200:
                break
        except OSError:
            pass
        assert time.monotonic() < deadline
    assert ask(edge, "ended2") == REVOKED
    assert ask(edge, "live", auth=NOW - 51) == REVOKED


def test_a_revocation_while_envoy_is_being_killed_is_not_lost(edge: Edge) -> None:
    os.kill(edge.data_plane.pid or 0, signal.SIGKILL)
    edge.run(edge.data_plane.deny(Denied(sids=("ended3",))))
    assert ask(edge, "ended3") == REVOKED


def test_many_at_once_and_one_by_one(edge: Edge) -> None:
    many = [f"bulk{number}" for number in range(3000)]

    async def one_by_one() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(1000, 1060):
                group.create_task(edge.data_plane.deny(Denied(sids=many[:number])))

    edge.run(edge.data_plane.deny(Denied(sids=many[:1000])))
    assert ask(edge, "bulk999") == REVOKED
    edge.run(one_by_one())
    assert ask(edge, "bulk1058") == REVOKED
    assert ask(edge, "bulk1060") == 200
    edge.run(edge.data_plane.deny(Denied(sids=many)))
    assert [ask(edge, many[number]) for number in (0, 999, 1059, 2999)] == [REVOKED] * 4


def test_ids_move_to_the_large_set_and_stay_refused(edge: Edge) -> None:
    denials = edge.data_plane._publisher._denials
    denials._rest = 0.1
    many = [f"move{number}" for number in range(800)]
    settled = edge.addresses.file("settled")

    async def moved() -> bool:
        return b"move799" in settled.read_bytes() and b"move799" not in edge.addresses.file("recent").read_bytes()

    edge.run(edge.data_plane.deny(Denied(sids=many)))
    deadline = time.monotonic() + 60
    while not edge.run(moved()):
        assert ask(edge, "move0") == REVOKED
        assert ask(edge, "move799") == REVOKED
        assert time.monotonic() < deadline
    assert ask(edge, "move799") == REVOKED
    edge.run(edge.data_plane.deny(Denied(sids=many[:1])))
    assert ask(edge, "live") == 200


def test_a_new_revision_keeps_what_is_revoked(edge: Edge) -> None:
    edge.run(edge.data_plane.deny(Denied(sids=("ended4",))))
    edge.run(edge.data_plane.apply(edge.sample(routes=tuple(signed_routes())[:-1])))
    assert ask(edge, "ended4") == REVOKED
    edge.run(edge.data_plane.apply(edge.snapshot))
    assert ask(edge, "ended4") == REVOKED


def test_revoked_while_no_route_takes_signed_states(edge: Edge) -> None:
    edge.run(edge.data_plane.apply(edge.sample()))
    edge.run(edge.data_plane.deny(Denied(sids=("ended5",))))
    time.sleep(0.3)  # the providers that nobody uses any more are gone
    edge.run(edge.data_plane.apply(edge.snapshot))
    assert ask(edge, "ended5") == REVOKED
    assert ask(edge, "live") == 200
