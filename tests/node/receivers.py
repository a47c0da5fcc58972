"""Webhooks' receivers on loopback, that take messages, refuse them, or misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tests.listening import Listener
from tests.serving import served

Answer = int | Literal["stall", "close", "redirect", "nonsense", "half"]


@dataclass(frozen=True, slots=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """A server that gives each request the next of its answers, and the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers) or [204]
        self.received: list[Received] = []
        self.origin = ""
        self.location = ""
        self.open = 0
        self.most_open = 0
        self.arrived = asyncio.Event()

    async def had(self, count: int) -> None:
        """Wait until so many requests have come."""
        while len(self.received) < count:
            self.arrived.clear()
            await self.arrived.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self._one(reader, writer):
                pass

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.received.append(Received(head[0].split()[1], headers, body))
        self.arrived.set()
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            return await self._answer(answer, writer)
        finally:
            self.open -= 1

    async def _answer(self, answer: Answer, writer: asyncio.StreamWriter) -> bool:
        if answer == "stall":
            await asyncio.sleep(3600)
        if answer == "close":
            return False
        if answer == "nonsense":
            writer.write(b"220 mail.example.com ESMTP\r\n")
            await writer.drain()
            return False
        if answer == "half":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
            await writer.drain()
            return False
        if answer == "redirect":
            writer.write(f"HTTP/1.1 307 Moved\r\nlocation: {self.location}\r\ncontent-length: 0\r\n\r\n".encode())
        else:
            writer.write(f"HTTP/1.1 {answer} Said\r\ncontent-length: 0\r\n\r\n".encode())
        await writer.drain()
        return True

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Receiver]:
        listener = Listener(self._serve)
        self.origin = f"http://127.0.0.1:{listener.port}"
        try:
            yield self
        finally:
            await listener.stop()


class Taking(http.server.ThreadingHTTPServer):
    """A receiver in a thread, for tests that have no loop; ``status`` is its answer to everything."""

    daemon_threads = True
    request_queue_size = 128
    status = 204

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.messages: list[tuple[dict[str, str], bytes]] = []

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def told(self, kind: str = "") -> list[dict[str, Any]]:
        """The messages, or those of a type."""
        messages = [json.loads(body) for _, body in self.messages]
        return [message for message in messages if kind in ("", message["type"])]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Taking

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.messages.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextlib.contextmanager
def taking() -> Iterator[Taking]:
    with served(Taking()) as server:
        yield server
