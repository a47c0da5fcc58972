"""Envoy as a child process: started, watched, started again, drained.

It gets a process group of its own, so that Ctrl-C reaches Python alone and Python decides how to stop; and on Linux a
death signal, so that a killed parent leaves no gateway behind that answers with rules nobody can change any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import signal
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from menshen.envoy.addresses import Addresses
from menshen.envoy.admin import Admin
from menshen.envoy.binary import check_version, find_envoy
from menshen.envoy.child import become_child, refuse_taken_port
from menshen.errors import ChildFailed

__all__ = ["EnvoyProcess"]

_log = logging.getLogger("menshen.envoy")

_START_LIMIT: Final = 60.0
_STEADY: Final = 10.0
"""After this many seconds of life a death counts as a first one again."""

_BACK_OFF: Final = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 5.0)
_TERM_LIMIT: Final = 3.0
_FLUSH_MS: Final = 500
"""How long a line of the trace log waits for others; Envoy's own would be 10 s."""

_OUR_SIGNAL: Final = "caught ENVOY_SIGTERM"
"""Envoy warns of the signal that stops it; there is nothing in it for an operator."""


_NO_COLLECTOR: Final = "error tracing: "
_AGAIN: Final = 60.0
"""A collector of spans that is away would be a line a second; this many seconds pass between two that are told."""


class EnvoyProcess:
    """One Envoy and its restarts. ``on_line`` gets every line that Envoy writes.

    ``drain`` is for how many seconds it keeps a listener that was replaced, for whoever is connected to it.
    """

    def __init__(
        self,
        addresses: Addresses,
        admin: Admin,
        *,
        concurrency: int = 1,
        drain: float = 300.0,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        self._addresses = addresses
        self._admin = admin
        self._concurrency = concurrency
        self._keep = drain
        self._on_line = on_line or (lambda line: _log.warning("envoy", extra={"line": line}))
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self.lines: deque[str] = deque(maxlen=200)
        """The last lines of Envoy's log: where it says why it refused something."""
        self.restarts = 0
        self._complained = -_AGAIN

    @property
    def pid(self) -> int | None:
        """Process id, or None while there is none."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Start, and return when Envoy serves. The files it reads must be in place."""
        binary = find_envoy()
        await check_version(binary)
        # Envoys share a port without a word (SO_REUSEPORT), and then half of the requests go to the other one.
        refuse_taken_port(self._addresses.listen)
        started = await self._spawn(binary)
        try:
            await self._until_ready(started)
        except BaseException:
            await self._end(started)
            raise
        self._watcher = asyncio.create_task(self._watch(binary, started), name="envoy-watch")

    async def stop(self, grace: float = 5.0) -> None:
        """Drain for at most ``grace`` seconds, then end the process, by force if it must be."""
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
            self._watcher = None
        process = self._process
        if process is not None and process.returncode is None:
            if grace > 0:
                await self._drain(grace)
            await self._end(process)
        if self._reader is not None:
            await self._reader
            self._reader = None
        self._process = None

    async def _spawn(self, binary: Path) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            binary,
            *("--config-path", str(self._addresses.bootstrap)),
            *("--concurrency", str(self._concurrency)),
            *("--log-level", "warning", "--log-format", "%l %n: %v"),
            *("--drain-strategy", "immediate", "--drain-time-s", str(math.ceil(self._keep))),
            *("--file-flush-interval-msec", str(_FLUSH_MS)),
            "--use-dynamic-base-id",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=become_child(os.getpid()),
        )
        self._process = process
        if process.stderr is not None:
            self._reader = asyncio.create_task(self._read(process.stderr), name="envoy-log")
        return process

    async def _read(self, stderr: asyncio.StreamReader) -> None:
        while True:
            try:
                raw = await stderr.readline()
            except ValueError:  # a line longer than the buffer; the rest follows as the next one
                continue
            if not raw:
                return
            line = raw.decode(errors="replace").rstrip()
            if line and not line.endswith(_OUR_SIGNAL) and not self._said_lately(line):
                self.lines.append(line)
                self._on_line(line)

    def _said_lately(self, line: str) -> bool:
        now = asyncio.get_running_loop().time()
        if not line.startswith(_NO_COLLECTOR):
            return False
        lately = now - self._complained < _AGAIN
        if not lately:
            self._complained = now
        return lately

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        deadline = asyncio.get_running_loop().time() + _START_LIMIT
        while not await self._admin.ready():
            if process.returncode is not None:
                if self._reader is not None:
                    await self._reader
                raise ChildFailed(f"Envoy ended with {process.returncode} at its start: {self._last_words()}")
            if asyncio.get_running_loop().time() > deadline:
                raise ChildFailed(f"Envoy was not ready after {_START_LIMIT:g} s: {self._last_words()}")
            await asyncio.sleep(0.01)

    async def _watch(self, binary: Path, process: asyncio.subprocess.Process) -> None:
        loop = asyncio.get_running_loop()
        deaths = 0
        while True:
            born = loop.time()
            code = await process.wait()
            deaths = 0 if loop.time() - born > _STEADY else deaths
            delay = _BACK_OFF[min(deaths, len(_BACK_OFF) - 1)]
            _log.error("envoy_died", extra={"exit_code": code, "again_in_seconds": delay})
            deaths += 1
            await asyncio.sleep(delay)
            try:
                process = await self._spawn(binary)
            except OSError as error:
                _log.warning("envoy_cannot_be_started", extra={"why": str(error)})
                continue
            self.restarts += 1

    async def _drain(self, grace: float) -> None:
        """Out of the load balancer, then no new requests on old connections, then wait for the running ones."""
        deadline = asyncio.get_running_loop().time() + grace
        await self._admin.fail_health_check()
        await self._admin.drain()
        while asyncio.get_running_loop().time() < deadline:
            stats = await self._admin.stats(r"^http\.gateway\.downstream_rq_active$")
            if not stats or not any(stats.values()):
                return
            await asyncio.sleep(0.02)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if process.returncode is not None:
                return
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _TERM_LIMIT)

    def _last_words(self) -> str:
        return " | ".join(list(self.lines)[-3:]) or "it said nothing"
