"""Finding and listing session records, and noting that sessions are in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, bindparam, case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.paging import WALK, Page, page_of, plan_anew, walked
from menshen.storage.revocations import RevocationRow, add_sessions, in_order
from menshen.storage.session_endings import IN_ONE_QUERY
from menshen.storage.session_rows import GRACE, SessionRow, live, select_sessions, session_row
from menshen.storage.tables import sessions

__all__ = ["SessionUse", "find_by_digest", "find_by_sid", "list_sessions", "note_uses", "page_sessions"]

_NEWEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SessionUse:
    """A session was used ``at``; its state was made, is too old and ends at the others. Unix seconds."""

    sid: str
    at: int
    issued_at: int
    expires_at: int
    end_at: int


async def find_by_digest(connection: AsyncConnection, digests: Sequence[str]) -> dict[str, SessionRow]:
    """Digest -> record, of those that are there."""
    query = select_sessions().where(sessions.c.digest.in_(bindparam("digests", expanding=True)))
    rows = await connection.execute(query, {"digests": list(digests)})
    return {row.digest: session_row(row) for row in rows}


async def find_by_sid(connection: AsyncConnection, sid: str) -> SessionRow | None:
    row = (await connection.execute(select_sessions().where(sessions.c.sid == sid))).one_or_none()
    return session_row(row) if row else None


async def list_sessions(
    connection: AsyncConnection,
    now: float,
    *,
    uid: str | None = None,
    app: tuple[str, str] | None = None,
    only_live: bool = True,
    limit: int = 50,
    below: int | None = None,
    before: int | None = None,
) -> list[SessionRow]:
    """The newest first, however far back. ``below`` is the ``id`` that the page before ended with.

    ``before`` bounds the login's time. Logins are stored in the order of their times, or nearly: a ``before`` long ago
    walks past everything since.
    """
    query = _walk(select_sessions(), uid, app, below)
    if before is not None:
        query = query.where(sessions.c.auth < before)
    if only_live:
        query = query.where(live(now))
    return [session_row(row) for row in await connection.execute(query.limit(limit))]


async def page_sessions(
    connection: AsyncConnection,
    now: float,
    *,
    uid: str | None = None,
    app: tuple[str, str] | None = None,
    only_live: bool = True,
    limit: int = 50,
    below: int | None = None,
    walk: int = WALK,
) -> Page[SessionRow, int]:
    """The newest first, of so many rows as one page looks at."""
    await plan_anew(connection)
    stopped_at = None
    query = _walk(select_sessions(), uid, app, below)
    if only_live:
        query = query.where(live(now))
        last = await walked(connection, _walk(select(sessions.c.id), uid, app, below), walk)
        if last is not None:
            stopped_at = last.id
            query = query.where(sessions.c.id >= stopped_at)
    rows = [session_row(row) for row in await connection.execute(query.limit(limit + 1))]
    return page_of(rows, limit, lambda row: row.id, stopped_at)


def _walk(query: Select[Any], uid: str | None, app: tuple[str, str] | None, below: int | None) -> Select[Any]:
    # The bound is always there: with it SQLite seeks in the index, without it the plan is a scan of the table.
    query = query.where(sessions.c.id < (_NEWEST if below is None else below)).order_by(sessions.c.id.desc())
    if uid is not None:
        query = query.where(sessions.c.uid == uid)
    if app is not None and uid is None:
        query = query.where(sessions.c.platform == app[0], sessions.c.appid == app[1])
    elif app is not None:
        # Joined to nothing, so that SQLite does not take the index of the app: a user has few rows, an app a million.
        query = query.where(sessions.c.platform.concat("") == app[0], sessions.c.appid.concat("") == app[1])
    return query


async def note_uses(connection: AsyncConnection, uses: Sequence[SessionUse], now: float) -> None:
    """Carry the records on. What comes late or twice takes nothing back: every time only grows."""
    if not uses:
        return
    await in_order(connection)
    rows = [
        {
            "b_sid": use.sid,
            "b_seen": use.at,
            "b_issued": use.issued_at,
            "b_expires": use.expires_at,
            "b_end": use.end_at,
        }
        for use in uses
    ]
    await connection.execute(_note, rows)
    await _revoke_longer(connection, {use.sid: use for use in uses}, now)


def _later(column: Column[int], name: str) -> ColumnElement[int]:
    return case((column < bindparam(name), bindparam(name)), else_=column)


_note = (
    update(sessions)
    .where(sessions.c.sid == bindparam("b_sid"), sessions.c.ended_at.is_(None))
    .values(
        last_seen_at=_later(sessions.c.last_seen_at, "b_seen"),
        state_issued_at=_later(sessions.c.state_issued_at, "b_issued"),
        state_expires_at=_later(sessions.c.state_expires_at, "b_expires"),
        state_end_at=_later(sessions.c.state_end_at, "b_end"),
        protect_until=_later(sessions.c.protect_until, "b_expires"),
        expires_at=_later(sessions.c.expires_at, "b_expires"),
    )
)


async def _revoke_longer(connection: AsyncConnection, uses: dict[str, SessionUse], now: float) -> None:
    """Revoke again what was ended while a renewal of its state was not noted yet, for as long as that state lives."""
    columns = sessions.c
    query = select(
        columns.sid, columns.platform, columns.appid, columns.kind, columns.protect_until, columns.lifetime
    ).where(columns.sid.in_(bindparam("sids", expanding=True)), columns.ended_at.is_not(None))
    sids = list(uses)
    for start in range(0, len(sids), IN_ONE_QUERY):
        chunk = {"sids": sids[start : start + IN_ONE_QUERY]}
        ended = [row for row in await connection.execute(query, chunk) if uses[row.sid].expires_at > row.protect_until]
        longer = [
            RevocationRow(row.sid, row.platform, row.appid, 0, uses[row.sid].expires_at + GRACE, row.kind)
            for row in ended
        ]
        await add_sessions(connection, longer, now)
        if ended:
            grown = update(sessions).where(sessions.c.sid == bindparam("b_sid"))
            values = [{"b_sid": row.sid, "b_until": uses[row.sid].expires_at + GRACE} for row in ended]
            await connection.execute(grown.values(protect_until=bindparam("b_until")), values)
