"""A node in numbers, put together from whoever knows each of them."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from menshen.figures.counting import Counts
from menshen.figures.readings import Readings, Span
from menshen.node.figure_history import FigureHistory
from menshen.node.figures import NodeFigures
from menshen.sessions.rotation import making_since
from menshen.storage.database import Database

if TYPE_CHECKING:
    from menshen.node.node import Node

__all__ = ["NodeReadings"]


@dataclass(frozen=True, slots=True)
class NodeReadings:
    """Of this node. ``counts`` are what its own process does: access tokens that it fetches ahead."""

    node: Node
    counts: Counts
    figures: NodeFigures
    history: FigureHistory

    @classmethod
    def of(cls, node: Node, database: Database) -> NodeReadings:
        counts = Counts()
        figures = NodeFigures(node.data_plane, counts, time.monotonic)
        node.workers.counted = figures.counted
        return cls(node, counts, figures, FigureHistory(database, figures.take, time.time, secrets.token_hex(8)))

    async def day(self) -> list[Span]:
        """The last 24 hours of all nodes. Raises ``DatabaseUnavailable``."""
        return await self.history.day()

    def now(self) -> Readings:
        """As it is. Nobody is asked for it: all of it is in memory."""
        lately, seconds = self.figures.lately()
        node, envoy, now = self.node, self.figures.envoy, int(time.time())
        return Readings(
            totals=self.figures.totals,
            lately=lately,
            seconds=seconds,
            upstreams=envoy.upstreams,
            endpoints=self.figures.endpoints,
            connections=envoy.connections,
            requests=envoy.requests,
            envoy_up=node.data_plane.pid is not None,
            envoy_restarts=node.data_plane.restarts,
            workers=len(node.workers.addresses),
            workers_running=len(node.workers.running),
            revision=node.revision,
            key_ages={purpose: max(0, now - made_at) for purpose, made_at in making_since(node.keys).items()},
            revocations=node.revocations.active,
            sessions=self.history.sessions,
            database=node.database_answers,
        )
