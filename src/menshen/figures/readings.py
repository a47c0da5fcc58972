"""A node at one moment, in numbers: what whoever shows figures is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from menshen.figures.tally import Tally

__all__ = ["Readings", "Span"]


@dataclass(frozen=True, slots=True)
class Readings:
    """``totals`` are since the node's start, ``lately`` of the last ``seconds``, a minute at most.

    ``upstreams``: name -> healthy endpoints, all of them; ``endpoints``: name -> each with whether it is healthy.
    ``key_ages`` are seconds by purpose, of the key that makes; ``sessions`` are of all nodes, None where nobody has
    counted; ``database`` is whether it answered when it was asked last.
    """

    totals: Tally = field(default_factory=dict)
    lately: Tally = field(default_factory=dict)
    seconds: float = 0.0
    upstreams: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    endpoints: Mapping[str, Sequence[tuple[str, bool]]] = field(default_factory=dict)
    connections: int = 0
    requests: int = 0
    envoy_up: bool = False
    envoy_restarts: int = 0
    workers: int = 0
    workers_running: int = 0
    revision: int | None = None
    key_ages: Mapping[str, int] = field(default_factory=dict)
    revocations: int = 0
    sessions: int | None = None
    database: bool = True


@dataclass(frozen=True, slots=True)
class Span:
    """What all nodes did from ``at`` (Unix seconds) on, until the next span begins."""

    at: int
    counts: Tally
