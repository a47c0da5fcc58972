"""The databases that tests run on: SQLite in a directory of the test's, and the PostgreSQL of this run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from menshen.storage.database import sqlite_url
from tests.postgresql import UNSAFE_AND_FAST, PostgreSQL, running_postgresql


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """One server for the whole run, started for the first test that asks for it."""
    with running_postgresql(UNSAFE_AND_FAST) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of the test's own; the test runs once on each kind. ``opened`` migrates SQLite, PostgreSQL is so."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path)
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    with server.migrated() as url:
        yield url
