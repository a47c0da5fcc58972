"""Who is logged in at the console. A session that is over is deleted: what happened is in the audit log."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.operator_tables import operator_sessions, operators

__all__ = [
    "OpenSession",
    "OperatorSessionRow",
    "delete_session",
    "delete_sessions_of",
    "find_session",
    "insert_session",
    "list_sessions_of",
    "prune_operator_sessions",
    "touch_session",
]


@dataclass(frozen=True, slots=True)
class OperatorSessionRow:
    """``id`` is for lists and tells nothing of the cookie. Times in Unix seconds."""

    id: str
    operator: str
    created_at: int
    last_seen_at: int
    expires_at: int
    ip: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session whose operator is not disabled, and the role that the operator has now."""

    row: OperatorSessionRow
    role: str


_COLUMNS = (
    operator_sessions.c.id,
    operator_sessions.c.operator,
    operator_sessions.c.created_at,
    operator_sessions.c.last_seen_at,
    operator_sessions.c.expires_at,
    operator_sessions.c.ip,
    operator_sessions.c.user_agent,
)


async def insert_session(connection: AsyncConnection, digest: str, row: OperatorSessionRow) -> None:
    values = {
        "digest": digest,
        "id": row.id,
        "operator": row.operator,
        "created_at": row.created_at,
        "last_seen_at": row.last_seen_at,
        "expires_at": row.expires_at,
        "ip": row.ip,
        "user_agent": row.user_agent,
    }
    await connection.execute(insert(operator_sessions), [values])


async def find_session(connection: AsyncConnection, digest: str, now: float, idle: int) -> OpenSession | None:
    """The session of a cookie's digest, unless it is over: too old, unused for ``idle`` seconds, operator disabled."""
    columns = operator_sessions.c
    query = (
        select(*_COLUMNS, operators.c.role)
        .join(operators, operators.c.name == columns.operator)
        .where(columns.digest == digest, operators.c.disabled == 0)
        .where(columns.expires_at > int(now), columns.last_seen_at > int(now) - idle)
    )
    row = (await connection.execute(query)).first()
    return None if row is None else OpenSession(OperatorSessionRow(*row[:-1]), row[-1])


async def touch_session(connection: AsyncConnection, digest: str, at: int) -> None:
    """It was used. A moment that is past already changes nothing."""
    columns = operator_sessions.c
    which = (columns.digest == digest, columns.last_seen_at < at)
    await connection.execute(update(operator_sessions).where(*which).values(last_seen_at=at))


async def list_sessions_of(
    connection: AsyncConnection, operator: str, now: float, idle: int
) -> list[OperatorSessionRow]:
    """The open ones, the newest first."""
    columns = operator_sessions.c
    query = (
        select(*_COLUMNS)
        .where(columns.operator == operator)
        .where(columns.expires_at > int(now), columns.last_seen_at > int(now) - idle)
        .order_by(columns.created_at.desc(), columns.id)
    )
    return [OperatorSessionRow(*row) for row in await connection.execute(query)]


async def delete_session(connection: AsyncConnection, *, digest: str = "", id: str = "", operator: str = "") -> str:  # noqa: A002
    """End one, by its cookie's digest or, of an operator, by its id; whose it was, "" where there is none."""
    columns = operator_sessions.c
    which = columns.digest == digest if digest else and_(columns.id == id, columns.operator == operator)
    gone = await connection.execute(delete(operator_sessions).where(which).returning(columns.operator))
    return gone.scalar() or ""


async def delete_sessions_of(connection: AsyncConnection, operator: str) -> int:
    """End all of an operator's; how many."""
    return (
        await connection.execute(delete(operator_sessions).where(operator_sessions.c.operator == operator))
    ).rowcount


async def prune_operator_sessions(connection: AsyncConnection, now: float, idle: int, limit: int | None = None) -> int:
    """Delete what is over; how many rows. ``limit`` is the most that one call deletes."""
    columns = operator_sessions.c
    over = or_(columns.expires_at <= int(now), columns.last_seen_at <= int(now) - idle)
    some = select(columns.digest).where(over).limit(limit)
    return (await connection.execute(delete(operator_sessions).where(columns.digest.in_(some)))).rowcount
