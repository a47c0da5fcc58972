"""Requests in the background while something happens to the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.edge.conftest import Stack


@dataclass(frozen=True)
class Seen:
    """One answer: when it was asked and got (monotonic seconds), and its status, or the error that came instead."""

    asked: float
    at: float
    status: int | str
    code: str


@dataclass
class Load:
    answers: list[Seen] = field(default_factory=list)

    def between(self, start: float, end: float) -> list[Seen]:
        return [seen for seen in self.answers if start <= seen.at <= end]

    def counted(self) -> dict[int | str, int]:
        statuses = [seen.status for seen in self.answers]
        return {status: statuses.count(status) for status in set(statuses)}

    def wait_for(self, more: int, timeout: float = 60.0) -> None:
        """Until so many more answers have come."""
        target, deadline = len(self.answers) + more, time.monotonic() + timeout
        while len(self.answers) < target:
            assert time.monotonic() < deadline, f"only {len(self.answers)} answers"
            time.sleep(0.01)


def under_way(stack: Stack, requests: int) -> None:
    """Wait until the gateway has read so many requests that it has not answered."""
    admin = stack.data_dir / "envoy" / "admin.sock"
    deadline = time.monotonic() + 60
    while (found := _at_envoy(admin) if admin.exists() else _read_at(stack.gateway.port)) < requests:
        assert time.monotonic() < deadline, f"only {found} requests"
        time.sleep(0.01)


def _at_envoy(admin: Path) -> int:
    asked = b"GET /stats?filter=^http.gateway.downstream_rq_active$ HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(admin))
        client.sendall(asked)
        said = b"".join(iter(lambda: client.recv(4096), b""))
    found = re.search(rb"downstream_rq_active: ([0-9]+)", said)
    assert found, said
    return int(found[1])


def _read_at(port: int) -> int:
    """Connections to a server that has read all that they sent, as Linux tells; without Envoy nobody counts."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "01" and row[4].endswith(":00000000") for row in rows)


@contextlib.contextmanager
def under_load(url: str, headers: Mapping[str, str], connections: int = 8, **options: Any) -> Iterator[Load]:
    """Keep-alive clients that ask for ``url`` as fast as they get answers, until the block ends."""
    load, stop = Load(), threading.Event()

    async def client(session: aiohttp.ClientSession) -> None:
        while not stop.is_set():
            asked = time.monotonic()
            try:
                async with session.get(url, headers=headers, **options) as response:
                    await response.read()
                    outcome: int | str = response.status
                    code = response.headers.get("x-menshen-code", "")
            except (aiohttp.ClientError, TimeoutError) as error:
                outcome, code = type(error).__name__, ""
                await asyncio.sleep(0.01)
            load.answers.append(Seen(asked, time.monotonic(), outcome, code))

    async def main() -> None:
        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
            await asyncio.gather(*(client(session) for _ in range(connections)))

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    try:
        yield load
    finally:
        stop.set()
        thread.join(120)
        assert not thread.is_alive()
