"""Counting where things happen. On the hot path that is one increment of a dictionary's number and nothing else."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from menshen.errors import Refusal
from menshen.figures.latency import SUM, bucket_of
from menshen.figures.tally import Tally

__all__ = ["ALLOWED", "ANONYMOUS", "DONE", "LOGGED_IN", "NOT_ASKED", "Counts"]

ALLOWED: Final = "allow"
"""A good login state, passed on."""

ANONYMOUS: Final = "anonymous"
"""Nobody's request, where nobody need be logged in."""

NOT_ASKED: Final = "public"
"""Judged by other guards; a login state plays no part."""

LOGGED_IN: Final = "login"
DONE: Final = "ok"
"""Of logins, calls of a platform and calls of the user API."""


class Counts:
    """What one process has done since its start. Not for several threads."""

    __slots__ = ("_clock", "api", "call_ms", "calls", "decisions", "logins")

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.decisions: defaultdict[str, int] = defaultdict(int)
        self.api: defaultdict[str, int] = defaultdict(int)
        self.logins: defaultdict[str, int] = defaultdict(int)
        self.calls: defaultdict[str, int] = defaultdict(int)
        self.call_ms: defaultdict[str, int] = defaultdict(int)

    def login(self, app: str, outcome: str = DONE) -> None:
        """A login of an app that came to this: done, or the reason of its refusal."""
        self.logins[f"{app} {outcome}"] += 1

    @contextmanager
    def calling(self, platform: str, app: str) -> Iterator[None]:
        """One call of a platform: done, or the reason of its refusal, or ``failed`` for anything else."""
        began, outcome = self._clock(), "failed"
        try:
            yield
            outcome = DONE
        except Refusal as refusal:
            outcome = refusal.reason
            raise
        finally:
            took = self._clock() - began
            self.calls[f"{platform} {app} {outcome}"] += 1
            self.call_ms[f"{platform} {bucket_of(took * 1e3)}"] += 1
            self.call_ms[f"{platform} {SUM}"] += int(took * 1e6)

    def tally(self) -> Tally:
        """All of it, as it is now."""
        families = {
            "decisions": self.decisions,
            "api": self.api,
            "logins": self.logins,
            "calls": self.calls,
            "call_ms": self.call_ms,
        }
        return {name: dict(counts) for name, counts in families.items() if counts}
