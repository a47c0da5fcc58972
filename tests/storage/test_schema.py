"""Migrations make the tables that the code describes, and can be taken back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from menshen.errors import DatabaseUnavailable
from menshen.storage import schema
from menshen.storage.database import Database, sqlite_url
from menshen.storage.schema import HEAD, migrate
from menshen.storage.tables import metadata
from tests.storage.conftest import Run


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
    run(migrate)
    run(migrate)


def test_the_migrations_go_down_and_up(tmp_path: Path) -> None:
    async def tables(database: Database) -> set[str]:
        async with database.reading() as connection:
            return set(await connection.run_sync(lambda c: inspect(c).get_table_names()))

    async def main() -> None:
        database = Database(sqlite_url(tmp_path))
        try:
            await migrate(database)
            assert await tables(database) >= set(metadata.tables)
            await migrate(database, "base")
            assert not await tables(database) & set(metadata.tables)
            await migrate(database)
            assert await tables(database) >= set(metadata.tables)
        finally:
            await database.close()

    asyncio.run(main())


def test_an_error_of_the_database_shows_no_values(run: Run) -> None:
    """Values are openids and sealed keys; errors are logged."""
    from sqlalchemy import text

    from menshen.errors import DatabaseUnavailable

    async def work(database: Database) -> str:
        try:
            async with database.writing() as connection:
                await connection.execute(text("INSERT INTO nowhere VALUES (:v)"), {"v": "planted-openid"})
        except DatabaseUnavailable as error:
            return f"{error} {error!r} {error.__cause__} {error.__cause__!r}"
        return ""

    said = run(work)
    assert "nowhere" in said
    assert "planted" not in said


def test_only_who_may_makes_a_database(tmp_path: Path) -> None:
    """A gateway whose file is away for a moment must not go on with an empty one."""

    async def main() -> None:
        database = Database(sqlite_url(tmp_path / "with space"), create=False)
        (tmp_path / "with space").mkdir()
        with pytest.raises(DatabaseUnavailable):
            async with database.reading() as connection:
                await connection.execute(text("SELECT 1"))
        assert list((tmp_path / "with space").iterdir()) == []
        await migrate(database)
        async with database.writing() as connection:
            assert (await connection.execute(text("SELECT count(*) FROM users"))).scalar() == 0
        await database.close()

    asyncio.run(main())
