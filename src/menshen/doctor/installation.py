"""An installation as it is found: nothing is made, migrated or repaired by looking at it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from menshen.config.loading import Loaded
from menshen.config.snapshot import Endpoint, Snapshot
from menshen.documents.documents import Documents, as_written, load_document
from menshen.errors import ConfigInvalid, DatabaseUnavailable, KeyRingInvalid, Problem
from menshen.platforms.client import PlatformClient
from menshen.platforms.installed import Platforms, installed_platforms
from menshen.storage.database import Database
from menshen.storage.database_url import database_url
from menshen.storage.revisions import Revision, Revisions
from menshen.storage.schema import schema_version
from menshen.storage.sealing import MASTER_KEY_VARIABLE, Sealer, load_master_key

__all__ = ["DATABASE_FILE", "MASTER_KEY_FILE", "Installation", "Place", "found"]

DATABASE_FILE, MASTER_KEY_FILE = "menshen.db", "master.key"

_ANSWER_SECONDS = 4.0
_CALL_SECONDS = 3.5
"""For one call of a platform: within the time that a check has."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look. ``text`` is a document to look at in place of the active revision.

    ``clock`` gives Unix seconds, ``free_bytes`` the free bytes of the disk of a directory. ``platforms``
    are those of this program's installation.
    """

    data_dir: Path
    listen: Endpoint
    admin: Endpoint
    env: Mapping[str, str] = field(repr=False)
    clock: Callable[[], float]
    text: str | None = None
    free_bytes: Callable[[Path], int] = lambda directory: shutil.disk_usage(directory).free
    platforms: Platforms = field(default_factory=installed_platforms)


@dataclass(frozen=True, slots=True)
class Installation:
    """``master_key`` and ``database`` are None where there is none; where it cannot be used, the complaint says why.

    ``raw`` is the document as it is written, secrets sealed; ``loaded`` None where it does not hold, or there is none.
    ``client`` calls platforms; it is open.
    """

    place: Place
    client: PlatformClient
    master_key: bytes | None = field(repr=False)
    key_complaint: str
    database: Database | None
    database_complaint: str
    raw: Any = field(repr=False)
    loaded: Loaded | None
    problems: tuple[Problem, ...]

    @property
    def snapshot(self) -> Snapshot:
        return self.loaded.snapshot if self.loaded is not None else Snapshot().sealed()

    @property
    def sqlite(self) -> bool:
        return self.database is not None and self.database.url.startswith("sqlite")


@contextlib.asynccontextmanager
async def found(place: Place) -> AsyncIterator[Installation]:
    """The installation there, for as long as the context is open."""
    master_key, key_complaint = _master_key(place)
    database, database_complaint = _database(place)
    raw: Any = None
    loaded: Loaded | None = None
    problems: tuple[Problem, ...] = ()
    async with contextlib.AsyncExitStack() as stack:
        if database is not None:
            stack.push_async_callback(database.close)
        client = await stack.enter_async_context(PlatformClient(place.platforms.adapters, timeout=_CALL_SECONDS))
        active = await _active(database) if database is not None else None
        try:
            if place.text is not None:
                loaded = (
                    _documents(place, database, master_key).read(place.text, active)
                    if database and master_key
                    else None
                )
                loaded = loaded or load_document(place.text, place.env)
                raw = loaded.raw
            elif active is not None:
                raw = as_written(active)
                if database is not None and master_key is not None:
                    loaded = _documents(place, database, master_key).load(active)
        except ConfigInvalid as error:
            problems = error.problems
        yield Installation(
            place, client, master_key, key_complaint, database, database_complaint, raw, loaded, problems
        )


def _documents(place: Place, database: Database, master_key: bytes) -> Documents:
    return Documents(Revisions(database), Sealer(master_key, "app-secret"), place.env, place.clock)


def _master_key(place: Place) -> tuple[bytes | None, str]:
    """Where there is no file, loading would make one."""
    if MASTER_KEY_VARIABLE not in place.env and not (place.data_dir / MASTER_KEY_FILE).exists():
        return None, ""
    try:
        return load_master_key(place.data_dir, place.env), ""
    except KeyRingInvalid as error:
        return None, str(error)


def _database(place: Place) -> tuple[Database | None, str]:
    try:
        url = database_url(place.data_dir.absolute(), place.env)
    except DatabaseUnavailable as error:
        return None, str(error)
    if url.startswith("sqlite") and not (place.data_dir / DATABASE_FILE).exists():
        return None, ""
    return Database(url, create=False, answer_within=_ANSWER_SECONDS), ""


async def _active(database: Database) -> Revision | None:
    """The active revision; None also where the database cannot say, which is for its own check to find."""
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            if await schema_version(database) is None:
                return None
            return await Revisions(database).active()
    except (DatabaseUnavailable, SQLAlchemyError, TimeoutError):
        return None
