"""Through a real Envoy: a change of who guards a route, while requests are on their way."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from menshen.config.route_rules import IpRules, LimitRule
from menshen.config.snapshot import Endpoint, Route, Upstream
from menshen.envoy import DataPlane, Denied, publisher
from menshen.envoy.resources import version_of
from menshen.envoy.succession import closed
from menshen.errors import ChildFailed
from tests.envoy.edge import Edge, Got, deny, edge_of
from tests.envoy.fakes import FakeServer, Reply, eventually
from tests.envoy.issuer import jwt_rules
from tests.envoy.samples import BY_HEADER, route
from tests.envoy.signed import KEYS, OTHER, SIGNED, token

BY_TOKEN = route("mall", "orders", "/orders", None, access="required", jwt=jwt_rules())
BY_STATE = route("mall", "orders", "/orders", BY_HEADER)
BY_ADDRESS = route("mall", "orders", "/orders", None, ip_access=(IpRules("office", ("203.0.113.0/24",), ()),))
BY_SIGNED_STATE = route("mall", "orders", "/orders", SIGNED)
PUBLIC = route("mall", "orders", "/orders", None)
BY_STATE_TOO = route("mall", "list", "/list", BY_HEADER)
"""Keeps the listener as it is where the other one goes."""
LIMITED = replace(PUBLIC, limits=(LimitRule("all", "api", 1, 2),))
LIMITED_OTHERWISE = replace(PUBLIC, limits=(LimitRule("all", "api", 1, 900),))
REFUSED = route("mall", "bad", "/x", BY_HEADER, methods=("\n",))
"""Envoy does not take it."""


@contextmanager
def asking(edge: Edge, *headers: tuple[str, str]) -> Iterator[Counter[object]]:
    """New connections without a pause; how their requests ended."""
    outcomes: Counter[object] = Counter()
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            outcomes[edge.ask("/mall/orders", headers).status] += 1

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield outcomes
    finally:
        done.set()
        for thread in threads:
            thread.join()


@contextmanager
def held(edge: Edge, headers: Iterable[tuple[str, str]]) -> Iterator[Callable[[], Got]]:
    """A connection that Envoy has now and that asks later."""
    connection = http.client.HTTPConnection("127.0.0.1", edge.port, timeout=60)
    before = edge.run(connections(edge))
    connection.connect()

    async def accepted() -> bool:
        return await connections(edge) > before

    edge.run(eventually(accepted, 60))

    def ask() -> Got:
        connection.request("GET", "/mall/orders", headers=dict(headers))
        with connection.getresponse() as response:
            return Got(response.status, response.getheaders(), response.read())

    try:
        yield ask
    finally:
        connection.close()


async def connections(edge: Edge) -> int:
    name = "http.gateway.downstream_cx_total"
    return int((await edge.data_plane.admin.stats(f"^{name}$") or {}).get(name, 0))


FORGED = ("user_session", token(OTHER))
"""Of a shape that Envoy judges alone, by a key that it does not know."""

GUARDS = {
    "token, then state": (BY_TOKEN, BY_STATE, ()),
    "state, then token": (BY_STATE, BY_TOKEN, ()),
    "signed, then sealed": (BY_SIGNED_STATE, BY_STATE, (FORGED,)),
    "sealed, then signed": (BY_STATE, BY_SIGNED_STATE, (FORGED,)),
    "signed, then token": (BY_SIGNED_STATE, BY_TOKEN, (FORGED,)),
    "address, then state": (BY_ADDRESS, BY_STATE, ()),
    "state, then address": (BY_STATE, BY_ADDRESS, ()),
}


@pytest.fixture(params=GUARDS.values(), ids=GUARDS)
def change(request: pytest.FixtureRequest) -> tuple[Route, Route, tuple[tuple[str, str], ...]]:
    found: tuple[Route, Route, tuple[tuple[str, str], ...]] = request.param
    return found


Change = tuple[Route, Route, tuple[tuple[str, str], ...]]


@contextmanager
def attacked(guard: Route, headers: Iterable[tuple[str, str]]) -> Iterator[Edge]:
    """An edge at which somebody who may not asks all the time."""
    with edge_of(keys=KEYS, routes=(guard,)) as edge:
        edge.brain.answer = lambda _: deny(401)
        with asking(edge, *headers) as outcomes:
            yield edge
        assert outcomes
        assert set(outcomes) <= {401, 403}, outcomes
        assert not edge.backend.received


def test_class_18_a_new_connection_meets_the_old_guard_or_the_new_one(change: Change) -> None:
    before, after, headers = change
    with attacked(before, headers) as edge:
        for guard in (after, before) * 4:
            edge.run(edge.data_plane.apply(edge.sample(routes=(guard,))))


def test_class_18_a_new_connection_meets_the_old_guard_while_the_new_one_is_refused(change: Change) -> None:
    before, after, headers = change
    with attacked(before, headers) as edge:
        for _ in range(4):
            with pytest.raises(ChildFailed, match="refused the new rds"):
                edge.run(edge.data_plane.apply(edge.sample(routes=(after, REFUSED))))


def test_class_18_a_connection_that_was_there_before_is_asked_to_leave(change: Change) -> None:
    """Envoy serves it by the filters that it began with, so it meets the old guard, and after a while nobody."""
    before, after, headers = change
    with edge_of(keys=KEYS, routes=(before,)) as edge:
        edge.brain.answer = lambda _: deny(401)
        with held(edge, headers) as early, held(edge, headers) as late:
            edge.run(edge.data_plane.apply(edge.sample(routes=(after,))))
            got = early()
            assert got.status in (401, 403)
            assert got.all("connection") == ["close"]
            edge.run(eventually(closed_routes(edge), 60))
            got = late()
            assert got.refusal == (503, 5001, "route_stale")
            assert got.json["action"] == "retry"
            assert got.all("connection") == ["close"]
        assert edge.ask("/mall/orders", headers).status in (401, 403)
        assert not edge.backend.received


def closed_routes(edge: Edge) -> Callable[[], Awaitable[bool]]:
    """Whether Envoy has taken it that the first listener's routes are closed."""
    name = "http.gateway.rds.gateway.version_text"

    async def taken() -> bool:
        return (await edge.data_plane.admin.stats(f"^{name}$") or {}).get(name) == version_of(closed(0))

    return taken


