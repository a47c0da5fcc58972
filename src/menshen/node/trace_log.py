"""What Envoy says of requests with a TraceID, from its pipe into the database.

A pipe and no file: nothing grows on the disk, and nothing of a client's is left there. The node opens it in both
directions before Envoy starts, so it outlives any number of Envoys, and Envoy never waits for somebody to read. Envoy
writes from a thread of its own; no request waits for that. What the database does not take in time is dropped and
counted: links are for looking things up, and no request may be lost or late for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import re
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from menshen.errors import DatabaseUnavailable
from menshen.storage.database import Database
from menshen.storage.trace_links import TraceLink, add_trace_links

__all__ = ["TraceLog"]

log = logging.getLogger("menshen.traces")

_EVERY = 0.5
_MOST: Final = 20_000
"""Links that wait for the database: some seconds of a busy gateway, some megabytes."""

_CHUNK: Final = 500
"""Rows a transaction: a login must not wait long behind it."""

_READ: Final = 65_536
_LONGEST_LINE: Final = 8192
_PIPE: Final = 1 << 20
_TELL_EVERY: Final = 60.0

_TRACE: Final = re.compile(r"[0-9a-f]{32}")
_VALUE: Final = re.compile(r"[!-~]{1,384}")


class _Line(msgspec.Struct, frozen=True):
    """A line of Envoy's, all of it text of our own format; null is what a request did not have."""

    at: str
    value: str
    trace_id: str
    tag: str = ""
    route: str | None = None
    status: int | None = None
    request_id: str | None = None


class TraceLog:
    """``path`` is the pipe. Use in one event loop: :meth:`open`, then :meth:`follow` as a task, then :meth:`finish`."""

    def __init__(self, path: Path, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._database = database
        self._clock = clock
        self._pipe: int | None = None
        self._rest = b""
        self._waiting: deque[TraceLink] = deque()
        self._lost = 0
        self._told = -_TELL_EVERY
        self._away = -_TELL_EVERY

    def open(self) -> None:
        """Make the pipe anew and read it from now on. Before Envoy is started, which would wait for a reader."""
        self._path.unlink(missing_ok=True)
        os.mkfifo(self._path, 0o600)
        self._pipe = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            with contextlib.suppress(PermissionError):  # a user may have so much memory in pipes and no more
                fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, _PIPE)
        asyncio.get_running_loop().add_reader(self._pipe, self._readable)

    async def follow(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            await self.write()

    async def finish(self) -> None:
        """Take what Envoy wrote last, and close. After Envoy has ended. What cannot be written now is lost."""
        if self._pipe is None:
            return
        asyncio.get_running_loop().remove_reader(self._pipe)
        while self._readable():
            pass
        os.close(self._pipe)
        self._pipe = None
        await self.write()
        self._lost += len(self._waiting)
        self._waiting.clear()
        if self._lost:
            self._tell()
        self._path.unlink(missing_ok=True)

    async def write(self) -> None:
        """Write down what waits. Nothing is raised; what cannot be written now stays for the next time."""
        try:
            while self._waiting:
                chunk = [self._waiting.popleft() for _ in range(min(_CHUNK, len(self._waiting)))]
                try:
                    async with self._database.writing() as connection:
                        await add_trace_links(connection, chunk)
                except BaseException:
                    self._waiting.extendleft(reversed(chunk))
                    raise
        except DatabaseUnavailable as error:
            self._complain(str(error))
        except Exception:
            log.exception("writing_trace_links")
            self._lost += len(self._waiting)
            self._waiting.clear()
        self._shorten()
        if self._lost and self._clock() - self._told >= _TELL_EVERY:
            self._tell()

    def _readable(self) -> bool:
        """Read once; whether there may be more."""
        if self._pipe is None:
            return False
        try:
            read = os.read(self._pipe, _READ)
        except BlockingIOError:
            return False
        *lines, self._rest = (self._rest + read).split(b"\n")
        for line in lines:
            self._take(line)
        if len(self._rest) > _LONGEST_LINE:  # no line of ours: an Envoy died in the middle of one
            self._rest = b""
            self._lost += 1
        self._shorten()
        return True

    def _take(self, line: bytes) -> None:
        link = _link(line)
        if link is None:
            self._lost += 1
        else:
            self._waiting.append(link)

    def _shorten(self) -> None:
        """The oldest go: who looks a number up has most likely just used it."""
        while len(self._waiting) > _MOST:
            self._waiting.popleft()
            self._lost += 1

    def _complain(self, why: str) -> None:
        if self._clock() - self._away >= _TELL_EVERY:
            self._away = self._clock()
            log.warning("trace_links_wait", extra={"links": len(self._waiting), "why": why})

    def _tell(self) -> None:
        self._told = self._clock()
        log.warning("trace_links_lost", extra={"links": self._lost})
        self._lost = 0


def _link(line: bytes) -> TraceLink | None:
    """None for what is no line of ours, or half of one."""
    try:
        found = msgspec.json.decode(line, type=_Line)
        at = int(found.at)
    except (msgspec.DecodeError, ValueError):
        return None
    if not (_TRACE.fullmatch(found.trace_id) and _VALUE.fullmatch(found.value) and 0 < at < 1 << 40):
        return None
    return TraceLink(
        at=at,
        value=found.value,
        tag=_fitting(found.tag, 32),
        trace_id=found.trace_id,
        route=_fitting(found.route or "", 121),
        status=min(found.status or 0, 999),
        request_id=_fitting(found.request_id or "", 64),
    )


def _fitting(text: str, length: int) -> str:
    """PostgreSQL takes neither a text that is too long nor one with a zero in it."""
    return text.replace("\0", "")[:length]
