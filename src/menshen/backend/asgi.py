"""ASGI middleware, for Starlette and any other: ``scope["user"]``, which is Starlette's ``request.user``."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from menshen.backend.callers import Source, who_async
from menshen.backend.headers import ASSERTION, asgi_headers, from_gateway
from menshen.backend.refusals import BackendRefusal

__all__ = ["AssertionMiddleware"]

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class AssertionMiddleware:
    """``source`` is a ``Verifier``, or ``TrustedNetwork()``. ``optional``: who has not logged in is ``ANONYMOUS``.

    Requests and WebSockets alike; a WebSocket is refused before it opens. The application does not see plain
    ``x-menshen-`` headers unless ``source`` believes them.
    """

    def __init__(self, app: App, source: Source, *, optional: bool = False) -> None:
        self._app = app
        self._source = source
        self._optional = optional

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            user = await who_async(self._source, asgi_headers(scope["headers"]), optional=self._optional)
        except BackendRefusal as refusal:
            await _refuse(refusal, scope, receive, send)
            return
        headers = scope["headers"]
        if not self._source.believes_headers:
            headers = [(name, value) for name, value in headers if not _plain(name)]
        await self._app({**scope, "headers": headers, "user": user}, receive, send)


def _plain(name: bytes) -> bool:
    text = name.decode("latin-1")
    return from_gateway(text) and text.lower() != ASSERTION


async def _refuse(refusal: BackendRefusal, scope: Scope, receive: Receive, send: Send) -> None:
    answer = "http.response"
    if scope["type"] == "websocket":
        await receive()
        answer = "websocket.http.response"
        if answer not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": refusal.reason})
            return
    body = json.dumps(refusal.body, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": f"{answer}.start", "status": refusal.status, "headers": headers})
    await send({"type": f"{answer}.body", "body": body})
