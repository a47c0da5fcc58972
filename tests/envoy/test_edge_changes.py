"""Through a real Envoy: a change of who guards a route, while requests are on their way."""

from __future__ import annotations

import http.client
import os
import signal
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from menshen.config.route_rules import IpRules
from menshen.config.snapshot import Route
from menshen.envoy import DataPlane
from menshen.envoy.resources import version_of
from menshen.envoy.succession import closed
from menshen.errors import ChildFailed
from tests.envoy.edge import Edge, Got, deny, edge_of
from tests.envoy.fakes import Reply, eventually
from tests.envoy.issuer import jwt_rules
from tests.envoy.samples import BY_HEADER, route
from tests.envoy.signed import KEYS, OTHER, SIGNED, token

BY_TOKEN = route("mall", "orders", "/orders", None, access="required", jwt=jwt_rules())
BY_STATE = route("mall", "orders", "/orders", BY_HEADER)
BY_ADDRESS = route("mall", "orders", "/orders", None, ip_access=(IpRules("office", ("203.0.113.0/24",), ()),))
BY_SIGNED_STATE = route("mall", "orders", "/orders", SIGNED)
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


def test_class_18_a_new_connection_meets_the_old_guard_or_the_new_one(change: Change) -> None:
    before, after, headers = change
    with edge_of(keys=KEYS, routes=(before,)) as edge:
        edge.brain.answer = lambda _: deny(401)
        with asking(edge, *headers) as outcomes:
            for _ in range(4):
                edge.run(edge.data_plane.apply(edge.sample(routes=(after,))))
                edge.run(edge.data_plane.apply(edge.sample(routes=(before,))))
        assert set(outcomes) <= {401, 403}, outcomes
        assert not edge.backend.received


def test_class_18_a_new_connection_meets_the_old_guard_while_the_new_one_is_refused(change: Change) -> None:
    before, after, headers = change
    with edge_of(keys=KEYS, routes=(before,)) as edge:
        edge.brain.answer = lambda _: deny(401)
        with asking(edge, *headers) as outcomes:
            for _ in range(4):
                with pytest.raises(ChildFailed, match="refused the new rds"):
                    edge.run(edge.data_plane.apply(edge.sample(routes=(after, REFUSED))))
        assert set(outcomes) <= {401, 403}, outcomes
        assert not edge.backend.received


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
