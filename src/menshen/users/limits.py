"""At most so many in so many seconds, over all processes, in any span of that length.

Tries are counted in tenths of the span (no less than a second), and one counts for as long as any of its tenth may. So
the limit is never passed, and a place is free again at most a tenth late. Counting in whole spans would let twice the
limit through around each boundary.
"""

from __future__ import annotations

import math

from menshen.config.user_rules import RateRule
from menshen.storage.counters import Tick, count_ticks, forget_counts, sum_counts
from menshen.storage.database import Database

__all__ = ["Limits", "tick"]

_PARTS = 10


class Limits:
    """Counters in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def exceeded(self, key: str, rate: RateRule, now: float) -> int:
        """Count a try that is within the limit: 0. For any other after how many seconds one may be again."""
        free_at = await self._database.write(count_ticks, tick(key, rate.seconds, now, rate.count))
        return max(1, math.ceil(free_at - now)) if free_at else 0

    async def add(self, key: str, seconds: int, now: float) -> None:
        """Count something for so many seconds, however often it happens."""
        await self._database.write(count_ticks, tick(key, seconds, now, 0))

    async def counted(self, key: str, now: float) -> int:
        """How much counts."""
        async with self._database.reading() as connection:
            return await sum_counts(connection, key, now)

    async def forget(self, key: str) -> None:
        await self._database.write(forget_counts, key)


def tick(key: str, seconds: int, now: float, most: int) -> Tick:
    """A try made now, as it is counted."""
    part = math.ceil(seconds / _PARTS)
    period = int(now) // part * part
    return Tick(key, period, period + part + seconds, most)
