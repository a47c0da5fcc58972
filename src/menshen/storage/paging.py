"""Pages of tables with a row for every login: how far back one question looks before it answers.

A condition that nearly no row meets would otherwise be looked for in every row there is. So one page looks at so many
rows at most, and says where the next one goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["WALK", "Page", "page_of", "plan_anew", "walked"]

WALK = 20_000
"""Rows that one page looks at. An index finds them, so that it takes some 50 ms at most."""

Row = TypeVar("Row")
Cursor = TypeVar("Cursor")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row, Cursor]):
    """Some rows, the newest first; the next page goes on ``below``, which is None where there is nothing older.

    ``stopped``: there may be fewer rows than were asked for, even none, because so many were looked at.
    """

    rows: Sequence[Row]
    below: Cursor | None
    stopped: bool = False


async def plan_anew(connection: AsyncConnection) -> None:
    """Have PostgreSQL look at the values of each question of this transaction, and not use a plan made for any value.

    Such a plan takes a rare value for a common one, and walks a million rows to find the few that have it.
    """
    if connection.dialect.name == "postgresql":
        await connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")


async def walked(connection: AsyncConnection, ids: Select[Any], walk: int = WALK) -> Any | None:
    """The last of the first ``walk`` rows of ``ids``, which are in their order already; None where there are fewer."""
    return (await connection.execute(ids.offset(walk - 1).limit(1))).one_or_none()


def page_of(
    rows: Sequence[Row], limit: int, cursor: Callable[[Row], Cursor], stopped_at: Cursor | None = None
) -> Page[Row, Cursor]:
    """``rows``: one more than ``limit`` where there are so many; ``stopped_at``: where the walk ended, if early."""
    if len(rows) > limit:
        return Page(rows[:limit], cursor(rows[limit - 1]))
    return Page(rows, stopped_at, stopped_at is not None)
