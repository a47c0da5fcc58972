"""What the audit log says of the configuration: which revision changed what, and which was gone back to."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.audit import Audited, AuditRow
from menshen.storage.log_tables import audit

__all__ = ["configuration_events", "configuration_events_between"]

_NEWEST = 2**63 - 1
_MOST = 5_000


async def configuration_events(
    connection: AsyncConnection, actions: Sequence[str], *, limit: int, below: int | None = None
) -> list[Audited]:
    """The newest first. ``below`` is the ``id`` that the page before ended with."""
    query = _of(actions).where(audit.c.id < (_NEWEST if below is None else below)).limit(limit)
    return [_row(row) for row in await connection.execute(query)]


async def configuration_events_between(
    connection: AsyncConnection, actions: Sequence[str], first: int, last: int
) -> list[Audited]:
    """Those of so many Unix seconds, both ends included."""
    query = _of(actions).where(audit.c.at.between(first, last)).limit(_MOST)
    return [_row(row) for row in await connection.execute(query)]


def _of(actions: Sequence[str]) -> Select[tuple[int, int, str, str, str, str]]:
    return select(audit).where(audit.c.action.in_(actions)).order_by(audit.c.id.desc())


def _row(row: Row[tuple[int, int, str, str, str, str]]) -> Audited:
    return Audited(row.id, AuditRow(row.at, row.actor, row.action, row.uid, msgspec.json.decode(row.detail)))
