"""SQLite's file, whole and damaged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from menshen.doctor.integrity import CHECK
from menshen.storage.database_url import DATABASE_URL_VARIABLE
from tests.doctor.installed import install, looked_at, place, troubles
from tests.postgresql import PostgreSQL


def test_whole(directory: Path) -> None:
    (finding,) = looked_at(CHECK, install(directory))
    assert finding.found.en == "every page of the SQLite file is whole"


def test_pages_overwritten(directory: Path) -> None:
    where = install(directory)
    file = directory / "menshen.db"
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray(file.read_bytes())
    content[8192:-4096] = b"\xff" * (len(content) - 12288)
    file.write_bytes(content)
    assert troubles(CHECK, where) == ["database_damaged"]


def test_not_a_database(directory: Path) -> None:
    (directory / "menshen.db").write_bytes(b"x" * 8192)
    assert troubles(CHECK, place(directory)) == ["database_damaged"]


def test_postgresql_has_no_file(directory: Path, postgresql: PostgreSQL) -> None:
    with postgresql.migrated() as url:
        assert troubles(CHECK, place(directory, env={DATABASE_URL_VARIABLE: url})) == []