def test_what_was_on_its_way_when_the_listener_changed_ends_as_it_began() -> None:
    with edge_of(routes=(BY_STATE,)) as edge:
        edge.backend.answer = lambda _: Reply(200, (), b"late", delay=2)
        with ThreadPoolExecutor() as threads:
            asked = threads.submit(edge.ask, "/mall/orders", [("user_session", "s")])

            async def arrived() -> bool:
                return bool(edge.backend.received)

            edge.run(eventually(arrived, 60))
            edge.run(edge.data_plane.apply(edge.sample(routes=(BY_ADDRESS,))))
            edge.run(eventually(closed_routes(edge), 60))
            got = asked.result(60)
        assert (got.status, got.body) == (200, b"late")
        assert edge.ask("/mall/orders").refusal == (403, 4003, "address_refused")


def test_a_change_of_the_listener_while_envoy_is_being_killed_is_not_lost() -> None:
    with edge_of(routes=(BY_STATE,)) as edge:
        os.kill(edge.data_plane.pid or 0, signal.SIGKILL)
        edge.run(edge.data_plane.apply(edge.sample(routes=(BY_TOKEN,))))
        assert edge.ask("/mall/orders").refusal == (401, 4001, "token_missing")
        os.kill(edge.data_plane.pid or 0, signal.SIGKILL)

        async def back() -> bool:
            return await edge.data_plane.ready()

        edge.run(eventually(back, 60))
        assert edge.ask("/mall/orders").refusal == (401, 4001, "token_missing")


