"""A real Envoy whose keys and plugins change while signed states are being judged."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from menshen.envoy import Denied
from menshen.envoy.addresses import FILES
from menshen.errors import ChildFailed
from menshen.sessions.keys import SigningKey
from menshen.sessions.lifetimes import first_claims
from menshen.sessions.signed import SignedSessions
from tests.envoy.edge import Edge, edge_of
from tests.envoy.fakes import eventually
from tests.envoy.samples import SHOP
from tests.envoy.signed import KEY, KEYS, OTHER, SIGNED, Key, public, signed_routes, token
from tests.envoy.test_edge_signed import INVALID, REVOKED, UNCHECKED, state

BOTH = public(OTHER, KEY)


@pytest.fixture(scope="module")
def own_edge() -> Iterator[Edge]:
    with edge_of(keys=KEYS, routes=tuple(signed_routes())) as edge:
        yield edge


@pytest.fixture
def edge(own_edge: Edge) -> Edge:
    own_edge.reset()
    own_edge.run(own_edge.data_plane.apply(own_edge.snapshot))
    own_edge.run(own_edge.data_plane.use_keys(KEYS))
    return own_edge


@pytest.mark.parametrize("key", [KEY, OTHER], ids=["ES256", "EdDSA"])
def test_what_the_brain_signs_is_what_envoy_takes(edge: Edge, key: Key) -> None:
    kid, algorithm, pair = key
    edge.run(edge.data_plane.use_keys(BOTH))
    sessions = SignedSessions([SigningKey(kid, "ES256" if algorithm == "ES256" else "EdDSA", pair)])
    now = int(time.time())
    claims = first_claims(
        SIGNED.session,
        sub="u-1",
        sid="sid1",
        platform=SHOP.platform,
        appid=SHOP.appid,
        openid="o-1",
        unionid="",
        claims={"level": "7"},
        now=now,
    )
    text = sessions.mint(claims, disclose=("openid",), renew_at=0, app=SHOP.name)
    assert edge.ask("/app/orders/7", state(text)).status == 200
    assert not edge.brain.received
    assert edge.forwarded.one("x-menshen-openid") == "o-1"
    assert edge.forwarded.one("x-user-level") == "7"
    edge.run(edge.data_plane.deny(Denied(apps=[(SHOP.platform, SHOP.appid, claims.auth + 1)])))
    assert edge.ask("/app/orders/7", state(text)).refusal == REVOKED
    edge.run(edge.data_plane.deny(Denied()))


async def load(
    edge: Edge, texts: list[str], until: Callable[[Counter[object]], Coroutine[Any, Any, Any]]
) -> Counter[object]:
    """Requests with these states without a pause while ``until`` runs; how they ended, which it may look at."""
    outcomes: Counter[object] = Counter()
    done = asyncio.Event()

    async def one(session: aiohttp.ClientSession, text: str) -> None:
        while not done.is_set():
            try:
                async with session.get(f"http://127.0.0.1:{edge.port}/app/orders/7", headers={"state": text}) as reply:
                    await reply.read()
                    outcomes[reply.status] += 1
            except aiohttp.ClientError as error:
                outcomes[type(error).__name__] += 1

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for text in texts:
            group.create_task(one(session, text))
        try:
            await until(outcomes)
        finally:
            done.set()
    return outcomes


def test_a_rotation_under_load_fails_no_request(edge: Edge) -> None:
    async def rotate(outcomes: Counter[object]) -> None:
        for number, keys in enumerate(itertools.cycle((BOTH, KEYS, BOTH))):
            await edge.data_plane.use_keys(keys)
            await asyncio.sleep(0.02)
            if number >= 14 and outcomes.total() > 200 and keys is BOTH:
                break

    outcomes = edge.run(load(edge, [token(sid=f"s{n}") for n in range(8)], rotate))
    assert set(outcomes) == {200}, outcomes
    assert outcomes[200] > 200
    assert edge.ask("/app/orders/7", state(token(OTHER))).status == 200


def test_a_new_key_is_taken_and_a_retired_one_refused_also_where_it_was_cached(edge: Edge) -> None:
    old, new = state(token()), state(token(OTHER))
    assert edge.ask("/app/orders/7", old).status == 200
    assert edge.ask("/app/orders/7", new).refusal == INVALID
    edge.run(edge.data_plane.use_keys(BOTH))
    assert [edge.ask("/app/orders/7", text).status for text in (old, new)] == [200, 200]
    edge.run(edge.data_plane.use_keys(public(OTHER)))
    assert edge.ask("/app/orders/7", old).refusal == INVALID
    assert edge.ask("/app/orders/7", new).status == 200


def test_a_rotation_replaces_no_listener(edge: Edge) -> None:
    before = (edge.addresses.directory / FILES["lds"]).read_bytes()
    edge.run(edge.data_plane.use_keys(BOTH))
    assert (edge.addresses.directory / FILES["lds"]).read_bytes() == before


def test_keys_that_envoy_cannot_read_change_nothing(edge: Edge) -> None:
    with pytest.raises(ChildFailed, match="refused the new states"):
        edge.run(edge.data_plane.use_keys("no keys"))
    assert edge.ask("/app/orders/7", state(token())).status == 200
    edge.run(edge.data_plane.use_keys(BOTH))
    assert edge.ask("/app/orders/7", state(token(OTHER))).status == 200


def test_without_keys_the_brain_judges(edge: Edge) -> None:
    edge.run(edge.data_plane.use_keys(""))
    assert edge.ask("/app/orders/7", state("anything")).status == 200
    assert edge.asked.one("state") == "anything"
    edge.run(edge.brain.stop())
    try:
        assert edge.ask("/app/orders/7", state(token())).refusal == UNCHECKED
        edge.run(edge.data_plane.use_keys(KEYS))
        assert edge.ask("/app/orders/7", state(token())).status == 200
    finally:
        edge.run(edge.brain.start())


def test_plugins_that_change_under_load_fail_no_request(edge: Edge) -> None:
    """Routes and providers are different resources: no request may meet one without the other."""

    async def changes(_: Counter[object]) -> None:
        for number in range(12):
            login = replace(SIGNED, claims=(("level", f"x-level-{number % 3}"),))
            routes = tuple(replace(r, login=login) if r.login is SIGNED else r for r in signed_routes())
            await edge.data_plane.apply(edge.sample(routes=routes))
            await asyncio.sleep(0.05)

    outcomes = edge.run(load(edge, [token(sid=f"s{n}", c_level="9") for n in range(8)], changes))
    assert set(outcomes) == {200}, outcomes
    edge.reset()
    edge.ask("/app/orders/7", state(token(c_level="9")))
    assert edge.forwarded.one("x-level-2") == "9"
    assert not edge.forwarded.all("x-user-level")


def test_signed_routes_come_and_go_under_load(edge: Edge) -> None:
    async def changes(_: Counter[object]) -> None:
        for _ in range(3):
            await edge.data_plane.apply(edge.sample(routes=tuple(signed_routes())[:-1]))
            await asyncio.sleep(0.05)
            await edge.data_plane.apply(edge.snapshot)

    outcomes = edge.run(load(edge, [token(sid=f"s{n}") for n in range(4)], changes))
    assert set(outcomes) == {200}, outcomes


def test_providers_that_no_route_names_are_gone_after_a_while(edge: Edge) -> None:
    file = edge.addresses.directory / FILES["states"]

    async def change() -> bytes:
        """What the file holds at the end of it, before anything else can happen to it."""
        await edge.data_plane.apply(edge.sample(routes=tuple(r for r in signed_routes() if r.group != "long")))
        return file.read_bytes()

    assert b"signed-renewed@" in edge.run(change())

    async def gone() -> bool:
        return b"signed-renewed@" not in file.read_bytes()

    edge.run(eventually(gone))
    edge.run(edge.data_plane.use_keys(BOTH))
    assert b"signed-renewed@" not in file.read_bytes()
    assert edge.ask("/app/orders/7", state(token(OTHER))).status == 200


def test_keys_that_change_while_old_providers_linger(edge: Edge) -> None:
    edge.run(edge.data_plane.apply(edge.sample(routes=tuple(r for r in signed_routes() if r.group != "long"))))
    edge.run(edge.data_plane.use_keys(public(OTHER)))

    async def gone() -> bool:
        return b"signed-renewed@" not in (edge.addresses.directory / FILES["states"]).read_bytes()

    edge.run(eventually(gone))
    assert edge.ask("/app/orders/7", state(token(OTHER))).status == 200
    assert edge.ask("/app/orders/7", state(token(KEY))).refusal == INVALID
