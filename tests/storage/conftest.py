"""A migrated SQLite database a test, and a way to run coroutines."""

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
async def opened(directory: Path) -> AsyncIterator[Database]:
    database = Database(sqlite_url(directory))
    try:
        await migrate(database)
        yield database
    finally:
        await database.close()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a coroutine function on this test's database; what it returns."""

    def runner(work: Callable[[Database], Awaitable[Any]]) -> Any:
        async def main() -> Any:
            async with opened(tmp_path) as database:
                return await work(database)

        return asyncio.run(main())

    return runner
