"""Spans that do not reach the collector: how many, and why the last of them did not."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

__all__ = ["SpanLosses"]

log = logging.getLogger("menshen.spans")

_TELL_EVERY: Final = 60.0


class SpanLosses:
    """Counts spans on their way to one collector; for any thread. ``queue`` is how many may wait.

    What is lost is told once a minute, where the SDK would tell with every batch, and at the end.
    """

    def __init__(self, queue: int) -> None:
        self._queue = queue
        self._lock = threading.Lock()
        self._waiting = 0
        self._lost = 0
        self._why = ""
        self._told = -_TELL_EVERY
        self._over = False

    def handed_in(self) -> None:
        """A span ended and is to be sent."""
        with self._lock:
            self._waiting += 1

    def sent(self, spans: int) -> None:
        self._settle(spans, 0, "")

    def refused(self, spans: int, why: str) -> None:
        """``why`` is for the log: no text of the collector's, nor of an error, which may quote a header or a URL."""
        self._settle(spans, spans, why)

    def end(self) -> None:
        """What waits still is lost: there is no more time for it."""
        with self._lock:
            if not self._over:
                self._over = True
                self._lost += self._waiting
                self._tell()

    def _settle(self, spans: int, lost: int, why: str) -> None:
        with self._lock:
            if self._over:
                return
            self._why = why
            self._waiting -= spans
            # The SDK tells nobody how many it dropped, but more than the queue holds cannot be waiting.
            dropped = max(0, self._waiting - self._queue)
            self._waiting -= dropped
            self._lost += lost + dropped
            if time.monotonic() - self._told >= _TELL_EVERY:
                self._tell()

    def _tell(self) -> None:
        if self._lost:
            log.warning("spans_not_sent", extra={"spans": self._lost, "why": self._why or "too slow"})
            self._told, self._lost = time.monotonic(), 0
