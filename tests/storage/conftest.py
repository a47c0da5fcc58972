"""A migrated database a test, on SQLite and on PostgreSQL, and a way to run coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from menshen.storage.database import Database, sqlite_url
from menshen.storage.schema import migrate

Run = Callable[[Callable[[Database], Awaitable[Any]]], Any]


@asynccontextmanager
async def opened(where: Path | str) -> AsyncIterator[Database]:
    """The database at a URL, or the SQLite of a directory."""
    database = Database(sqlite_url(where) if isinstance(where, Path) else where)
    try:
        await migrate(database)
        yield database
    finally:
        await database.close()


@pytest.fixture
def run(database_url: str) -> Run:
    """Run a coroutine function on this test's database; what it returns."""

    def runner(work: Callable[[Database], Awaitable[Any]]) -> Any:
        async def main() -> Any:
            async with opened(database_url) as database:
                return await work(database)

        return asyncio.run(main())

    return runner
