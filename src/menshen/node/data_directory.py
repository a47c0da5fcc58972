"""The directory that a node keeps everything in: its database, keys and run-time files, for its owner alone."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

from menshen.documents.documents import Documents
from menshen.storage.database import Database
from menshen.storage.database_url import database_url
from menshen.storage.revisions import Revisions
from menshen.storage.schema import migrate
from menshen.storage.sealing import Sealer, load_master_key

__all__ = ["open_documents", "private"]


def private(data_dir: Path) -> Path:
    """The directory, made where it is missing."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return data_dir.absolute()


@contextlib.asynccontextmanager
async def open_documents(data_dir: Path) -> AsyncIterator[Documents]:
    """The revisions of a data directory, or of its PostgreSQL, for commands that need no running node."""
    database = Database(database_url(private(data_dir), os.environ))
    try:
        await migrate(database)
        master_key = load_master_key(data_dir, os.environ)
        yield Documents(Revisions(database), Sealer(master_key, "app-secret"), os.environ, time.time)
    finally:
        await database.close()
