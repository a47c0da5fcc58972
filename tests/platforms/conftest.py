"""Peers on loopback that misbehave byte by byte, and both event loops."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import uvloop

Script = Callable[["Peer", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Peer:
    """A TCP server that plays one script per connection and keeps the heads of all requests it read."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.heads: list[bytes] = []
        self.connections = 0
        self.origin = ""
        self.port = 0

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """One request head; raises IncompleteReadError when the client has gone."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        return head

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await self._script(self, reader, writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Peer]:
        plays: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            plays.add(asyncio.get_running_loop().create_task(self._play(reader, writer)))

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        try:
            yield self
        finally:
            server.close()
            for play in plays:
                play.cancel()
            await asyncio.gather(*plays, return_exceptions=True)
            await server.wait_closed()
            await asyncio.sleep(0)  # aborted transports close in the next turn


def response(body: bytes, *, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body


@pytest.fixture
def peer():
    """``async with peer(script) as p``: a peer that plays ``script`` on every connection."""
    return lambda script: Peer(script).listening()


@pytest.fixture
def answering(peer):
    """``async with answering(body, ...) as p``: a peer that answers every request the same way, kept alive."""

    def start(body: bytes, **how: str):
        async def script(p: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                await p.read(reader)
                writer.write(response(body, **how))
                await writer.drain()

        return peer(script)

    return start


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request):
    """Runs a coroutine on each event loop: their transports fail in different ways."""
    return request.param
