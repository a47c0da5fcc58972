"""What this node has done: its workers' counts as they come, Envoy's as it is asked, never going down."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from menshen.envoy.figures import EnvoyFigures
from menshen.figures.counting import Counts
from menshen.figures.tally import Source, Tally, add, total_of

__all__ = ["LATELY", "NodeFigures", "TellsFigures"]

log = logging.getLogger("menshen.node")

LATELY: Final = 60.0
"""Seconds that count as now."""

_SAMPLE_SECONDS: Final = 2.0
_SELDOM: Final = 5
"""Of those samples, one asks for what is as many as there are APIs and endpoints."""


class TellsFigures(Protocol):
    """Envoy, as it is asked. See :class:`menshen.envoy.DataPlane`."""

    @property
    def pid(self) -> int | None: ...

    async def figures(self) -> EnvoyFigures | None: ...

    async def routes(self) -> Tally | None: ...

    async def endpoints(self) -> dict[str, list[tuple[str, bool]]] | None: ...


class NodeFigures:
    """``own`` are the counts of the node's process; ``clock`` gives seconds that only go forward."""

    def __init__(self, envoy: TellsFigures, own: Counts, clock: Callable[[], float]) -> None:
        self.totals: Tally = {}
        self.envoy = EnvoyFigures()
        self.endpoints: dict[str, list[tuple[str, bool]]] = {}
        self._envoy = envoy
        self._own = own
        self._clock = clock
        self._sources = {"envoy": Source(), "routes": Source(), "own": Source()}
        self._recent: deque[tuple[float, Tally]] = deque()
        self._untaken: Tally = {}
        self._since = clock()

    def counted(self, more: Tally) -> None:
        """This has happened as well."""
        if not more:
            return
        add(self.totals, more)
        add(self._untaken, more)
        self._recent.append((self._clock(), more))

    def lately(self) -> tuple[Tally, float]:
        """What happened within the last :data:`LATELY`, and the seconds that this is: fewer after the start."""
        now = self._clock()
        while self._recent and self._recent[0][0] < now - LATELY:
            self._recent.popleft()
        return total_of(more for _, more in self._recent), min(LATELY, now - self._since)

    @property
    def untaken(self) -> Tally:
        """What :meth:`take` would give now."""
        return self._untaken

    def take(self) -> Tally:
        """What happened since this was called last."""
        taken, self._untaken = self._untaken, {}
        return taken

    async def sample(self, *, seldom: bool = True) -> None:
        """Ask Envoy. An Envoy that does not answer has done nothing new."""
        self.counted(self._sources["own"].added(1, self._own.tally()))
        pid = self._envoy.pid
        found = await self._envoy.figures() if pid is not None else None
        if pid is None or found is None:
            return
        self.envoy = found
        self.counted(self._sources["envoy"].added(pid, found.counts))
        if seldom:
            routes = await self._envoy.routes()
            if routes is not None:
                self.counted(self._sources["routes"].added(pid, routes))
            self.endpoints = await self._envoy.endpoints() or self.endpoints

    async def follow(self) -> None:
        """Sample for ever."""
        rounds = 0
        while True:
            try:
                await self.sample(seldom=rounds % _SELDOM == 0)
            except Exception:
                log.exception("asking_envoy_for_figures")
            rounds += 1
            await asyncio.sleep(_SAMPLE_SECONDS)
