"""A node in numbers, put together from whoever knows each of them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from menshen.envoy import DataPlane
from menshen.figures.counting import Counts
from menshen.figures.readings import Readings
from menshen.node.figure_history import FigureHistory
from menshen.node.figures import NodeFigures
from menshen.node.workers import Workers
from menshen.sessions.rotation import making_since
from menshen.storage.database import Database
from menshen.web.figures import FigureDesk

if TYPE_CHECKING:
    from menshen.node.node import Node

__all__ = ["NodeReadings"]


@dataclass(frozen=True, slots=True)
class NodeReadings:
    """Of this node, ``now`` and in time. ``counts`` are of its own process: access tokens that it fetches ahead."""

    now: Callable[[], Readings]
    counts: Counts
    figures: NodeFigures
    history: FigureHistory
    desk: FigureDesk

    @classmethod
    def of(cls, node: Node, workers: Workers, data_plane: DataPlane, database: Database) -> NodeReadings:
        counts = Counts()
        figures = NodeFigures(data_plane, counts, time.monotonic)
        workers.counted = figures.counted
        history = FigureHistory(database, figures, time.time, secrets.token_hex(8))

        def now() -> Readings:
            return _now(node, workers, data_plane, figures, history)

        return cls(now, counts, figures, history, FigureDesk(now, history.day, time.monotonic))


def _now(node: Node, workers: Workers, data_plane: DataPlane, figures: NodeFigures, history: FigureHistory) -> Readings:
    """As it is. Nobody is asked for it: all of it is in memory."""
    lately, seconds = figures.lately()
    envoy, now = figures.envoy, int(time.time())
    return Readings(
        totals=figures.totals,
        lately=lately,
        seconds=seconds,
        upstreams=envoy.upstreams,
        endpoints=figures.endpoints,
        connections=envoy.connections,
        requests=envoy.requests,
        envoy_up=data_plane.pid is not None,
        envoy_restarts=data_plane.restarts,
        workers=len(workers.addresses),
        workers_running=len(workers.running),
        revision=node.revision,
        key_ages={purpose: max(0, now - made_at) for purpose, made_at in making_since(node.keys).items()},
        revocations=node.revocations.active,
        sessions=history.sessions,
        database=node.database_answers,
    )