def test_nothing_is_left_of_listeners_that_were() -> None:
    with edge_of(routes=(BY_STATE,)) as edge:

        def tables() -> set[str]:
            return {path.parent.name for path in edge.addresses.directory.glob("rds*/routes.json")}

        edge.run(edge.data_plane.apply(edge.sample(routes=(BY_TOKEN,))))
        with pytest.raises(ChildFailed):
            edge.run(edge.data_plane.apply(edge.sample(routes=(BY_STATE, REFUSED))))
        assert tables() == {"rds", "rds-1", "rds-2"}
        edge.run(edge.data_plane.stop(grace=0))
        edge.data_plane = DataPlane(edge.addresses, on_line=edge.log.append)
        edge.run(edge.data_plane.start(edge.snapshot))
        assert tables() == {"rds"}


def test_class_18_a_route_leads_to_the_backend_of_its_own_revision() -> None:
    """The old one lets everybody in, and the new upstream of that name is a backend that only the new one guards."""
    with edge_of(routes=(PUBLIC,)) as edge:
        edge.brain.answer = lambda _: deny(401)
        guarded = FakeServer(edge.backend.answer)
        edge.run(guarded.start())
        try:
            there = (Upstream("orders", (Endpoint("127.0.0.1", guarded.port),)),)
            with asking(edge) as outcomes, held(edge, ()) as early:
                for _ in range(4):
                    edge.run(edge.data_plane.apply(edge.sample(routes=(BY_STATE,), upstreams=there)))
                    edge.run(edge.data_plane.apply(edge.sample(routes=(PUBLIC,))))
                edge.run(edge.data_plane.apply(edge.sample(routes=(BY_ADDRESS,), upstreams=there)))
                assert early().status in (200, 503)
            assert set(outcomes) <= {200, 401, 403}, outcomes
            assert not guarded.received
        finally:
            edge.run(guarded.stop())


def test_class_55_limits_of_a_listener_that_was_replaced_hold_after_two_more_changes() -> None:
    """Of quick changes: its filter follows the file, and its routes are there for a while yet."""
    with edge_of(routes=(LIMITED,)) as edge, ExitStack() as stack:
        edge.data_plane._publisher._linger = 60
        early = [stack.enter_context(held(edge, ())) for _ in range(6)]
        edge.run(edge.data_plane.apply(edge.sample(routes=(BY_ADDRESS,))))
        edge.run(edge.data_plane.apply(edge.sample(routes=(LIMITED_OTHERWISE,))))
        assert Counter(ask().status for ask in early)[429] >= 2


def test_a_revocation_during_a_change_is_waited_for_where_envoy_is_about_to_judge_alone() -> None:
    with edge_of(keys=KEYS, routes=(BY_STATE,)) as edge:
        delivery = edge.data_plane._publisher._delivery
        offer = delivery.offer

        async def slow(subscription: Any, content: bytes, generation: int = 0) -> None:
            """Envoy stands still before it is given the listener for good, and a session is revoked then."""
            if subscription != "lds" or b"rehearsal" in content:
                await offer(subscription, content, generation)
                return
            os.kill(edge.data_plane.pid or 0, signal.SIGSTOP)
            revoked = asyncio.create_task(edge.data_plane.deny(Denied(("sid1",))))
            done, _ = await asyncio.wait([revoked], timeout=0.3)
            os.kill(edge.data_plane.pid or 0, signal.SIGCONT)
            await revoked
            assert not done, "nobody can know yet"
            await offer(subscription, content, generation)

        delivery.offer = slow  # type: ignore[method-assign]
        edge.run(edge.data_plane.apply(edge.sample(routes=(BY_SIGNED_STATE,))))
        assert edge.ask("/mall/orders", [("state", token())]).refusal == (401, 4024, "session_revoked")


