"""What tests anywhere ask for: databases (SQLite, and the PostgreSQL of this run) and the clients of other makers."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright import async_api, sync_api

from menshen.storage import database, turns
from menshen.storage.database import sqlite_url
from tests.postgresql import UNSAFE_AND_FAST, PostgreSQL, running_postgresql
from tests.published.install import installed

# How long an example takes is the machine's affair, whose two cores a test shares with all that runs beside it. A run
# tries the examples of the run before: new ones are looked for with ``--hypothesis-profile=exploring``.
settings.register_profile("exploring", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("menshen", settings.get_profile("exploring"), derandomize=True)
settings.load_profile("menshen")

# The same of pages, which have five seconds otherwise. Milliseconds.
for _expect in (sync_api.expect, async_api.expect):
    _expect.set_options(timeout=30_000)

# And of databases: what a node gives up after four or five seconds, a test that stands still for six would lose.
turns.WAIT_SECONDS = database._POOL_SECONDS = database._CONNECT_SECONDS = 60.0

# Granian keeps a socket for each server that it was (2.8, embedded): one file for each test that serves something.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
if 0 <= _soft < 16_384:
    resource.setrlimit(resource.RLIMIT_NOFILE, (16_384 if _hard < 0 else min(_hard, 16_384), _hard))


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


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``node_modules`` with the published clients, installed from the registry once for the whole run."""
    if shutil.which("npm") is None:
        pytest.skip("Node.js is not installed")
    return installed(tmp_path_factory.mktemp("published"))
