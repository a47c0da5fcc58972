"""Counting tries: exact over several processes, in one statement a batch."""

from __future__ import annotations

import asyncio

from sqlalchemy import event, func, select

from menshen.storage.counters import Tick, count_ticks, forget_counts, prune_counters, sum_counts
from menshen.storage.database import Database
from menshen.storage.tables import counters
from tests.storage.conftest import Run, opened


def tick(key: str = "k", at: int = 1000, most: int = 3) -> Tick:
    """Counted in tens, for a hundred seconds at least."""
    period = at // 10 * 10
    return Tick(key, period, period + 110, most)


async def counted(database: Database, *ticks: Tick) -> list[int]:
    async with database.writing() as connection:
        return await count_ticks(connection, ticks)


async def total(database: Database, key: str = "k", now: float = 1000) -> int:
    async with database.reading() as connection:
        return await sum_counts(connection, key, now)


def test_the_limit_is_met_and_told_when_it_frees(run: Run) -> None:
    async def work(database: Database) -> None:
        assert [await counted(database, tick()) for _ in range(5)] == [[0], [0], [0], [1110], [1110]]
        # A refused try is not counted, or steady pressure would keep everybody out.
        assert await total(database) == 3

    run(work)


def test_a_batch_is_taken_in_its_order(run: Run) -> None:
    async def work(database: Database) -> None:
        assert await counted(database, tick("a"), *[tick("b")] * 5, tick("a")) == [0, 0, 0, 0, 1110, 1110, 0]
        assert (await total(database, "a"), await total(database, "b")) == (2, 3)

    run(work)


def test_earlier_periods_count_until_they_expire(run: Run) -> None:
    async def work(database: Database) -> None:
        await counted(database, tick(at=1000), tick(at=1000))
        assert await counted(database, tick(at=1050)) == [0]
        # Three count at 1109, and the first to go are those of 1000.
        assert await counted(database, tick(at=1109)) == [1110]
        assert await counted(database, tick(at=1110), tick(at=1110), tick(at=1110)) == [0, 0, 1160]
        # At 1160 the one of 1050 is gone.
        assert await counted(database, tick(at=1160), tick(at=1160)) == [0, 1220]

    run(work)


def test_a_period_whose_tries_were_all_refused_frees_nothing(run: Run) -> None:
    async def work(database: Database) -> None:
        await counted(database, tick(at=1020), tick(at=1020), tick(at=1020))
        assert await counted(database, tick(at=1030)) == [1130]
        assert await counted(database, tick(at=1040)) == [1130]

    run(work)


def test_without_a_limit_everything_is_counted(run: Run) -> None:
    async def work(database: Database) -> None:
        assert await counted(database, *[tick(most=0)] * 9) == [0] * 9
        assert await total(database) == 9
        assert await total(database, now=1110) == 0

    run(work)


def test_many_processes_let_no_more_through_than_one(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as first, opened(database_url) as second, opened(database_url) as third:
            tries = (database.write(count_ticks, tick(most=20)) for database in [first, second, third] * 20)
            answers = await asyncio.gather(*tries)
            assert answers.count(0) == 20
            assert await total(first) == 20

    asyncio.run(main())


def test_a_batch_is_one_statement(run: Run) -> None:
    async def work(database: Database) -> None:
        statements: list[str] = []
        listened = database.engine.sync_engine
        event.listen(listened, "before_cursor_execute", lambda *said: statements.append(said[2].split()[0]))
        async with database.writing() as connection:
            del statements[:]
            await count_ticks(connection, [tick(f"k{n % 7}", most=50) for n in range(100)])
            assert statements == ["INSERT"]
            await count_ticks(connection, [tick(f"k{n % 7}", most=20) for n in range(100)])
            assert statements == ["INSERT", "INSERT", "UPDATE"]

    run(work)


def test_what_is_forgotten_and_what_is_old_is_gone(run: Run) -> None:
    async def work(database: Database) -> None:
        await counted(database, tick("a"), tick("b"), tick("b", at=1100))
        await database.write(forget_counts, "a")
        assert (await total(database, "a"), await total(database, "b")) == (0, 2)
        async with database.writing() as connection:
            assert await prune_counters(connection, 1110.5) == 1
            assert await prune_counters(connection, 1110.5) == 0
        async with database.reading() as connection:
            assert (await connection.execute(select(func.count()).select_from(counters))).scalar() == 1

    run(work)
