"""Which traces a TraceID has: an order number, say, and every request that carried it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.log_tables import trace_links

__all__ = ["FoundTrace", "TraceLink", "add_trace_links", "find_traces", "prune_trace_links"]

_NEWEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class TraceLink:
    """One request that had a TraceID; ``at`` is when it came, in Unix seconds.

    ``value`` is percent-encoded (``config.tag_values``), ``tag`` is the name of the tag that it was. ``route`` is
    ``group/api``, ``status`` that of the answer.
    """

    at: int
    value: str
    tag: str
    trace_id: str
    route: str
    status: int
    request_id: str


@dataclass(frozen=True, slots=True)
class FoundTrace:
    """A link as it was written. ``id`` orders them and is for paging."""

    id: int
    link: TraceLink


async def add_trace_links(connection: AsyncConnection, links: Sequence[TraceLink]) -> None:
    """All or none. Raises what the database says to a text that is too long for its column."""
    if links:
        await connection.execute(insert(trace_links), [asdict(link) for link in links])


async def find_traces(
    connection: AsyncConnection, value: str, *, below: int | None = None, limit: int = 50
) -> list[FoundTrace]:
    """Those of one value (percent-encoded), the newest first. ``below``: the ``id`` that the page before ended with."""
    columns = trace_links.c
    query = (
        select(trace_links)
        .where(columns.value == value, columns.id < (_NEWEST if below is None else below))
        .order_by(columns.id.desc())
        .limit(limit)
    )
    found = [dict(row._mapping) for row in await connection.execute(query)]
    return [FoundTrace(row.pop("id"), TraceLink(**row)) for row in found]


async def prune_trace_links(connection: AsyncConnection, before: int, limit: int) -> int:
    """Forget the oldest from before a moment, ``limit`` at most; how many those were."""
    some = select(trace_links.c.id).where(trace_links.c.at < before).order_by(trace_links.c.at).limit(limit)
    return (await connection.execute(delete(trace_links).where(trace_links.c.id.in_(some)))).rowcount
