"""A brain and a backend that do exactly what a test says, byte for byte if it must be."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.listening import Listener

__all__ = ["FakeServer", "Received", "Reply"]


@dataclass(frozen=True)
class Received:
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def one(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) < 2, (name, values)
        return values[0] if values else None


@dataclass(frozen=True)
class Reply:
    """``raw`` is sent instead of everything else; ``status`` 0 closes without an answer.

    Before the answer ``delay`` seconds pass, and whatever it takes until ``gate`` is open.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    raw: bytes | None = None
    delay: float = 0.0
    gate: threading.Event | None = None


Answer = Callable[[Received], Reply]


@dataclass
class FakeServer:
    """HTTP/1.1 on a loopback port, on the running loop. What it got is in ``received``."""

    answer: Answer
    received: list[Received] = field(default_factory=list)
    port: int = 0
    _listener: Listener | None = None

    async def start(self) -> None:
        self._listener = Listener(self._serve, self.port, limit=1 << 21)
        self.port = self._listener.port

    async def stop(self) -> None:
        if self._listener is not None:
            await self._listener.stop()
            self._listener = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await _read(reader)
                reply = Reply() if request.target == "/health" else self._note(request)
                if reply.delay:
                    await asyncio.sleep(reply.delay)
                while reply.gate is not None and not reply.gate.is_set():  # noqa: ASYNC110 - a thread opens it
                    await asyncio.sleep(0.01)
                if not reply.status:
                    return
                writer.write(reply.raw if reply.raw is not None else _encode(reply, request.method))
                await writer.drain()
                if reply.raw is not None and reply.status != 101:
                    return

    def _note(self, request: Received) -> Reply:
        self.received.append(request)
        return self.answer(request)


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    start, *lines = head[:-4].split("\r\n")
    method, target, _ = start.split(" ")
    pairs = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
    found = dict(pairs)
    body = b""
    if "content-length" in found:
        body = await reader.readexactly(int(found["content-length"]))
    elif "chunked" in found.get("transfer-encoding", ""):
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        while await reader.readline() != b"\r\n":
            pass
    return Received(method, target, pairs, body)


def _encode(reply: Reply, method: str) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} X", *(f"{name}: {value}" for name, value in reply.headers)]
    if reply.status != 101:
        lines.append(f"content-length: {len(reply.body)}")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return head if method == "HEAD" else head + reply.body


async def eventually(condition: Callable[[], Awaitable[bool]], limit: float = 60.0) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + limit
    while not await condition():
        assert loop.time() < deadline, "did not happen in time"
        await asyncio.sleep(0.02)
