"""Clearing up after sessions, in the background and in small pieces: a login must never wait for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.database import Database
from menshen.storage.revocations import in_order
from menshen.storage.session_rows import state_bound
from menshen.storage.tables import revocations, sessions

__all__ = ["CHUNK", "KEEP_SECONDS", "SETTLE_SECONDS", "tidy"]

CHUNK = 1_000
"""Rows a transaction."""

KEEP_SECONDS = 86_400
"""A record that is over stays so long, to be looked at."""

SETTLE_SECONDS = 60
"""A login that began before a revocation of its app may be stored after it, but not this much later."""

Rest = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Rule:
    id: int
    platform: str
    appid: str
    before: int
    created_at: float


async def tidy(database: Database, now: float, rest: Rest) -> int:
    """Mark what revocations of apps met, delete what is long over; how many rows that were. ``now`` in Unix seconds.

    ``rest`` is awaited after each transaction.
    """
    done = 0
    for rule in await _open_rules(database):
        done += await _sweep(database, rule, now, rest)
    long_over = sessions.c.expires_at <= int(now) - KEEP_SECONDS
    done += await _delete(database, sessions.c.id, long_over, rest)
    spent = and_(revocations.c.until > 0, revocations.c.until <= int(now))
    return done + await _delete(database, revocations.c.id, spent, rest)


async def _open_rules(database: Database) -> list[_Rule]:
    rules = revocations.c
    query = select(rules.id, rules.platform, rules.appid, rules.before, rules.created_at).where(
        rules.until == 0, rules.sid == ""
    )
    async with database.reading() as connection:
        return [_Rule(*row) for row in await connection.execute(query.order_by(rules.id))]


async def _sweep(database: Database, rule: _Rule, now: float, rest: Rest) -> int:
    """Mark the sessions that a rule meets. When the last of them is marked it is known how long the rule matters."""
    columns = sessions.c
    app = and_(columns.platform == rule.platform, columns.appid == rule.appid) if rule.platform else true()
    lasted = or_(columns.expires_at + 0 > int(rule.created_at), columns.lifetime > 0)
    met = and_(app, columns.auth < rule.before, columns.ended_at.is_(None), lasted)
    marked = last = 0
    while True:
        # Found without the write lock: what was ended already is passed over, and that may be most of the table.
        query = select(columns.id).where(met, columns.id > last).order_by(columns.id).limit(CHUNK)
        async with database.reading() as connection:
            ids = (await connection.execute(query)).scalars().all()
        if not ids:
            break
        last = ids[-1]
        async with database.writing() as connection:
            if not await _still_there(connection, rule):
                return marked
            marked += await _mark(connection, rule, and_(met, columns.id.in_(ids)), now)
        await rest()
    if now >= max(rule.created_at, rule.before) + SETTLE_SECONDS:
        async with database.writing() as connection:
            await _settle(connection, rule, now)
    return marked


async def _still_there(connection: AsyncConnection, rule: _Rule) -> bool:
    """Not replaced by a later rule: that one would not learn how long the sessions marked here still matter."""
    await in_order(connection)
    return (await connection.execute(select(revocations.c.id).where(revocations.c.id == rule.id))).first() is not None


async def _mark(connection: AsyncConnection, rule: _Rule, which: ColumnElement[bool], now: float) -> int:
    columns = sessions.c
    at = int(rule.created_at)
    # A login of the rest of that second is met as well; it did not end before it began.
    ended_at = case((columns.auth > at, columns.auth), else_=at)
    marked = (
        update(sessions)
        .where(which)
        .values(ended_at=ended_at, ended_why="revoked", expires_at=ended_at)
        .returning(columns.protect_until, columns.lifetime)
    )
    rows = (await connection.execute(marked)).all()
    bound = max((state_bound(row.protect_until, row.lifetime, now) for row in rows), default=0)
    grown = update(revocations).where(revocations.c.id == rule.id, revocations.c.bound < bound)
    await connection.execute(grown.values(bound=bound))
    return len(rows)


async def _settle(connection: AsyncConnection, rule: _Rule, now: float) -> None:
    """All its sessions are marked: from ``bound`` on there is no state that the rule could meet."""
    this = revocations.c.id == rule.id
    await connection.execute(delete(revocations).where(this, revocations.c.bound <= int(now)))
    await connection.execute(update(revocations).where(this).values(until=revocations.c.bound))


async def _delete(database: Database, key: Any, which: ColumnElement[bool], rest: Rest) -> int:
    deleted = 0
    while True:
        async with database.writing() as connection:
            some = select(key).where(which).limit(CHUNK)
            found = (await connection.execute(delete(key.table).where(key.in_(some)))).rowcount
        deleted += found
        if found < CHUNK:
            return deleted
        await rest()
