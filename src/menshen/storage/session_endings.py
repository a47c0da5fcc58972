"""Ending sessions: the record is marked, and the states out there are revoked, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, and_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.revocations import RevocationRow, add_sessions, in_order
from menshen.storage.session_rows import covered, live, state_bound
from menshen.storage.tables import sessions

__all__ = ["IN_ONE_QUERY", "Ending", "end_all", "end_sessions"]

IN_ONE_QUERY = 500
"""So many values in an IN (...): far from what either database takes at most."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Sessions to end: these, or every one of a user (``uid``). ``at`` in Unix seconds."""

    why: str
    at: float
    sids: Sequence[str] = ()
    uid: str = ""


async def end_all(connection: AsyncConnection, endings: Sequence[Ending]) -> list[int]:
    """How many each of them ended that were live."""
    await in_order(connection)
    ended = []
    for ending in endings:
        if ending.uid:
            ended.append(await _end(connection, sessions.c.uid == ending.uid, ending.why, ending.at))
        else:
            ended.append(await end_sessions(connection, dict.fromkeys(ending.sids, ending.why), ending.at))
    return ended


async def end_sessions(connection: AsyncConnection, whys: Mapping[str, str], now: float) -> int:
    """End each ``sid`` for its reason; how many were live. Call ``in_order`` before."""
    ended = 0
    for why in dict.fromkeys(whys.values()):
        sids = iter([sid for sid, own in whys.items() if own == why])
        while chunk := list(islice(sids, IN_ONE_QUERY)):
            ended += await _end(connection, sessions.c.sid.in_(chunk), why, now)
    return ended


async def _end(connection: AsyncConnection, which: ColumnElement[bool], why: str, now: float) -> int:
    ended = await _mark(connection, and_(which, live(now)), why, now)
    # A record looks over when the last renewal of its state was not noted (a worker was killed). The state may live.
    doubtful = and_(which, sessions.c.ended_at.is_(None), sessions.c.lifetime > 0, ~covered())
    ended_too = await _mark(connection, doubtful, why, now)
    await add_sessions(connection, [*_revoked(ended, now), *_revoked(ended_too, now)], now)
    return len(ended)


async def _mark(connection: AsyncConnection, which: ColumnElement[bool], why: str, now: float) -> Sequence[Any]:
    marked = update(sessions).where(which).values(ended_at=int(now), ended_why=why, expires_at=int(now))
    columns = sessions.c
    given = marked.returning(
        columns.sid, columns.platform, columns.appid, columns.kind, columns.protect_until, columns.lifetime
    )
    return (await connection.execute(given)).all()


def _revoked(rows: Sequence[Any], now: float) -> Iterable[RevocationRow]:
    for row in rows:
        until = state_bound(row.protect_until, row.lifetime, now)
        yield RevocationRow(row.sid, row.platform, row.appid, 0, until, row.kind)
