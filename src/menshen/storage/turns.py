"""Whose turn it is to write, among all processes that share one SQLite file.

SQLite lets one connection write and has the others look again after 1, 2, 5 … 100 ms of sleep. Under load a waiter
sleeps through the gaps, and now and then one sleeps for a second. Here a waiter is woken when the lock is free: the
kernel's lock on a file beside the database, which a killed process gives back too. SQLite's own lock still decides;
this only keeps our writers from meeting at it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

__all__ = ["WAIT_SECONDS", "WriteTurns"]

WAIT_SECONDS = 4.0


class WriteTurns:
    """One process's place in the queue. ``path`` is made where it is missing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ours = asyncio.Lock()
        self._file: int | None = None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for the others, then be the only writer until the end of the block.

        Raises ``TimeoutError`` where they take longer than :data:`WAIT_SECONDS`.
        """
        async with asyncio.timeout(WAIT_SECONDS):
            await self._take()
        try:
            yield
        finally:
            self._give_back()

    async def _take(self) -> None:
        await self._ours.acquire()
        try:
            if self._file is None:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            self._ours.release()
            raise
        taking = asyncio.ensure_future(asyncio.to_thread(fcntl.flock, self._file, fcntl.LOCK_EX))
        try:
            await asyncio.shield(taking)
        except BaseException:
            # Given up while it waits: the thread gets the lock all the same, some time, and then it is given back.
            taking.add_done_callback(lambda _: self._give_back())
            raise

    def _give_back(self) -> None:
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._ours.release()

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
