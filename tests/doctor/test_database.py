"""Both databases: there, up to date, writable."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from menshen.doctor.database import CHECK
from menshen.storage.database import Database
from menshen.storage.database_url import DATABASE_URL_VARIABLE
from menshen.storage.schema import HEAD, migrate
from tests.doctor.installed import install, looked_at, place, troubles
from tests.ports import free_port
from tests.postgresql import PostgreSQL


@pytest.fixture
def installed_url(database_url: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An installation on each kind of database; its URL."""
    if not database_url.startswith("sqlite"):
        monkeypatch.setenv(DATABASE_URL_VARIABLE, database_url)
        install(directory)
        return database_url
    install(directory)
    return f"sqlite+aiosqlite:///{directory}/menshen.db"


def _execute(url: str, statement: str) -> None:
    async def run() -> None:
        database = Database(url)
        try:
            async with database.writing() as connection:
                await connection.execute(text(statement))
        finally:
            await database.close()

    asyncio.run(run())


async def _migrate(url: str) -> None:
    database = Database(url)
    try:
        await migrate(database)
    finally:
        await database.close()


def test_all_is_well(installed_url: str, directory: Path) -> None:
    (finding,) = looked_at(CHECK, place(directory))
    assert finding.status == "ok"
    assert finding.found.en.startswith("SQLite" if installed_url.startswith("sqlite") else "PostgreSQL")


@pytest.mark.parametrize(("version", "trouble"), [("0001", "database_behind"), ("9999", "database_ahead")])
def test_tables_of_another_version(installed_url: str, directory: Path, version: str, trouble: str) -> None:
    before = place(directory)
    _execute(installed_url, f"UPDATE alembic_version SET version_num = '{version}'")
    try:
        assert troubles(CHECK, before) == [trouble]
    finally:
        _execute(installed_url, f"UPDATE alembic_version SET version_num = '{HEAD}'")


def test_no_database_and_none_is_made(directory: Path) -> None:
    assert troubles(CHECK, place(directory)) == ["database_missing"]
    assert list(directory.iterdir()) == []


def test_a_file_that_is_no_database(directory: Path) -> None:
    (directory / "menshen.db").write_bytes(b"not a database at all, but long enough for a header" * 100)
    assert troubles(CHECK, place(directory)) == ["database_unavailable"]


def test_a_database_that_somebody_else_holds(directory: Path) -> None:
    install(directory)
    holder = sqlite3.connect(directory / "menshen.db", isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        assert troubles(CHECK, place(directory)) == ["database_read_only"]
    finally:
        holder.close()


def test_nobody_answers_for_postgresql(directory: Path) -> None:
    url = f"postgresql://menshen:planted-password@127.0.0.1:{free_port()}/menshen"
    (finding,) = looked_at(CHECK, place(directory, env={DATABASE_URL_VARIABLE: url}))
    assert finding.trouble == "database_unavailable"
    assert "planted-password" not in repr(finding)


def test_a_wrong_password(directory: Path, postgresql: PostgreSQL) -> None:
    env = {DATABASE_URL_VARIABLE: postgresql.url(password="planted-password")}
    (finding,) = looked_at(CHECK, place(directory, env=env))
    assert finding.trouble == "database_unavailable"
    assert "planted-password" not in repr(finding)


def test_a_url_that_is_not_one(directory: Path) -> None:
    where = replace(place(directory), env={DATABASE_URL_VARIABLE: "mysql://root:planted-password@h/d"})
    (finding,) = looked_at(CHECK, where)
    assert finding.trouble == "database_unavailable"
    assert "planted-password" not in repr(finding)


def test_a_postgresql_that_only_reads(directory: Path, postgresql: PostgreSQL) -> None:
    with postgresql.database() as url:
        name = url.rpartition("/")[2]
        asyncio.run(_migrate(url))
        postgresql.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        assert troubles(CHECK, place(directory, env={DATABASE_URL_VARIABLE: url})) == ["database_read_only"]


def test_a_postgresql_without_tables(directory: Path, postgresql: PostgreSQL) -> None:
    with postgresql.database() as url:
        assert troubles(CHECK, place(directory, env={DATABASE_URL_VARIABLE: url})) == ["database_behind"]
