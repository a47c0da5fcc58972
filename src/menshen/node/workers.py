"""The workers of a node: started, fed with state, started again when they die.

Each worker has a port of its own, held by the node with a socket that never listens: a worker that is gone refuses
connections at once, so Envoy leaves it and asks the others, and the one that replaces it has the same address.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from menshen.config.snapshot import Endpoint
from menshen.errors import ChildFailed
from menshen.figures.tally import Source, Tally
from menshen.node.channel import Channel, Revoked, WorkerState
from menshen.web.serving import Bound, TlsFiles, reserved

__all__ = ["Workers"]

log = logging.getLogger("menshen.node")

_HOST = "127.0.0.1"
_READY_WITHIN = 60.0
_ACKNOWLEDGED_WITHIN = 5.0
_STOPPED_WITHIN = 3.0
_FIRST_PAUSE, _LONGEST_PAUSE, _STEADY_AFTER = 0.1, 5.0, 10.0


class Workers:
    """``count`` worker processes on ports of their own. Use as an async context.

    ``verify`` is a second address, which all of them share; None for none. ``verify_tls``: it speaks TLS.
    ``revoked`` gives every revocation of now, for a worker that starts; ``counted`` gets what they do, piece by piece.
    """

    def __init__(
        self,
        count: int,
        data_dir: Path,
        clock: Callable[[], float] = time.monotonic,
        verify: Endpoint | None = None,
        verify_tls: TlsFiles | None = None,
    ) -> None:
        self._count = count
        self._data_dir = data_dir
        self._clock = clock
        self._verify = verify
        self._verify_tls = verify_tls
        self._ports = contextlib.ExitStack()
        self._slots: list[_Slot] = []
        self.revoked: Callable[[], Revoked] = lambda: Revoked((), 0.0, whole=True)
        self.counted: Callable[[Tally], None] = lambda _: None

    @property
    def addresses(self) -> tuple[Bound, ...]:
        return tuple(slot.bound for slot in self._slots)

    @property
    def running(self) -> tuple[int, ...]:
        """Process ids of the workers that have acknowledged a state."""
        return tuple(slot.process.pid for slot in self._slots if slot.process is not None and slot.running)

    async def __aenter__(self) -> Workers:
        if self._verify is not None:
            try:
                self._ports.enter_context(reserved(self._verify.host, self._verify.port))
            except OSError as error:
                raise ChildFailed(f"verify address {self._verify}: {error.strerror}") from None
        for number in range(self._count):
            bound = self._ports.enter_context(reserved(_HOST, 0))
            own = (lambda: self.revoked(), lambda counts: self.counted(counts))
            self._slots.append(_Slot(number, bound, self._command(bound), self._clock, *own))
        for slot in self._slots:
            slot.begin()  # they refuse everything until they have a state, and take a while to import
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(slot.stop() for slot in self._slots))
        self._ports.close()

    def _command(self, bound: Bound) -> list[str]:
        verify, tls = self._verify, self._verify_tls
        ca = None if tls is None else tls.client_ca
        return [
            *(sys.executable, "-m", "menshen.node.worker", "--host", bound.host, "--port", str(bound.port)),
            *(() if verify is None else ("--verify-host", verify.host, "--verify-port", str(verify.port))),
            *(() if tls is None else ("--verify-cert", str(tls.certificate), "--verify-key", str(tls.key))),
            *(() if ca is None else ("--verify-client-ca", str(ca))),
            *("--data-dir", str(self._data_dir)),
        ]

    async def start(self, state: WorkerState) -> None:
        """Give all their first state and wait until each runs it. Raises ``ChildFailed``."""
        try:
            async with asyncio.timeout(_READY_WITHIN):
                await asyncio.gather(*(slot.offer(state) for slot in self._slots))
                await asyncio.gather(*(slot.runs(state.number) for slot in self._slots))
        except TimeoutError:
            raise ChildFailed(f"the workers were not ready within {_READY_WITHIN:.0f} s") from None

    async def publish(self, state: WorkerState) -> None:
        """Return when every live worker runs ``state``. One that does not answer is killed: it restarts with it."""
        await asyncio.gather(*(slot.publish(state) for slot in self._slots))

    async def revoke(self, revoked: Revoked) -> None:
        """Tell every live worker. One that does not listen is killed: it restarts with all of it."""
        await asyncio.gather(*(slot.revoke(revoked) for slot in self._slots))


class _Slot:
    """One place for a worker, and whoever fills it."""

    def __init__(
        self,
        number: int,
        bound: Bound,
        command: list[str],
        clock: Callable[[], float],
        revoked: Callable[[], Revoked],
        counted: Callable[[Tally], None],
    ) -> None:
        self.bound = bound
        self.process: asyncio.subprocess.Process | None = None
        self._number = number
        self._command = command
        self._clock = clock
        self._revoked = revoked
        self._counted = counted
        self._counting = Source()
        self._state: WorkerState | None = None
        self._channel: Channel | None = None
        self._running = 0
        self._changed = asyncio.Condition()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def running(self) -> int:
        """The number of the state that the worker runs; 0 while there is none."""
        return self._running

    def begin(self) -> None:
        self._keeper = asyncio.create_task(self._keep())

    async def runs(self, number: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._running >= number)

    async def offer(self, state: WorkerState) -> None:
        """The state for this worker, and for any that replaces it."""
        first, self._state = self._state is None, state
        if self._channel is not None:
            if first:
                await self._channel.send_revoked(self._revoked())
            await self._channel.send_state(state)

    async def publish(self, state: WorkerState) -> None:
        process = self.process
        if self._channel is None or process is None:
            self._state = state
            return
        try:
            async with asyncio.timeout(_ACKNOWLEDGED_WITHIN):
                await self.offer(state)
                await self.runs(state.number)
        except (TimeoutError, OSError):
            self._give_up(process)

    async def revoke(self, revoked: Revoked) -> None:
        process, channel = self.process, self._channel
        if process is None or channel is None:
            return
        try:
            async with asyncio.timeout(_ACKNOWLEDGED_WITHIN):
                await channel.send_revoked(revoked)
        except (TimeoutError, OSError):
            self._give_up(process)

    def _give_up(self, process: asyncio.subprocess.Process) -> None:
        log.warning("worker_not_answering", extra={"worker": self._number, "pid": process.pid})
        with contextlib.suppress(ProcessLookupError):
            process.kill()

    async def stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self.process is None or self.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), _STOPPED_WITHIN)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
        if self._channel is not None:
            self._channel.close()

    async def _keep(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            started = self._clock()
            await self._live()
            if self._clock() - started > _STEADY_AFTER:
                pause = _FIRST_PAUSE
            code = self.process.returncode if self.process else None
            log.error("worker_died", extra={"worker": self._number, "exit_code": code, "again_in_seconds": pause})
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _live(self) -> None:
        """One worker from its start to its end."""
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = await asyncio.create_subprocess_exec(
                *self._command,
                *("--channel", str(theirs.fileno())),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is the node's to handle, not the workers'
            )
        self._channel = await Channel.over(ours)
        try:
            if self._state is not None:  # what it must not let through comes before what it may
                await self._channel.send_revoked(self._revoked())
                await self._channel.send_state(self._state)
            while True:
                heard = await self._channel.heard()
                if isinstance(heard, int):
                    await self._runs_now(heard)
                else:
                    self._counted(self._counting.added(self.process.pid, heard))
        except (EOFError, OSError):
            pass
        finally:
            self._channel.close()
            self._channel = None
            await self._runs_now(0)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), _STOPPED_WITHIN)
        if self.process.returncode is None:  # alive, and its line closed: it decides with nobody's state
            self.process.kill()
            await self.process.wait()

    async def _runs_now(self, number: int) -> None:
        async with self._changed:
            self._running = number
            self._changed.notify_all()
