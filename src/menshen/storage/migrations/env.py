"""Alembic's entry: one connection, one transaction, one process at a time."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text

from menshen.storage.database import Database
from menshen.storage.every_table import metadata

_ONE_AT_A_TIME = 0x4D454E5349


def _migrate(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # two nodes may start at once; at SQLite one writes anyway
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})"))
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


async def _main() -> None:
    # No limit: a table of ten million rows takes as long as it takes.
    database = Database(context.config.attributes["url"], answer_within=None)
    try:
        async with database.writing() as connection:
            await connection.run_sync(_migrate)
    finally:
        await database.close()


asyncio.run(_main())
