"""The newest ticket that WeChat has pushed for each third-party platform, for all workers and all nodes."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.tables import component_tickets

__all__ = ["TicketRow", "find_ticket", "keep_ticket"]


@dataclass(frozen=True, slots=True)
class TicketRow:
    """``made_at`` is the Unix second that WeChat says, ``received_at`` when it came."""

    sealed_ticket: str = field(repr=False)
    made_at: int
    received_at: float


async def find_ticket(connection: AsyncConnection, appid: str) -> TicketRow | None:
    """That of a third-party platform, by its AppID."""
    found = (
        await connection.execute(select(component_tickets).where(component_tickets.c.appid == appid))
    ).one_or_none()
    return None if found is None else TicketRow(found.sealed_ticket, found.made_at, found.received_at)


async def keep_ticket(connection: AsyncConnection, appid: str, ticket: TicketRow) -> bool:
    """Keep it in the place of an older one. False where there is one as new: what is late or double changes nothing."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    new = {"sealed_ticket": ticket.sealed_ticket, "made_at": ticket.made_at, "received_at": ticket.received_at}
    statement = dialect.insert(component_tickets).values(appid=appid, **new)
    kept = await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[component_tickets.c.appid], set_=new, where=component_tickets.c.made_at < ticket.made_at
        )
    )
    return kept.rowcount == 1
