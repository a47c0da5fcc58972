"""Bringing the database to the schema this version needs.

Alembic takes a third of a second to import, so a database that is already at :data:`HEAD` is left alone after one
query; a test holds HEAD to the newest migration.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from menshen.errors import DatabaseUnavailable
from menshen.storage.database import Database

__all__ = ["HEAD", "migrate", "schema_version"]

HEAD = "0010"

_MIGRATIONS = Path(__file__).parent / "migrations"


async def migrate(database: Database, revision: str = "head") -> None:
    """Run the migrations that are missing."""
    if revision == "head" and await schema_version(database) == HEAD:
        return
    await asyncio.to_thread(_run, database.url, revision)


async def schema_version(database: Database) -> str | None:
    """The migration that a database is at; None where it has no tables of ours or does not answer."""
    try:
        async with database.reading() as connection:
            return (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
    except (DBAPIError, DatabaseUnavailable):
        return None


def _run(url: str, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["url"] = url
    if revision == "head":
        command.upgrade(config, "head")
    else:
        command.downgrade(config, revision)
