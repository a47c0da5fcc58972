"""What nodes did, a row a minute and node: a history that needs no other program, and is the same at every node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.log_tables import figures
from menshen.storage.tables import sessions

__all__ = ["MinuteRow", "add_minutes", "list_minutes", "live_sessions", "prune_minutes"]


@dataclass(frozen=True, slots=True)
class MinuteRow:
    """``at`` is the minute's beginning in Unix seconds, ``counts`` a tally as JSON (:mod:`menshen.figures.tally`)."""

    at: int
    node: str
    counts: str


async def add_minutes(connection: AsyncConnection, rows: Sequence[MinuteRow]) -> None:
    """All or none. No node may have two rows of one minute."""
    if rows:
        await connection.execute(insert(figures), [asdict(row) for row in rows])


async def list_minutes(connection: AsyncConnection, since: int) -> list[MinuteRow]:
    """Those of every node from a moment on, the oldest first."""
    columns = figures.c
    query = select(columns.at, columns.node, columns.counts).where(columns.at >= since)
    return [MinuteRow(*row) for row in await connection.execute(query.order_by(columns.at))]


async def prune_minutes(connection: AsyncConnection, before: int, limit: int) -> int:
    """Forget the oldest from before a moment, about ``limit``; how many those were."""
    columns = figures.c
    some = select(columns.at).where(columns.at < before).order_by(columns.at).limit(limit)
    return (await connection.execute(delete(figures).where(columns.at.in_(some)))).rowcount


async def live_sessions(connection: AsyncConnection, now: float) -> int:
    """How many sessions have neither ended nor run out; of the index alone."""
    query = select(func.count()).select_from(sessions).where(sessions.c.expires_at > int(now))
    return (await connection.execute(query)).scalar_one()