def test_a_refused_change_does_not_keep_what_the_one_before_it_removed() -> None:
    """A revocation would wait for filters that no listener has any more."""
    with edge_of(keys=KEYS, routes=(BY_SIGNED_STATE,)) as edge:
        edge.run(edge.data_plane.apply(edge.sample(routes=(BY_STATE,))))
        with pytest.raises(ChildFailed):
            edge.run(edge.data_plane.apply(edge.sample(routes=(BY_STATE, REFUSED))))

        async def gone() -> bool:
            return b"signed@" not in edge.addresses.file("states").read_bytes()

        edge.run(eventually(gone, 60))


def test_whatever_breaks_off_a_change_leaves_the_files_of_the_old_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next change compares with them what Envoy must be told."""
    with edge_of(routes=(BY_STATE,)) as edge:
        delivery = edge.data_plane._publisher._delivery
        offer = delivery.offer
        public = edge.sample(routes=(replace(BY_STATE, login=None, access="public"), BY_STATE_TOO))

        async def full(subscription: Any, content: bytes, generation: int = 0) -> None:
            await offer(subscription, content, generation)
            if subscription == "rds":
                raise OSError("no space left on device")

        monkeypatch.setattr(delivery, "offer", full)
        with pytest.raises(OSError, match="no space"):
            edge.run(edge.data_plane.apply(public))
        monkeypatch.undo()
        edge.brain.answer = lambda _: deny(401)

        async def guarded() -> bool:
            return (await asyncio.to_thread(edge.ask, "/mall/orders")).status == 401

        edge.run(eventually(guarded, 20))


def test_nothing_is_removed_while_old_routes_that_name_it_are_open() -> None:
    """A good login state would be refused on a connection from before the change, and its owner log in again."""
    with edge_of(keys=KEYS, routes=(BY_SIGNED_STATE,)) as edge:
        edge.run(edge.data_plane.apply(edge.sample(routes=(BY_STATE,))))
        states = edge.addresses.file("states")
        os.kill(edge.data_plane.pid or 0, signal.SIGSTOP)
        try:
            time.sleep(1)
            assert b"signed@" in states.read_bytes()
        finally:
            os.kill(edge.data_plane.pid or 0, signal.SIGCONT)

        async def gone() -> bool:
            return b"signed@" not in states.read_bytes()

        edge.run(eventually(gone, 60))
        assert edge.run(closed_routes(edge)())


def test_envoy_keeps_no_more_listeners_than_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "_MOST_LISTENERS", 2)
    with edge_of(routes=(BY_STATE,), drain=600) as edge:
        edge.brain.answer = lambda _: deny(401)
        for route_now in (BY_TOKEN, BY_ADDRESS):
            edge.run(edge.data_plane.apply(edge.sample(routes=(route_now,))))
        with pytest.raises(ChildFailed, match="changed 2 times within 600 s"):
            edge.run(edge.data_plane.apply(edge.sample(routes=(BY_STATE,))))
        assert edge.ask("/mall/orders").refusal == (403, 4003, "address_refused")
        more = route("mall", "more", "/more", None, ip_access=BY_ADDRESS.ip_access)
        edge.run(edge.data_plane.apply(edge.sample(routes=(BY_ADDRESS, more))))
        assert edge.ask("/mall/more").refusal == (403, 4003, "address_refused")


def test_a_listener_that_was_replaced_is_gone_after_a_while() -> None:
    with edge_of(routes=(BY_STATE,), drain=1) as edge:
        edge.run(edge.data_plane.apply(edge.sample(routes=(BY_TOKEN,))))

        async def gone() -> bool:
            stats = await edge.data_plane.admin.stats(r"^listener_manager\..*_draining$") or {"": 1}
            return not any(stats.values())

        edge.run(eventually(gone, 60))
        edge.run(edge.data_plane.apply(edge.sample(routes=(BY_STATE,))))
