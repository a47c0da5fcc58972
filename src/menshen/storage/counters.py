"""Counting what is tried, for every process that shares the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Integer, bindparam, delete, func, literal_column, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.tables import counters

__all__ = ["Tick", "count_ticks", "forget_counts", "prune_counters", "sum_counts"]

_EARLIER = (
    "FROM counters AS o WHERE o.key = counters.key "
    "AND o.period < counters.period AND o.expires_at > counters.period AND o.count > 0"
)
# As text: SQLAlchemy leaves the tables' names out behind RETURNING, and here two of one kind must be told apart.


@dataclass(frozen=True, slots=True)
class Tick:
    """One try. It counts with those of its ``period`` (a start) until ``expires_at``, in Unix seconds.

    It is not counted where ``most`` others count already; ``most`` 0: it is counted in any case.
    """

    key: str
    period: int
    expires_at: int
    most: int = 0


async def count_ticks(connection: AsyncConnection, ticks: Sequence[Tick]) -> list[int]:
    """0 for a try that was counted; for any other the Unix second at which the first of those that count expires.

    Ticks of one key are taken in their order. One statement counts a whole batch, and a second one takes back what was
    too much: a limit that counted what it refuses would, under steady pressure, let nobody through at all.
    """
    groups: dict[tuple[str, int], list[int]] = {}
    for number, tick in enumerate(ticks):
        groups.setdefault((tick.key, tick.period), []).append(number)
    # In one order everywhere: two transactions that lock rows crosswise wait for each other for ever.
    ordered = dict(sorted(groups.items()))
    found = await _add(connection, {place: [ticks[n] for n in numbers] for place, numbers in ordered.items()})
    answers = [0] * len(ticks)
    refused: list[dict[str, Any]] = []
    for (key, period), numbers in ordered.items():
        row = found[key, period]
        counted = row.earlier + row.count - len(numbers)
        for number in numbers:
            tick = ticks[number]
            if tick.most and counted >= tick.most:
                oldest = period if row.oldest is None else row.oldest
                answers[number] = oldest + tick.expires_at - period
            else:
                counted += 1
        too_many = row.earlier + row.count - counted
        if too_many:
            refused.append({"b_key": key, "b_period": period, "b_count": too_many})
    await _take_back(connection, refused)
    return answers


@dataclass(frozen=True, slots=True)
class _Counted:
    """What a period has, what earlier ones have that still count, and where the first of those begins."""

    count: int
    earlier: int
    oldest: int | None


async def _add(
    connection: AsyncConnection, groups: Mapping[tuple[str, int], Sequence[Tick]]
) -> dict[tuple[str, int], _Counted]:
    """Count all of them."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    rows = [
        {"key": key, "period": period, "count": len(ticks), "expires_at": max(tick.expires_at for tick in ticks)}
        for (key, period), ticks in groups.items()
    ]
    insert = dialect.insert(counters)
    counted = insert.on_conflict_do_update(
        index_elements=[counters.c.key, counters.c.period],
        set_={"count": counters.c.count + insert.excluded.count},
    ).returning(
        counters.c.key,
        counters.c.period,
        counters.c.count,
        literal_column(f"(SELECT coalesce(sum(o.count), 0) {_EARLIER})", Integer),
        literal_column(f"(SELECT min(o.period) {_EARLIER})", BigInteger),
    )
    found = (await connection.execute(counted, rows)).all()
    # A row has a method "count": by position, not by name.
    return {(key, period): _Counted(count, int(earlier), oldest) for key, period, count, earlier, oldest in found}


async def _take_back(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        statement = (
            update(counters)
            .where(counters.c.key == bindparam("b_key"), counters.c.period == bindparam("b_period"))
            .values(count=counters.c.count - bindparam("b_count"))
        )
        await connection.execute(statement, rows)


async def sum_counts(connection: AsyncConnection, key: str, now: float) -> int:
    """How many tries count."""
    query = select(func.coalesce(func.sum(counters.c.count), 0)).where(
        counters.c.key == key, counters.c.expires_at > int(now)
    )
    return int((await connection.execute(query)).scalar_one())


async def forget_counts(connection: AsyncConnection, keys: Sequence[str]) -> list[None]:
    await connection.execute(delete(counters).where(counters.c.key.in_(sorted(set(keys)))))
    return [None] * len(keys)


async def prune_counters(connection: AsyncConnection, now: float, limit: int | None = None) -> int:
    """Delete what counts no more; how many rows. ``limit`` is the most that one call deletes."""
    columns = counters.c
    some = select(columns.key, columns.period).where(columns.expires_at <= int(now)).limit(limit)
    statement = delete(counters).where(tuple_(columns.key, columns.period).in_(some))
    return (await connection.execute(statement)).rowcount
