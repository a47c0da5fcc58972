"""Migrations make the tables that the code describes, and can be taken back, with rows in them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, String, Text, func, insert, inspect, select, text

from menshen.storage import schema
from menshen.storage.database import Database, sqlite_url
from menshen.storage.database_url import DATABASE_URL_VARIABLE
from menshen.storage.every_table import metadata
from menshen.storage.schema import HEAD, migrate
from menshen.storage.tables import sessions, users
from tests.postgresql import PostgreSQL
from tests.storage.conftest import Run

ADDED_LATER = {"0001": {"users": {"uid", "created_at"}}, "0002": {"users": {"uid", "created_at", "claims"}}}
"""The columns of a table as it was, where a later version added some."""


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of this test's own, without a table."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path)
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    with server.database() as url:
        yield url


def on_database(url: str, work: Callable[[Database], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        database = Database(url)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(main())


async def tables(database: Database) -> set[str]:
    async with database.reading() as connection:
        return set(await connection.run_sync(lambda c: inspect(c).get_table_names()))


def value(column: Column[Any]) -> Any:
    if isinstance(column.type, String | Text):
        return "{}" if column.name in ("claims", "profile", "vouched", "tags", "metadata") else "a"
    return 1


async def fill(database: Database) -> None:
    """One row in every table. Keys to other tables are that row's: every text is "a", every number 1."""
    async with database.writing() as connection:
        for table in metadata.sorted_tables:
            row = {c.name: value(c) for c in table.columns if not (c.name == "id" and c.autoincrement is True)}
            await connection.execute(insert(table), [row])


async def counts(database: Database) -> dict[str, int]:
    async with database.reading() as connection:
        return {
            name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for name, table in metadata.tables.items()
        }


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_the_migrations_make_the_tables_of_the_code(run: Run) -> None:
    def difference(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async def work(database: Database) -> list[object]:
        async with database.reading() as connection:
            return await connection.run_sync(difference)

    assert run(work) == []


def test_migrating_again_changes_nothing(run: Run) -> None:
    run(fill)
    run(migrate)
    assert set(run(counts).values()) == {1}


def test_the_migrations_go_down_and_up(empty_url: str) -> None:
    async def work(database: Database) -> None:
        await migrate(database)
        assert await tables(database) >= set(metadata.tables)
        await fill(database)
        await migrate(database, "base")
        assert not await tables(database) & set(metadata.tables)
        await migrate(database)
        assert set((await counts(database)).values()) == {0}

    on_database(empty_url, work)


@pytest.mark.parametrize("version", ["0001", "0002"])
def test_what_an_older_version_knew_survives_the_way_down_and_up(empty_url: str, version: str) -> None:
    async def work(database: Database) -> None:
        await migrate(database)
        await fill(database)
        await migrate(database, version)
        async with database.reading() as connection:
            columns = await connection.run_sync(lambda c: {x["name"] for x in inspect(c).get_columns("users")})
            old = (await connection.execute(text("SELECT uid, created_at FROM users"))).all()
        assert columns == ADDED_LATER[version]["users"]
        assert [tuple(row) for row in old] == [("a", 1)]
        kept = await tables(database) & set(metadata.tables)
        await migrate(database)
        found = await counts(database)
        assert {name for name, count in found.items() if count} == kept
        async with database.reading() as connection:
            [user] = (await connection.execute(select(users))).all()
            assert (user.uid, user.claims, user.status, user.logins) == ("a", "{}", "active", 0)
            accounts = (await connection.execute(select(sessions.c.account))).scalars().all()
        assert accounts == ([] if version == "0001" else [""])

    on_database(empty_url, work)


def test_two_nodes_that_start_at_once_migrate_once(empty_url: str, tmp_path: Path) -> None:
    named = "" if empty_url.startswith("sqlite") else empty_url
    commands = [
        subprocess.Popen(
            [sys.executable, "-m", "menshen", "revisions", "--data-dir", str(tmp_path)],
            env={**os.environ, DATABASE_URL_VARIABLE: named},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    said = [command.communicate()[1].decode() for command in commands]
    assert [command.returncode for command in commands] == [0, 0, 0], said
    assert on_database(empty_url, tables) >= set(metadata.tables)
