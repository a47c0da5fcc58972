"""The audit log: what was done, and by whom. Rows are only ever added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.log_tables import audit
from menshen.storage.paging import WALK, Page, page_of, plan_anew, walked

__all__ = ["AuditRow", "Audited", "list_audit", "page_audit", "write_audit"]

_NEWEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class AuditRow:
    """``at`` in Unix seconds; ``uid`` is the user that it was done to, "" where it was none.

    ``detail`` is JSON and holds nothing personal of users: the row outlives the account.
    """

    at: int
    actor: str
    action: str
    uid: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Audited:
    """A row as it was written. ``id`` orders them and is for paging."""

    id: int
    row: AuditRow


async def write_audit(connection: AsyncConnection, rows: Sequence[AuditRow]) -> None:
    """In the transaction of the thing itself: what is not written down did not happen."""
    values = [
        {
            "at": row.at,
            "actor": row.actor[:120],
            "action": row.action,
            "uid": row.uid,
            "detail": msgspec.json.encode(row.detail, order="deterministic").decode(),
        }
        for row in rows
    ]
    if values:
        await connection.execute(insert(audit), values)


async def list_audit(
    connection: AsyncConnection,
    *,
    uid: str = "",
    action: str = "",
    actor: str = "",
    limit: int = 50,
    below: int | None = None,
) -> list[Audited]:
    """The newest first, however far back. ``below`` is the ``id`` that the page before ended with."""
    return await _listed(connection, *_conditions(uid, actor, action), limit, below)


async def page_audit(
    connection: AsyncConnection,
    *,
    uid: str = "",
    action: str = "",
    actor: str = "",
    limit: int = 50,
    below: int | None = None,
    walk: int = WALK,
) -> Page[Audited, int]:
    """The newest first, of so many rows as one page looks at."""
    await plan_anew(connection)
    leading, others = _conditions(uid, actor, action)
    stopped_at = None
    if others:
        ids = _walk(select(audit.c.id), below).where(*leading)
        last = await walked(connection, ids, walk)
        stopped_at = None if last is None else last.id
    rows = await _listed(connection, leading, others, limit + 1, below, stopped_at or 0)
    return page_of(rows, limit, lambda row: row.id, stopped_at)


def _conditions(uid: str, actor: str, action: str) -> tuple[list[ColumnElement[bool]], list[ColumnElement[bool]]]:
    """The condition whose index is walked, and the others, which are joined to nothing: no index of theirs is taken."""
    asked = [(column, value) for column, value in ((audit.c.uid, uid), (audit.c.actor, actor)) if value]
    asked += [(audit.c.action, action)] if action else []
    return [column == value for column, value in asked[:1]], [column.concat("") == value for column, value in asked[1:]]


def _walk(query: Select[Any], below: int | None) -> Select[Any]:
    # The bound is always there: with it SQLite seeks in the index, without it the plan is a scan of the table.
    return query.where(audit.c.id < (_NEWEST if below is None else below)).order_by(audit.c.id.desc())


async def _listed(
    connection: AsyncConnection,
    leading: Sequence[ColumnElement[bool]],
    others: Sequence[ColumnElement[bool]],
    limit: int,
    below: int | None,
    first: int = 0,
) -> list[Audited]:
    query = _walk(select(audit), below).where(*leading, *others).limit(limit)
    if first:
        query = query.where(audit.c.id >= first)
    return [
        Audited(row.id, AuditRow(row.at, row.actor, row.action, row.uid, msgspec.json.decode(row.detail)))
        for row in await connection.execute(query)
    ]
