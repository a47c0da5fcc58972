"""Load: as fast as it goes over some connections, or at a fixed rate whatever the answers do.

A fixed rate is an open loop: request number i is due at ``i / rate``, goes out then even if earlier ones wait, and its
latency counts from when it was due. A server that stalls for a second is charged for every request of that second
(no coordinated omission).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.connection import Connection, Reply

__all__ = ["Load", "as_fast", "at_rate", "percentile"]

_OPEN_CONNECTIONS = 256
_LATE = 10.0  # seconds that the last answers of an open loop may take


@dataclass(frozen=True, slots=True)
class Load:
    """What one round of load saw. Latencies in seconds; ``failed`` are answers other than 200 and broken connections;
    ``generator`` is the CPU time that the load itself took."""

    requests: int
    failed: int
    seconds: float
    p50: float
    p99: float
    generator: float = 0.0

    @property
    def rate(self) -> float:
        return (self.requests - self.failed) / self.seconds


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank; ``values`` need not be sorted."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else math.nan


class _Tally:
    """``on_reply`` sees every answer, for a run that wants more from it than its status."""

    def __init__(self, on_reply: Callable[[Reply], None] | None = None) -> None:
        self.latencies: list[float] = []
        self.failed = 0
        self._on_reply = on_reply
        self._cpu = time.process_time()
        self._began = time.perf_counter()

    async def one(self, connection: Connection, data: bytes, due: float) -> None:
        """Send, wait, count."""
        try:
            reply = await connection.send(data)
        except ConnectionError:
            self.failed += 1
        else:
            self.failed += reply.status != 200
            if self._on_reply is not None:
                self._on_reply(reply)
        self.latencies.append(time.perf_counter() - due)

    def load(self) -> Load:
        took, cpu = time.perf_counter() - self._began, time.process_time() - self._cpu
        p50, p99 = percentile(self.latencies, 0.5), percentile(self.latencies, 0.99)
        return Load(len(self.latencies), self.failed, took, p50, p99, cpu)


async def as_fast(
    host: str,
    port: int,
    requests: Iterator[bytes],
    *,
    connections: int,
    seconds: float,
    on_reply: Callable[[Reply], None] | None = None,
) -> Load:
    """Closed loop over ``connections`` for ``seconds``, or until ``requests`` are used up."""
    opened = await asyncio.gather(*(Connection.open(host, port) for _ in range(connections)))
    tally = _Tally(on_reply)
    end = time.perf_counter() + seconds

    async def keep_asking(connection: Connection) -> None:
        while (now := time.perf_counter()) < end and (data := next(requests, None)) is not None:
            await tally.one(connection, data, now)

    await asyncio.gather(*(keep_asking(connection) for connection in opened))
    load = tally.load()
    for connection in opened:
        connection.close()
    return load


async def at_rate(host: str, port: int, requests: Iterable[bytes], *, rate: float) -> Load:
    """Open loop: all of ``requests``, evenly spaced. They may end when somebody says so."""
    idle = list(await asyncio.gather(*(Connection.open(host, port) for _ in range(_OPEN_CONNECTIONS))))
    opened = list(idle)
    tally = _Tally()
    began = time.perf_counter()

    async def ask(data: bytes, due: float) -> None:
        if not idle:
            opened.append(await Connection.open(host, port))
            idle.append(opened[-1])
        connection = idle.pop()
        await tally.one(connection, data, due)
        idle.append(connection)

    async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as group:
        for number, data in enumerate(requests):
            due = began + number / rate
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            group.create_task(ask(data, due))
        limit.reschedule(asyncio.get_running_loop().time() + _LATE)
    load = tally.load()
    for connection in opened:
        connection.close()
    return load
