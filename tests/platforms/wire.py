"""An app, an answer, and peers on loopback that misbehave byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from menshen.config.snapshot import App
from menshen.platforms.base import PlatformIdentity
from menshen.secret import Secret
from tests.listening import Listener

SECRET = "5ec4e7canary0123456789abcdef0123"
CODE = "051canary00ObAyK19vV1005SDWf0v0m"
BODY = b'{"session_key":"+ayNafOPeRTHJkc0H67XCw==","openid":"oGZUI0egBJY1zhBYw2KhdUfwVJJE"}'
IDENTITY = PlatformIdentity("oGZUI0egBJY1zhBYw2KhdUfwVJJE", "", Secret("+ayNafOPeRTHJkc0H67XCw=="))


def app(base_url: str) -> App:
    return App("shop", "wechat", "wx4f4bc4dec97d474b", Secret(SECRET), base_url)


def http(body: bytes = BODY, *, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body


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
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._script(self, reader, writer)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Peer]:
        listener = Listener(self._play)
        self.port = listener.port
        self.origin = f"http://127.0.0.1:{self.port}"
        try:
            yield self
        finally:
            await listener.stop()
