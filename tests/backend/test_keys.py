"""Keys are fetched when they must be and no oftener, and one that the gateway has taken back is good no more."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from menshen.backend import AssertionInvalid, Keys, KeysUnavailable, Verifier
from menshen.backend.keys import AGE, EVERY, STALE, read_key_set
from tests.backend.issuer import NOW, UID, Ring


class Gateway:
    """Its ring, its published keys and whether they can be had; ``asked`` counts the fetches."""

    def __init__(self) -> None:
        self.ring = Ring()
        self.asked = 0
        self.well = True
        self.now = 1000.0
        self.keys = Keys(self.fetch, clock=lambda: self.now)
        self.verifier = Verifier("orders", self.keys, clock=lambda: NOW)

    def fetch(self) -> bytes:
        self.asked += 1
        if not self.well:
            raise ConnectionRefusedError
        return self.ring.published()

    def accepts(self, assertion: str) -> bool:
        try:
            return self.verifier.verify(assertion).uid == UID
        except AssertionInvalid:
            return False


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def test_nothing_is_fetched_before_the_first_request(gateway: Gateway) -> None:
    assert gateway.asked == 0


def test_many_requests_are_one_fetch(gateway: Gateway) -> None:
    assert all(gateway.accepts(gateway.ring.assertion()) for _ in range(50))
    assert gateway.asked == 1


def test_keys_are_fetched_again_when_they_are_old(gateway: Gateway) -> None:
    gateway.accepts(gateway.ring.assertion())
    gateway.now += AGE
    gateway.accepts(gateway.ring.assertion())
    assert gateway.asked == 1
    gateway.now += 1
    gateway.accepts(gateway.ring.assertion())
    assert gateway.asked == 2


def test_the_first_assertion_of_a_new_key_is_believed_at_once(gateway: Gateway) -> None:
    gateway.accepts(gateway.ring.assertion())
    gateway.now += EVERY
    gateway.ring.rotate()
    assert gateway.accepts(gateway.ring.assertion())
    assert gateway.asked == 2


def test_an_old_key_is_good_until_it_is_retired(gateway: Gateway) -> None:
    old = gateway.ring.assertion()
    gateway.ring.rotate()
    assert gateway.accepts(old)
    gateway.ring.retire_old()
    gateway.now += AGE + 1
    assert not gateway.accepts(old)
    assert gateway.accepts(gateway.ring.assertion())


def test_a_retired_key_goes_with_the_fetch_that_a_new_one_causes(gateway: Gateway) -> None:
    old = gateway.ring.assertion()
    assert gateway.accepts(old)
    gateway.ring.rotate()
    gateway.ring.retire_old()
    gateway.now += EVERY
    assert gateway.accepts(gateway.ring.assertion())
    assert not gateway.accepts(old)


def test_a_flood_of_unknown_kids_costs_the_gateway_one_fetch_in_five_seconds(gateway: Gateway) -> None:
    gateway.accepts(gateway.ring.assertion())
    start = gateway.now
    for step in range(600):
        gateway.now = start + step / 10
        assert not gateway.accepts(Ring().assertion() if step % 100 == 0 else _STRANGER)
    assert gateway.asked == 1 + int(60 / EVERY) - 1
    assert gateway.accepts(gateway.ring.assertion())


_STRANGER = Ring().assertion()


def test_without_keys_nobody_is_believed_and_the_gateway_is_not_pressed(gateway: Gateway) -> None:
    gateway.well = False
    for _ in range(20):
        with pytest.raises(KeysUnavailable):
            gateway.accepts(gateway.ring.assertion())
    assert gateway.asked == 1
    gateway.well = True
    gateway.now += EVERY
    assert gateway.accepts(gateway.ring.assertion())


def test_known_keys_outlast_a_gateway_that_is_away_for_a_while_and_no_longer(gateway: Gateway) -> None:
    good = gateway.ring.assertion()
    assert gateway.accepts(good)
    gateway.well = False
    gateway.now += STALE
    assert gateway.accepts(good)
    gateway.now += 1
    with pytest.raises(KeysUnavailable):
        gateway.accepts(good)


def test_an_answer_that_is_no_jwk_set_changes_nothing(gateway: Gateway) -> None:
    good = gateway.ring.assertion()
    assert gateway.accepts(good)
    gateway.ring.published = lambda: b"<html>502 Bad Gateway</html>"  # type: ignore[method-assign]
    gateway.now += AGE + 1
    assert gateway.accepts(good)
    assert gateway.asked == 2


def test_a_fetch_that_breaks_in_its_own_way_refuses_and_does_not_raise_it() -> None:
    class HttpxError(Exception):
        pass

    def fetch() -> bytes:
        raise HttpxError("secret of the team")

    with pytest.raises(KeysUnavailable) as why:
        Keys(fetch).key("k1")
    assert "secret" not in str(why.value)


class Slow:
    """A fetch that takes until it is let go."""

    def __init__(self, ring: Ring) -> None:
        self.ring = ring
        self.asked = 0
        self.begun = threading.Event()
        self.go = threading.Event()

    def __call__(self) -> bytes:
        self.asked += 1
        self.begun.set()
        assert self.go.wait(60)
        return self.ring.published()


def test_threads_that_come_together_share_one_fetch() -> None:
    ring = Ring()
    slow = Slow(ring)
    keys = Keys(slow)
    kid = ring.keys[0].kid
    found: list[ECKey | None] = []
    threads = [threading.Thread(target=lambda: found.append(keys.key(kid))) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert slow.begun.wait(60)
    slow.go.set()
    for thread in threads:
        thread.join(60)
    assert [key is not None for key in found] == [True] * 8
    assert slow.asked == 1


def test_who_holds_a_good_key_does_not_wait_for_the_fetch() -> None:
    ring = Ring()
    slow = Slow(ring)
    now = [0.0]
    keys = Keys(slow, clock=lambda: now[0])
    kid = ring.keys[0].kid
    slow.go.set()
    assert keys.key(kid)
    now[0] = AGE + 1
    slow.go.clear()
    slow.begun.clear()
    first = threading.Thread(target=keys.key, args=(kid,))
    first.start()
    assert slow.begun.wait(60)
    assert keys.key(kid)
    slow.go.set()
    first.join(60)


def test_the_event_loop_goes_on_during_a_fetch() -> None:
    ring = Ring()
    slow = Slow(ring)
    keys = Keys(slow)
    kid = ring.keys[0].kid

    async def meanwhile() -> list[ECKey | None]:
        waiting = [asyncio.ensure_future(keys.key_async(kid)) for _ in range(5)]
        assert await asyncio.to_thread(slow.begun.wait, 60)
        slow.go.set()
        return await asyncio.gather(*waiting)

    assert all(asyncio.run(meanwhile()))
    assert slow.asked == 1


def test_a_client_that_hangs_up_does_not_end_the_fetch_of_the_others() -> None:
    ring = Ring()
    slow = Slow(ring)
    keys = Keys(slow)
    kid = ring.keys[0].kid

    async def meanwhile() -> ECKey | None:
        first = asyncio.ensure_future(keys.key_async(kid))
        assert await asyncio.to_thread(slow.begun.wait, 60)
        second, third = (asyncio.ensure_future(keys.key_async(kid)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        second.cancel()
        await asyncio.wait([first, second])
        slow.go.set()
        return await third

    assert asyncio.run(meanwhile()) is not None


def test_a_client_that_hangs_up_before_a_thread_is_free_does_not_end_it_either() -> None:
    gateway, free = Gateway(), threading.Event()
    kid = gateway.ring.keys[0].kid

    async def meanwhile() -> ECKey | None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        busy = loop.run_in_executor(None, free.wait, 90)
        first = asyncio.ensure_future(gateway.keys.key_async(kid))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        free.set()
        await busy
        return await asyncio.wait_for(gateway.keys.key_async(kid), 90)

    assert asyncio.run(meanwhile()) is not None


def jwks(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()


def test_keys_of_other_kinds_are_passed_over() -> None:
    (good,) = Ring().jwks["keys"]
    others = [
        RSAKey.generate_key(2048).as_dict(private=False) | {"kid": "rsa"},
        OKPKey.generate_key("Ed25519").as_dict(private=False) | {"kid": "ed"},
        ECKey.generate_key("P-384").as_dict(private=False) | {"kid": "p384"},
        OctKey.generate_key(256).as_dict() | {"kid": "oct"},
        good | {"kid": "../passwd"},
        good | {"kid": 7},
        good | {"kid": "enc", "use": "enc"},
        good | {"kid": "other", "alg": "ES384"},
        {name: value for name, value in good.items() if name != "kid"},
    ]
    assert list(read_key_set(jwks(*others, good))) == [good["kid"]]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"keys": null}',
        b'{"keys": []}',
        b'{"keys": [7]}',
        b'{"keys": {"kty": "EC"}}',
        b"\xff",
        b"[" * 60_000,
        jwks({"kty": "EC", "crv": "P-256", "kid": "k", "x": "AA", "y": "AA"}),
        jwks({"kty": "EC", "crv": "P-256", "kid": "k"}),
        jwks({"kty": "EC", "crv": "P-256", "kid": "k", "x": 1, "y": 2}),
        jwks(*Ring().jwks["keys"] * 2),
        jwks(*(Ring().jwks["keys"][0] for _ in range(33))),
    ],
)
def test_a_broken_document_is_none(document: bytes) -> None:
    with pytest.raises(KeysUnavailable):
        read_key_set(document)


def test_a_private_key_that_was_published_by_mistake_is_kept_as_a_public_one() -> None:
    ring = Ring()
    (key,) = read_key_set(json.dumps({"keys": ring.members}).encode()).values()
    assert not key.is_private
