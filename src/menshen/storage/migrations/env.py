"""Alembic's entry: one connection, one transaction."""

import asyncio

from alembic import context
from sqlalchemy import Connection

from menshen.storage.database import Database
from menshen.storage.tables import metadata


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


async def _main() -> None:
    database = Database(context.config.attributes["url"])
    try:
        async with database.writing() as connection:
            await connection.run_sync(_migrate)
    finally:
        await database.close()


asyncio.run(_main())
