"""Claims in their column: changed by many at once, and none of it lost."""

from __future__ import annotations

import asyncio

from menshen.storage.database import Database
from menshen.storage.user_claims import change_user_claims
from menshen.storage.user_standings import add_users
from tests.storage.conftest import Run, opened


async def add(database: Database, name: str, value: str) -> dict[str, str] | None:
    async with database.writing() as connection:
        return await change_user_claims(connection, "u1", lambda claims: {**claims, name: value})


def test_claims_set_by_two_processes_at_once_are_all_kept(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as first, opened(database_url) as second:
            async with first.writing() as connection:
                await add_users(connection, {"u1": 1})
            await asyncio.gather(*(add((first, second)[n % 2], f"c{n}", str(n)) for n in range(12)))
            assert await add(first, "last", "x") == {f"c{n}": str(n) for n in range(12)} | {"last": "x"}

    asyncio.run(main())


def test_a_user_that_does_not_exist_has_no_claims(run: Run) -> None:
    async def work(database: Database) -> None:
        assert await add(database, "a", "1") is None

    run(work)
