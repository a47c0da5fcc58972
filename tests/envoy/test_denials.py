"""The two sets of revoked sessions, without Envoy: what it would hold at every moment."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from menshen.config.snapshot import Endpoint
from menshen.envoy import Addresses, Denied
from menshen.envoy.addresses import Subscription
from menshen.envoy.delivery import Delivery
from menshen.envoy.denials import Denials
from menshen.envoy.resources import place
from menshen.errors import ChildFailed


def run(test: Callable[[Addresses], Coroutine[Any, Any, None]]) -> Callable[[Addresses], None]:
    def with_loop(addresses: Addresses) -> None:
        asyncio.run(test(addresses))

    with_loop.__name__ = test.__name__
    return with_loop


class FakeDelivery(Delivery):
    """Takes a file some time after it was offered, or never."""

    def __init__(self, addresses: Addresses) -> None:
        self.addresses = addresses
        self.sets: dict[Subscription, set[str]] = {"settled": set(), "recent": set(), "apps": set()}
        self.offers: list[Subscription] = []
        self.must_hold: set[str] = set()
        self.broken = False

    async def offer(self, subscription: Subscription, content: bytes) -> None:
        self.offers.append(subscription)
        place(self.addresses.file(subscription), content)
        await asyncio.sleep(0.02 if subscription == "settled" else 0.002)
        if self.broken:
            raise ChildFailed("refused")
        self.sets[subscription] = ids(content)
        assert self.must_hold <= self.sets["settled"] | self.sets["recent"]


def ids(content: bytes) -> set[str]:
    config = json.loads(content)["resources"][0]["typed_config"]
    return set(config.get("matcher", {}).get("matcher_tree", {}).get("exact_match_map", {}).get("map", {}))


async def becomes(condition: Callable[[], bool]) -> None:
    """What goes on in the background gets there, on a slow machine later."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.fixture
def addresses(tmp_path: Path) -> Addresses:
    return Addresses.under(tmp_path, listen=Endpoint("127.0.0.1", 1), brain=[])


def made(addresses: Addresses, **limits: float) -> tuple[Denials, FakeDelivery]:
    delivery = FakeDelivery(addresses)
    denials = Denials(addresses, delivery, lambda: True, small=10, rest=limits.get("rest", 0.01))
    return denials, delivery


@run
async def test_no_id_is_ever_in_neither_set(addresses: Addresses) -> None:
    denials, delivery = made(addresses)
    denials.prepare(Denied())
    began = time.monotonic()
    for number in range(1, 200):
        sids = {f"s{n}" for n in range(number)}
        await denials.deny(Denied(sids=sids))
        delivery.must_hold = sids
        if number % 20 == 0:
            await asyncio.sleep(0.01)
    await becomes(lambda: len(delivery.sets["recent"]) <= 10 and len(delivery.sets["settled"]) >= 189)
    assert delivery.offers.count("settled") <= 1 + (time.monotonic() - began) / 0.03, "no rest between two of them"
    await denials.close()


@run
async def test_the_large_set_is_written_rarely(addresses: Addresses) -> None:
    denials, delivery = made(addresses, rest=60)
    denials.prepare(Denied(sids=[f"old{n}" for n in range(100)]))
    for number in range(1, 40):
        await denials.deny(Denied(sids={*(f"old{n}" for n in range(100)), *(f"s{n}" for n in range(number))}))
    await becomes(lambda: "settled" in delivery.offers)
    await asyncio.sleep(0.1)
    assert delivery.offers.count("settled") == 1
    await denials.close()


@run
async def test_calls_that_wait_are_done_together(addresses: Addresses) -> None:
    denials, delivery = made(addresses, rest=60)
    denials.prepare(Denied())
    async with asyncio.TaskGroup() as group:
        for number in range(1, 9):
            group.create_task(denials.deny(Denied(sids={f"s{n}" for n in range(number)})))
    assert delivery.sets["recent"] == {f"s{n}" for n in range(8)}
    assert delivery.offers == ["recent", "recent"], "the first, and all the others"
    await denials.close()


@run
async def test_what_has_run_out_leaves_the_large_set_in_the_end(addresses: Addresses) -> None:
    denials, delivery = made(addresses)
    denials.prepare(Denied(sids=[f"old{n}" for n in range(100)]))
    delivery.sets["settled"] = {f"old{n}" for n in range(100)}
    await denials.deny(Denied(sids=["old1"]))
    await becomes(lambda: delivery.sets == {"settled": {"old1"}, "recent": set(), "apps": set()})
    await denials.close()


@run
async def test_a_refused_set_leaves_the_file_as_it_was_and_is_tried_again(addresses: Addresses) -> None:
    denials, delivery = made(addresses)
    denials.prepare(Denied(sids=["a"]))
    before = addresses.file("recent").read_bytes()
    delivery.broken = True
    with pytest.raises(ChildFailed):
        await denials.deny(Denied(sids=["a", "b"]))
    assert addresses.file("recent").read_bytes() == before
    delivery.broken = False
    await denials.deny(Denied(sids=["a", "b"]))
    assert delivery.sets["recent"] == {"b"}
    await denials.close()


@run
async def test_without_a_reader_the_files_wait(addresses: Addresses) -> None:
    delivery = FakeDelivery(addresses)
    denials = Denials(addresses, delivery, lambda: False)
    denials.prepare(Denied())
    await denials.deny(Denied(sids=["a"], apps=[("", "", 5)]))
    assert not delivery.offers
    assert ids(addresses.file("recent").read_bytes()) == {"a"}
    assert b'"end":5' in addresses.file("apps").read_bytes()
    await denials.close()
