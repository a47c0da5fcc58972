"""An application with the middleware in the test's own process, its server played by the test."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.edge.processes import Reply

__all__ = ["Server", "seen_by", "serving"]


class Server:
    """The events of a server's life, and requests as it hands them over."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self.told: asyncio.Queue[Message] = asyncio.Queue()

    async def start(self) -> Message:
        """What the application says of its start."""
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        self._life = asyncio.create_task(self._app(scope, self._to_app.get, self.told.put))  # type: ignore[arg-type]
        self._to_app.put_nowait({"type": "lifespan.startup"})
        async with asyncio.timeout(90):
            return await self.told.get()

    async def stop(self) -> Message | None:
        self._to_app.put_nowait({"type": "lifespan.shutdown"})
        async with asyncio.timeout(90):
            await self._life
        return None if self.told.empty() else self.told.get_nowait()

    async def ask(
        self, target: str, *headers: tuple[str, str], chunks: tuple[bytes, ...] = (b"",), **scope: Any
    ) -> Reply:
        path, _, query = target.partition("?")
        whole: Scope = {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "client": ("192.0.2.9", 1234),
            "headers": [(b"host", b"x"), *((n.encode(), v.encode()) for n, v in headers)],
            **scope,
        }
        left = list(chunks)

        async def receive() -> Message:
            return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

        sent = await self._sent(whole, receive)
        told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Reply(sent[0]["status"], told, b"".join(each.get("body", b"") for each in sent[1:]))

    async def shake(self, target: str, *headers: tuple[str, str], extensions: dict[str, Any] | None) -> list[Message]:
        """What comes of the handshake of a WebSocket."""
        scope: Scope = {
            "type": "websocket",
            "path": target,
            "raw_path": target.encode(),
            "query_string": b"",
            "client": ("192.0.2.9", 1234),
            "extensions": extensions,
            "headers": [(b"host", b"x"), *((n.encode(), v.encode()) for n, v in headers)],
        }

        async def receive() -> Message:
            return {"type": "websocket.connect"}

        return await self._sent(scope, receive)

    async def _sent(self, scope: Scope, receive: Receive) -> list[Message]:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        return sent


@contextlib.asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[Server]:
    server = Server(app)
    said = await server.start()
    assert said == {"type": "lifespan.startup.complete"}, said
    try:
        yield server
    finally:
        await server.stop()


def seen_by(scopes: list[Scope]) -> ASGIApp:
    """An application that keeps what it is called with, and knows no lifespan events."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        more, body = True, b""
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        scopes.append({**scope, "body": body})
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    return app
