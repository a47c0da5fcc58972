"""Wrong passwords: counted in advance, locked in time, forgotten in time."""

from __future__ import annotations

import asyncio

from sqlalchemy import func, select

from menshen.storage.account_failures import (
    FORGET_SECONDS,
    Attempt,
    count_attempts,
    forgive_attempts,
    prune_failures,
    take_back_attempts,
)
from menshen.storage.database import Database
from menshen.storage.tables import account_failures
from tests.storage.conftest import Run, opened

NOW = 1_800_000_000
LOCK = 900


def attempt(digest: str = "alice", at: int = NOW, after: int = 3) -> Attempt:
    return Attempt(digest, at, after, LOCK)


async def counted(database: Database, *attempts: Attempt) -> list[int]:
    async with database.writing() as connection:
        return await count_attempts(connection, attempts)


def test_the_try_that_uses_up_the_limit_locks_the_name(run: Run) -> None:
    async def work(database: Database) -> None:
        assert [await counted(database, attempt(at=NOW + n)) for n in range(5)] == [
            [0],
            [0],
            [0],
            [NOW + 2 + LOCK],
            [NOW + 2 + LOCK],
        ]
        assert await counted(database, attempt("bob")) == [0]

    run(work)


def test_when_the_lock_is_over_counting_starts_anew(run: Run) -> None:
    async def work(database: Database) -> None:
        for _ in range(3):
            await counted(database, attempt())
        assert await counted(database, attempt(at=NOW + LOCK - 1)) == [NOW + LOCK]
        assert [await counted(database, attempt(at=NOW + LOCK)) for _ in range(4)] == [[0], [0], [0], [NOW + 2 * LOCK]]

    run(work)


def test_one_batch_counts_a_name_as_often_as_it_is_in_it(run: Run) -> None:
    async def work(database: Database) -> None:
        several = [attempt(), attempt("bob"), *[attempt()] * 3, attempt("carol", after=1), attempt("carol", after=1)]
        until = NOW + LOCK
        assert await counted(database, *several) == [0, 0, 0, 0, until, 0, until]

    run(work)


def test_a_right_password_forgets_and_no_answer_takes_back(run: Run) -> None:
    async def work(database: Database) -> None:
        await counted(database, *[attempt()] * 2)
        await database.write(forgive_attempts, "alice")
        assert await counted(database, *[attempt()] * 3) == [0, 0, 0]
        # The third locked the name, and then nobody could say whether it was right.
        await database.write(take_back_attempts, "alice")
        assert await counted(database, *[attempt()] * 2) == [0, NOW + LOCK]

    run(work)


def test_failures_far_apart_are_not_in_a_row(run: Run) -> None:
    async def work(database: Database) -> None:
        await counted(database, *[attempt()] * 2)
        later = NOW + FORGET_SECONDS + 1
        assert await counted(database, *[attempt(at=later)] * 3) == [0, 0, 0]

    run(work)


def test_many_processes_together_get_the_tries_of_one(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as first, opened(database_url) as second:
            tries = (database.write(count_attempts, attempt(after=5)) for database in [first, second] * 20)
            answers = await asyncio.gather(*tries)
            assert answers.count(0) == 5
            assert set(answers) == {0, NOW + LOCK}

    asyncio.run(main())


def test_what_matters_no_more_is_pruned(run: Run) -> None:
    async def work(database: Database) -> None:
        await counted(database, attempt("old"), attempt("new", at=NOW + 10))
        await counted(database, Attempt("locked for long", NOW, 1, 10 * FORGET_SECONDS))
        async with database.writing() as connection:
            assert await prune_failures(connection, NOW + FORGET_SECONDS + 5) == 1
            left = (await connection.execute(select(account_failures.c.digest))).scalars().all()
            assert set(left) == {"new", "locked for long"}
            assert await prune_failures(connection, NOW + 11 * FORGET_SECONDS, 1) == 1
            assert await prune_failures(connection, NOW + 11 * FORGET_SECONDS) == 1
            assert (await connection.execute(select(func.count()).select_from(account_failures))).scalar() == 0

    run(work)
