"""A node's figures: what comes of its workers and its Envoy, the last minute, and the history of all nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec

from menshen.envoy.figures import EnvoyFigures
from menshen.figures.counting import Counts
from menshen.figures.tally import Tally, total_of
from menshen.node.figure_history import SPAN, FigureHistory
from menshen.node.figures import LATELY, NodeFigures
from menshen.storage.database import Database
from menshen.storage.figures import list_minutes
from tests.storage.conftest import opened

NOON = 1_700_006_400
"""The beginning of a span."""


@dataclass
class Envoy:
    """Says what it is told to."""

    pid: int | None = 1
    said: EnvoyFigures | None = None
    by_api: Tally | None = None
    hosts: dict[str, list[tuple[str, bool]]] | None = None

    async def figures(self) -> EnvoyFigures | None:
        return self.said

    async def routes(self) -> Tally | None:
        return self.by_api

    async def endpoints(self) -> dict[str, list[tuple[str, bool]]] | None:
        return self.hosts


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Doing:
    """Gives what was put in, once."""

    done: Tally = field(default_factory=dict)

    @property
    def untaken(self) -> Tally:
        return self.done

    def take(self) -> Tally:
        taken, self.done = self.done, {}
        return taken


def on(url: str, work: Callable[[Database], Awaitable[None]]) -> None:
    async def main() -> None:
        async with opened(url) as database:
            await work(database)

    asyncio.run(main())


def test_workers_envoy_and_the_node_itself_add_up() -> None:
    envoy, own = Envoy(), Counts()
    figures = NodeFigures(envoy, own, Clock())
    figures.counted({"decisions": {"allow": 2}})
    figures.counted({"decisions": {"allow": 1}, "logins": {"shop ok": 1}})
    own.calls["wechat shop ok"] += 1
    envoy.said = EnvoyFigures({"requests": {"2xx": 9}}, {"orders": (1, 2)}, 3, 4)
    envoy.by_api = {"routes": {"mall/order 2xx": 9}}
    envoy.hosts = {"orders": [("10.0.0.1:80", True)]}
    asyncio.run(figures.sample())
    asyncio.run(figures.sample())
    assert figures.totals == {
        "decisions": {"allow": 3},
        "logins": {"shop ok": 1},
        "calls": {"wechat shop ok": 1},
        "requests": {"2xx": 9},
        "routes": {"mall/order 2xx": 9},
    }
    assert figures.envoy.upstreams == {"orders": (1, 2)}
    assert figures.endpoints == envoy.hosts


def test_an_envoy_that_dies_takes_nothing_with_it() -> None:
    envoy = Envoy(1, EnvoyFigures({"requests": {"2xx": 9}}))
    figures = NodeFigures(envoy, Counts(), Clock())
    asyncio.run(figures.sample())
    envoy.pid, envoy.said = None, None
    asyncio.run(figures.sample())
    envoy.pid, envoy.said = 2, EnvoyFigures({"requests": {"2xx": 4}})
    asyncio.run(figures.sample())
    assert figures.totals == {"requests": {"2xx": 13}}


def test_now_is_the_last_minute() -> None:
    clock = Clock()
    figures = NodeFigures(Envoy(), Counts(), clock)
    figures.counted({"decisions": {"allow": 1}})
    clock.now += 20
    assert figures.lately() == ({"decisions": {"allow": 1}}, 20.0)
    clock.now += 30
    figures.counted({"decisions": {"allow": 4}})
    clock.now += 20
    assert figures.lately() == ({"decisions": {"allow": 4}}, LATELY)
    assert figures.totals == {"decisions": {"allow": 5}}


def test_what_was_taken_is_not_taken_again() -> None:
    figures = NodeFigures(Envoy(), Counts(), Clock())
    figures.counted({"decisions": {"allow": 1}})
    assert figures.take() == {"decisions": {"allow": 1}}
    figures.counted({"decisions": {"login": 1}})
    assert figures.take() == {"decisions": {"login": 1}}
    assert figures.take() == {}


def test_the_day_is_that_of_all_nodes_together(database_url: str) -> None:
    async def work(database: Database) -> None:
        clock = Clock(NOON + 30)
        one, two = Doing(), Doing()
        first = FigureHistory(database, one, clock, "one")
        second = FigureHistory(database, two, clock, "two")
        one.done, two.done = {"requests": {"2xx": 5}}, {"requests": {"2xx": 3, "5xx": 1}}
        clock.now = NOON + 60
        await first.write()
        await second.write()
        clock.now = NOON + SPAN + 30
        await first.write()  # nothing was done
        one.done = {"requests": {"2xx": 7}}
        clock.now = NOON + SPAN + 60
        await first.write()
        clock.now += 30
        two.done = {"requests": {"2xx": 1}}
        day = await second.day()
        assert day[-1].counts == {"requests": {"2xx": 8}}, "what is not written yet is shown by the node that did it"
        two.done = {}
        for history in (first, second):
            day = await history.day()
            assert len(day) == 144
            assert day[-1].at == NOON + SPAN
            assert day[-2].counts == {"requests": {"2xx": 8, "5xx": 1}}
            assert day[-1].counts == {"requests": {"2xx": 7}}
            assert total_of(span.counts for span in day[:-2]) == {}

    on(database_url, work)


def test_what_is_settled_is_read_once_and_what_comes_is_seen(database_url: str) -> None:
    async def work(database: Database) -> None:
        clock, doing = Clock(NOON), Doing({"requests": {"2xx": 1}})
        history = FigureHistory(database, doing, clock, "one")
        clock.now += 60
        await history.write()
        for passed in range(1, 8):
            clock.now = NOON + passed * SPAN
            doing.done = {"requests": {"2xx": 1}}
            await history.write()
            clock.now += 61
            assert sum(span.counts.get("requests", {}).get("2xx", 0) for span in await history.day()) == passed + 1
        clock.now = NOON + 86_400 + SPAN
        assert sum(span.counts.get("requests", {}).get("2xx", 0) for span in await history.day()) < 8

    on(database_url, work)


def test_no_minute_is_lost_while_the_database_is_away(database_url: str) -> None:
    async def work(database: Database) -> None:
        clock, doing = Clock(NOON), Doing()
        away = Database("sqlite+aiosqlite:////nowhere/menshen.db", create=False)
        history = FigureHistory(away, doing, clock, "one")
        for number in range(3):
            clock.now = NOON + 60 * (number + 1)
            doing.done = {"requests": {"2xx": number + 1}}
            await history.write()
        await history.count()
        assert history.sessions is None
        await away.close()
        history._database = database
        await history.write()
        async with database.reading() as connection:
            rows = await list_minutes(connection, 0)
        assert [row.at for row in rows] == [NOON, NOON + 60, NOON + 120]
        await history.count()
        assert history.sessions == 0

    on(database_url, work)


def test_a_clock_that_is_set_back_loses_no_minute(database_url: str) -> None:
    async def work(database: Database) -> None:
        clock, doing = Clock(NOON + 30), Doing()
        history = FigureHistory(database, doing, clock, "one")
        for now in (NOON + 59.9, NOON + 60.1, NOON + 10):
            clock.now = now
            doing.done = {"requests": {"2xx": 1}}
            await history.write()
        async with database.reading() as connection:
            assert len(await list_minutes(connection, 0)) == 3

    on(database_url, work)


def test_of_thousands_of_apis_the_busiest_are_kept(database_url: str) -> None:
    async def work(database: Database) -> None:
        doing = Doing({"routes": {f"g/a{number} 2xx": number + 1 for number in range(3000)}})
        history = FigureHistory(database, doing, Clock(NOON), "one")
        await history.write()
        async with database.reading() as connection:
            [row] = await list_minutes(connection, 0)
        kept = msgspec.json.decode(row.counts)["routes"]
        assert len(kept) == 100
        assert kept["g/a2999 2xx"] == 3000

    on(database_url, work)
