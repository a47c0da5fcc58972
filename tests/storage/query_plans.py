"""How the database would answer a question, without its tables being so small that it does not matter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.database import Database

Question = Callable[[AsyncConnection], Awaitable[Any]]


async def plans_of(database: Database, question: Question) -> list[str]:
    """A line for each step of each statement that the question sends."""
    sent: list[tuple[str, Any]] = []

    def keep(_c: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        sent.append((statement, values[0] if many else values))

    sqlite = database.engine.dialect.name == "sqlite"
    async with database.writing() as connection:
        event.listen(database.engine.sync_engine, "before_cursor_execute", keep)
        await question(connection)
        event.remove(database.engine.sync_engine, "before_cursor_execute", keep)
        if not sqlite:  # empty tables are best walked whole: that must not be what it says here
            for way in ("seqscan", "bitmapscan", "sort"):
                await connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
        return [
            str(row[-1])
            for statement, values in sent
            for row in await connection.exec_driver_sql(f"{explain} {statement}", tuple(values))
        ]
