"""The list of what was ended before its time, as every process follows it.

A revocation of one session names it. One of an app (or of every app) is a single row, however many sessions it meets:
those that logged in before a moment. It counts at once; :mod:`menshen.storage.tidying` marks the sessions later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.tables import revocations

__all__ = ["CHANGED", "RevocationRow", "add_rule", "add_sessions", "in_order", "read_revocations", "tell_changed"]

CHANGED = "changed"
_CHANGED_SECONDS = 60

_ORDER_LOCK = 0x4D454E5348


@dataclass(frozen=True, slots=True)
class RevocationRow:
    """One session (``sid``), or with ``sid`` "" every session of an app whose login came before ``before``.

    ``platform`` and ``appid`` are "" for every app. ``before`` and ``until`` are Unix seconds; from ``until`` on there
    is no state left that it could meet, 0 where that is not known yet. ``kind`` is the session's, "" for an app.

    Kind :data:`CHANGED` revokes nothing: the session's record is another than it was, and what anybody keeps of it must
    be read again. It travels here because it must arrive as fast.
    """

    sid: str
    platform: str
    appid: str
    before: int
    until: int
    kind: str
    id: int = 0


async def in_order(connection: AsyncConnection) -> None:
    """Call first in a transaction that may add revocations.

    Who follows the table asks for what came after the last id it saw. PostgreSQL gives ids out before it commits, so
    of two transactions the later id could be seen first and the earlier one never. SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_ORDER_LOCK})"))


async def add_sessions(connection: AsyncConnection, rows: Sequence[RevocationRow], now: float) -> None:
    """Revoke single sessions, but for those whose states are all dead already."""
    values = [
        {
            "sid": row.sid,
            "platform": row.platform,
            "appid": row.appid,
            "before": row.before,
            "until": row.until,
            "bound": row.until,
            "kind": row.kind,
            "created_at": now,
        }
        for row in rows
        if row.until > now
    ]
    if values:
        await connection.execute(insert(revocations), values)


async def tell_changed(connection: AsyncConnection, sid: str, since: int) -> None:
    """Have everybody read this session's record again. Call ``in_order`` before."""
    await add_sessions(connection, [RevocationRow(sid, "", "", since, since + _CHANGED_SECONDS, CHANGED)], since)


async def add_rule(connection: AsyncConnection, platform: str, appid: str, before: int, now: float) -> None:
    """Revoke what logged in to an app, or with "" to any, before a moment. Rules it makes needless are taken out."""
    await in_order(connection)
    rules = revocations.c
    known = and_(rules.sid == "", rules.before >= before, _covers(platform, appid))
    if (await connection.execute(select(rules.id).where(known).limit(1))).first() is not None:
        return
    needless = and_(rules.sid == "", rules.before <= before)
    if platform:
        needless = and_(needless, rules.platform == platform, rules.appid == appid)
    # What the older rules had marked so far is marked: nobody looks at those sessions again, so their bound goes over.
    bounds = select(func.max(rules.bound), func.max(rules.until)).where(needless)
    bound = max(found or 0 for found in (await connection.execute(bounds)).one())
    await connection.execute(delete(revocations).where(needless))
    row = {"sid": "", "platform": platform, "appid": appid, "before": before, "until": 0, "bound": bound, "kind": ""}
    await connection.execute(insert(revocations), [row | {"created_at": now}])


async def read_revocations(connection: AsyncConnection, after: int, now: float) -> list[RevocationRow]:
    """Those with a higher id than ``after`` that can still meet a state, in the order of their ids."""
    rules = revocations.c
    query = (
        select(rules.sid, rules.platform, rules.appid, rules.before, rules.until, rules.kind, rules.id)
        .where(rules.id > after, or_(rules.until + 0 == 0, rules.until + 0 > int(now)))
        .order_by(rules.id)
    )
    return [RevocationRow(*row) for row in await connection.execute(query)]


def _covers(platform: str, appid: str) -> ColumnElement[bool]:
    every = revocations.c.platform == ""
    return or_(every, and_(revocations.c.platform == platform, revocations.c.appid == appid)) if platform else every
