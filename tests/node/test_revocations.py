"""The way of a revocation from the database to workers and Envoy, with what fails on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from menshen.envoy import Denied
from menshen.errors import ChildFailed, DatabaseUnavailable
from menshen.node.channel import Revoked
from menshen.node.revocations import RevocationFeed
from menshen.sessions.revocation import Revocation

NOW = 1_800_000_000.0


def session(number: int, kind: str = "signed", until: int = int(NOW) + 60) -> Revocation:
    return Revocation(number, f"s{number}", "wechat", "wx1", 0, until, kind)


@dataclass
class World:
    """A database that can be away, workers and an Envoy that note what they are told."""

    rows: list[Revocation] = field(default_factory=list)
    away: bool = False
    envoy_fails: int = 0
    now: float = NOW
    workers: list[Revoked] = field(default_factory=list)
    envoy: list[Denied] = field(default_factory=list)

    async def revocations(self, after: int) -> list[Revocation]:
        if self.away:
            raise DatabaseUnavailable("gone")
        return [row for row in self.rows if row.id > after]

    async def tell_workers(self, revoked: Revoked) -> None:
        self.workers.append(revoked)

    async def tell_envoy(self, denied: Denied) -> None:
        if self.envoy_fails:
            self.envoy_fails -= 1
            raise ChildFailed("refused")
        self.envoy.append(denied)

    def feed(self) -> RevocationFeed:
        return RevocationFeed(self, self.tell_workers, self.tell_envoy, lambda: self.now)  # type: ignore[arg-type]


def follow(world: World, work: Callable[[RevocationFeed], Awaitable[None]]) -> None:
    async def main() -> None:
        feed = world.feed()
        await feed.start()
        task = asyncio.create_task(feed.follow())
        try:
            await asyncio.wait_for(work(feed), 60)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


async def until(what: Callable[[], object]) -> None:
    while not what():  # noqa: ASYNC110 - what the feed does is seen in what it told, not in an event
        await asyncio.sleep(0.01)


def test_what_was_there_before_is_there_from_the_start() -> None:
    async def main() -> None:
        feed = World(rows=[session(1), session(2, "sealed")]).feed()
        await feed.start()
        assert [item.id for item in feed.all().items] == [1, 2]
        assert feed.all().whole
        assert feed.all().heard == NOW
        assert feed.denied() == Denied(sids=("s1",))

    asyncio.run(main())


def test_a_new_one_reaches_workers_and_envoy() -> None:
    world = World(rows=[session(1)])

    async def work(feed: RevocationFeed) -> None:
        world.rows.append(session(2))
        await until(lambda: world.envoy)
        assert world.envoy[-1].sids == ("s1", "s2")
        assert [item.id for told in world.workers for item in told.items] == [2]

    follow(world, work)


def test_envoy_is_told_of_its_own_kind_and_of_apps_alone() -> None:
    rule = Revocation(3, "", "wechat", "wx1", int(NOW), 0, "")
    world = World(rows=[session(1, "sealed"), session(2, "reference"), rule, session(4, until=int(NOW) - 5)])

    async def main() -> None:
        feed = world.feed()
        await feed.start()
        assert feed.denied() == Denied(apps=(("wechat", "wx1", int(NOW)),))

    asyncio.run(main())


def test_without_a_database_nobody_is_told_that_all_is_known() -> None:
    """A worker believes what it keeps of a reference for a second after the last news."""
    world = World(rows=[session(1)])

    async def work(feed: RevocationFeed) -> None:
        await until(lambda: world.workers)
        world.away = True
        await asyncio.sleep(0.4)
        told = len(world.workers)
        await asyncio.sleep(0.4)
        assert len(world.workers) == told
        assert feed.denied().sids == ("s1",)
        world.rows.append(session(2))
        world.away = False
        await until(lambda: any(item.id == 2 for told in world.workers for item in told.items))

    follow(world, work)


def test_envoy_is_told_again_until_it_takes_it() -> None:
    world = World(envoy_fails=2)

    async def work(feed: RevocationFeed) -> None:
        world.rows.append(session(1))
        await until(lambda: world.envoy)
        assert world.envoy[-1].sids == ("s1",)
        assert world.envoy_fails == 0

    follow(world, work)


def test_everything_is_read_again_now_and_then() -> None:
    """What has run out is dropped, and a rule's end, which is found later, is learnt."""
    rule = Revocation(1, "", "wechat", "wx1", int(NOW), 0, "")
    world = World(rows=[rule, session(2)])

    async def work(feed: RevocationFeed) -> None:
        world.rows = [Revocation(1, "", "wechat", "wx1", int(NOW), int(NOW) + 90, "")]
        world.now = NOW + 61
        await until(lambda: any(told.whole for told in world.workers))
        assert {item.id: item.until for item in feed.all().items} == {1: int(NOW) + 90}
        world.now = NOW + 125
        await until(lambda: len([told for told in world.workers if told.whole]) == 2)
        assert [item.id for item in feed.all().items] == [1]
        await until(lambda: world.envoy and not world.envoy[-1].sids)

    follow(world, work)
