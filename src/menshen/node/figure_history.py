"""Figures of every minute, kept in the database: those of all nodes together, with nothing else installed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from menshen.errors import DatabaseUnavailable
from menshen.figures.readings import Span
from menshen.figures.tally import Tally, add, total_of
from menshen.storage.database import Database
from menshen.storage.figures import MinuteRow, add_minutes, list_minutes, live_sessions

__all__ = ["SPAN", "FigureHistory", "Untaken"]

log = logging.getLogger("menshen.node")

SPAN: Final = 600
"""Seconds of a span of the day: so many points can be told apart in a small picture."""

_MINUTE: Final = 60
_DAY: Final = 86_400
_SETTLED: Final = 300
"""Seconds after which no node adds to a span: it is not read again."""

_FRESH: Final = 10.0
_COUNT_FRESH: Final = 60.0
_MOST_WAITING: Final = 60
_MOST_ROUTES: Final = 100
"""APIs of a minute that have their own count in the history; the rest of thousands are nowhere near the top."""


class Untaken(Protocol):
    """What was done and is not written yet. See :class:`menshen.node.figures.NodeFigures`."""

    @property
    def untaken(self) -> Tally: ...

    def take(self) -> Tally: ...


class FigureHistory:
    """``doing`` has what is to be written, ``clock`` gives Unix seconds; ``node`` is this run's name."""

    def __init__(self, database: Database, doing: Untaken, clock: Callable[[], float], node: str) -> None:
        self.sessions: int | None = None
        """Live ones of all nodes, as they were counted last."""
        self._database = database
        self._doing = doing
        self._clock = clock
        self._node = node
        self._minute = self._now_minute()
        self._waiting: list[MinuteRow] = []
        self._spans: dict[int, Tally] = {}
        self._read_at = 0.0
        self._read_until = 0
        self._reading = asyncio.Lock()

    async def follow(self) -> None:
        """Write each minute when it is over, and count what is counted in the database."""
        while True:
            await self.count()
            now = self._clock()
            await asyncio.sleep(max(0.1, (now // _MINUTE + 1) * _MINUTE - now))
            await self.write()

    async def write(self) -> None:
        """Keep what was done since this was called last, as the minute's; what cannot be written waits for the next."""
        minute = self._minute
        # Also where the clock was set back, or woke us a moment early: no minute has two rows.
        self._minute = max(self._now_minute(), minute + _MINUTE)
        done = _shortened(self._doing.take())
        if done:
            self._waiting.append(MinuteRow(minute, self._node, msgspec.json.encode(done).decode()))
        rows = self._waiting[-_MOST_WAITING:]
        try:
            if rows:
                async with self._database.writing() as connection:
                    await add_minutes(connection, rows)
            rows = []
        except DatabaseUnavailable as error:
            log.warning("figures_not_written", extra={"minutes": len(rows), "why": str(error)})
        except Exception:
            log.exception("writing_figures")
            rows = []
        self._waiting = rows

    async def count(self) -> None:
        """Count the live sessions."""
        try:
            async with self._database.reading() as connection:
                self.sessions = await live_sessions(connection, self._clock())
        except DatabaseUnavailable:
            self.sessions = None

    async def day(self) -> list[Span]:
        """The last 24 hours in spans, the oldest first; spans in which nothing was done are there, empty.

        Of this node the minute that is going on is in it, of the others when they have written it.

        Raises ``DatabaseUnavailable``.
        """
        now = self._clock()
        first = (int(now) - _DAY) // SPAN * SPAN + SPAN
        async with self._reading:
            if now - self._read_at > _FRESH:
                await self._read(max(first, self._read_until))
                self._read_at = now
                self._read_until = max(first, (int(now) - _SETTLED) // SPAN * SPAN)
        self._spans = {at: counts for at, counts in self._spans.items() if at >= first}
        going_on = int(now) // SPAN * SPAN
        spans = {**self._spans, going_on: total_of([self._spans.get(going_on, {}), self._doing.untaken])}
        return [Span(at, spans.get(at, {})) for at in range(first, int(now) + 1, SPAN)]

    async def _read(self, since: int) -> None:
        async with self._database.reading() as connection:
            rows = await list_minutes(connection, since)
        found = await asyncio.to_thread(_by_span, rows)
        kept = {at: counts for at, counts in self._spans.items() if at < since}
        self._spans = kept | found

    def _now_minute(self) -> int:
        return int(self._clock()) // _MINUTE * _MINUTE


def _by_span(rows: list[MinuteRow]) -> dict[int, Tally]:
    found: dict[int, Tally] = {}
    for row in rows:
        add(found.setdefault(row.at // SPAN * SPAN, {}), msgspec.json.decode(row.counts, type=Tally))
    return found


def _shortened(tally: Tally) -> Tally:
    routes = tally.get("routes", {})
    if len(routes) <= _MOST_ROUTES:
        return tally
    most = sorted(routes.items(), key=lambda item: -item[1])[:_MOST_ROUTES]
    return {**tally, "routes": dict(most)}
