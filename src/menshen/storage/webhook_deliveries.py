"""Messages to webhooks: what is to be sent, who is sending it, and what came of it.

A row is taken by moving ``next_at`` ahead and counting the attempt. Of two senders one does that first, and the other
finds nothing due. A sender that dies leaves the row with a time at which somebody else takes it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import Select, bindparam, delete, insert, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.log_tables import webhook_deliveries
from menshen.storage.paging import WALK, Page, page_of, plan_anew, walked

__all__ = [
    "Attempted",
    "Delivery",
    "NewDelivery",
    "Status",
    "Taken",
    "abandon_deliveries",
    "add_deliveries",
    "finish_deliveries",
    "list_deliveries",
    "page_deliveries",
    "prune_deliveries",
    "send_again",
    "take_deliveries",
    "waiting_webhooks",
]

Status = Literal["waiting", "delivered", "failed"]

_NEWEST = 2**63 - 1
_MOST_ERROR = 200


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A message to one webhook. ``delivery`` is its id outside; ``created_at`` in Unix seconds."""

    delivery: str
    webhook: str
    event: str
    body: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that is this sender's to send until the time it was taken for. ``attempts`` counts this one too."""

    id: int
    delivery: str
    webhook: str
    event: str
    body: str
    created_at: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Attempted:
    """What came of attempt number ``attempts``. ``next_at`` None: there will be no other. Unix seconds."""

    id: int
    attempts: int
    status: Status
    at: int
    next_at: float | None
    response_status: int
    error: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of the delivery log. ``response_status`` 0: no answer; ``finished_at`` 0: not done with."""

    id: int
    delivery: str
    webhook: str
    event: str
    body: str
    created_at: int
    status: Status
    attempts: int
    next_at: float | None
    response_status: int
    error: str
    finished_at: int


async def add_deliveries(connection: AsyncConnection, new: Sequence[NewDelivery]) -> None:
    """To be sent at once."""
    rows = [
        asdict(each)
        | {
            "status": "waiting",
            "attempts": 0,
            "next_at": each.created_at,
            "response_status": 0,
            "error": "",
            "finished_at": 0,
        }
        for each in new
    ]
    if rows:
        await connection.execute(insert(webhook_deliveries), rows)


async def waiting_webhooks(connection: AsyncConnection, names: Sequence[str], now: float) -> list[str]:
    """Those of the webhooks for which something is due."""
    columns = webhook_deliveries.c
    due = select(columns.id).where(columns.webhook == bindparam("name"), columns.next_at <= now).limit(1)
    return [name for name in names if (await connection.execute(due, {"name": name})).first() is not None]


async def take_deliveries(
    connection: AsyncConnection, webhook: str, now: float, until: float, limit: int, *, only: str = ""
) -> list[Taken]:
    """What is due, the longest first, or ``only`` that delivery; nobody else gets it before ``until``."""
    columns = webhook_deliveries.c
    due = (
        select(columns.id)
        .where(columns.webhook == webhook, columns.next_at <= now)
        .order_by(columns.next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if only:
        due = due.where(columns.delivery == only)
    ids = (await connection.execute(due)).scalars().all()
    if not ids:
        return []
    taken = (
        update(webhook_deliveries)
        .where(columns.id.in_(ids))
        .values(next_at=until, attempts=columns.attempts + 1)
        .returning(
            columns.id,
            columns.delivery,
            columns.webhook,
            columns.event,
            columns.body,
            columns.created_at,
            columns.attempts,
        )
    )
    return sorted((Taken(*row) for row in await connection.execute(taken)), key=lambda each: each.id)


async def finish_deliveries(connection: AsyncConnection, attempted: Sequence[Attempted]) -> list[None]:
    """Note what came of attempts. One whose time ran out, so that another took the message, counts no more."""
    columns = webhook_deliveries.c
    statement = (
        update(webhook_deliveries)
        .where(
            columns.id == bindparam("b_id"),
            columns.attempts == bindparam("b_attempts"),
            columns.next_at.is_not(None),
        )
        .values(
            status=bindparam("b_status"),
            next_at=bindparam("b_next_at"),
            response_status=bindparam("b_response_status"),
            error=bindparam("b_error"),
            finished_at=bindparam("b_finished_at"),
        )
    )
    rows = [
        {
            "b_id": each.id,
            "b_attempts": each.attempts,
            "b_status": each.status,
            "b_next_at": each.next_at,
            "b_response_status": each.response_status,
            "b_error": each.error.replace("\0", "")[:_MOST_ERROR],
            "b_finished_at": 0 if each.next_at is not None else each.at,
        }
        for each in attempted
    ]
    if rows:
        await connection.execute(statement, rows)
    return [None] * len(attempted)


async def abandon_deliveries(
    connection: AsyncConnection, names: Sequence[str], created_before: int, now: int, limit: int
) -> int:
    """Fail what waits for a webhook that is none of these any more; how many that were.

    Only what was written before a moment: another node may run a newer revision, with a webhook that is not known here.
    """
    columns = webhook_deliveries.c
    orphans = (
        select(columns.id)
        .where(columns.next_at.is_not(None), columns.created_at < created_before, columns.webhook.not_in(names))
        .limit(limit)
    )
    failed = update(webhook_deliveries).where(columns.id.in_(orphans))
    values = {"status": "failed", "next_at": None, "error": "the webhook is configured no more", "finished_at": now}
    return (await connection.execute(failed.values(**values))).rowcount


async def send_again(connection: AsyncConnection, webhook: str, delivery: str, now: float) -> bool:
    """Have a message that is done with sent once more, as if it were new; whether there is one."""
    columns = webhook_deliveries.c
    done = update(webhook_deliveries).where(
        columns.delivery == delivery, columns.webhook == webhook, columns.next_at.is_(None)
    )
    values = {"status": "waiting", "attempts": 0, "next_at": now, "error": "", "response_status": 0, "finished_at": 0}
    return bool((await connection.execute(done.values(**values))).rowcount)


async def list_deliveries(
    connection: AsyncConnection,
    webhook: str,
    *,
    status: Status | None = None,
    limit: int = 50,
    below: int | None = None,
) -> list[Delivery]:
    """The newest first, however far back. ``below`` is the ``id`` that the page before ended with."""
    query = _walk(select(webhook_deliveries), webhook, status, below)
    if status is not None:
        query = query.where(webhook_deliveries.c.status == status)
    return [_delivery(row) for row in await connection.execute(query.limit(limit))]


async def page_deliveries(
    connection: AsyncConnection,
    webhook: str,
    *,
    status: Status | None = None,
    limit: int = 50,
    below: int | None = None,
    walk: int = WALK,
) -> Page[Delivery, int]:
    """The newest first, of so many rows as one page looks at."""
    columns = webhook_deliveries.c
    await plan_anew(connection)
    stopped_at = None
    query = _walk(select(webhook_deliveries), webhook, status, below)
    if status is not None:
        query = query.where(columns.status == status)
    if status in ("waiting", "delivered"):
        last = await walked(connection, _walk(select(columns.id), webhook, status, below), walk)
        if last is not None:
            stopped_at = last.id
            query = query.where(columns.id >= stopped_at)
    rows = [_delivery(row) for row in await connection.execute(query.limit(limit + 1))]
    return page_of(rows, limit, lambda row: row.id, stopped_at)


def _walk(query: Select[Any], webhook: str, status: Status | None, below: int | None) -> Select[Any]:
    """Down the index of what failed, which is little, or of all."""
    columns = webhook_deliveries.c
    query = query.where(columns.webhook == webhook, columns.id < (_NEWEST if below is None else below))
    if status == "failed":  # said as the partial index says it, or SQLite does not see that it is meant
        query = query.where(columns.status == literal_column("'failed'"))
    return query.order_by(columns.id.desc())


async def prune_deliveries(connection: AsyncConnection, before: int, limit: int) -> int:
    """Forget, of the ``limit`` oldest, what is done with and was written before a moment; how many those were."""
    columns = webhook_deliveries.c
    # The limit comes first: a condition on the time inside would walk the whole table to find that nothing is old.
    oldest = select(columns.id, columns.created_at, columns.next_at).order_by(columns.id).limit(limit).subquery()
    old = select(oldest.c.id).where(oldest.c.created_at < before, oldest.c.next_at.is_(None))
    return (await connection.execute(delete(webhook_deliveries).where(columns.id.in_(old)))).rowcount


def _delivery(row: Any) -> Delivery:
    return Delivery(**dict(row._mapping))
