"""The audit log: what was done, and by whom. Rows are only ever added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.tables import audit

__all__ = ["AuditRow", "Audited", "list_audit", "write_audit"]

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
    """The newest first. ``below`` is the ``id`` that the page before ended with."""
    query = select(audit).where(audit.c.id < (_NEWEST if below is None else below))
    if actor:
        query = query.where(audit.c.actor == actor)
    if uid:
        query = query.where(audit.c.uid == uid)
    if action:
        query = query.where(audit.c.action == action)
    rows = await connection.execute(query.order_by(audit.c.id.desc()).limit(limit))
    return [
        Audited(row.id, AuditRow(row.at, row.actor, row.action, row.uid, msgspec.json.decode(row.detail)))
        for row in rows
    ]
