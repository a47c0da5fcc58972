"""The middleware: everything that the gateway does for a request, in front of one ASGI application.

::

    app = MenshenMiddleware(app, config="menshen.yaml", data_dir="data")

It starts and stops with the server's lifespan events. Before the start, after the stop, and where a server sends no
such events, every request is refused.
"""

from __future__ import annotations

import logging
import secrets
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from menshen.asgi.judging import Judging, refuse
from menshen.asgi.lifespan import lifespan
from menshen.asgi.running import Doorkeeper, running
from menshen.errors import BrainUnavailable
from menshen.gateway.answer import answer_refusal
from menshen.node.node import Node

__all__ = ["MenshenMiddleware"]

log = logging.getLogger("menshen.asgi")


class MenshenMiddleware:
    """``config`` is the document's file, applied now and whenever it changes; without one the active revision of
    ``data_dir`` runs. What another process applies there (``menshen apply``) is seen too.

    A document that needs Envoy is refused at the start, by the server's own words for a failed start; one that comes
    later is refused, and the running one stays.
    """

    def __init__(self, app: ASGIApp, *, config: str | Path | None = None, data_dir: str | Path) -> None:
        self._app = app
        self._config = None if config is None else Path(config)
        self._data_dir = Path(data_dir)
        self._doorkeeper = Doorkeeper()
        self._judging: Judging | None = None
        self._node: Node | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(self._app, self._start, scope, receive, send)
        elif scope["type"] not in ("http", "websocket"):
            raise ValueError(f"a scope that nobody knows how to judge: {scope['type']}")
        elif self._judging is None:
            await refuse(scope, receive, send, answer_refusal(BrainUnavailable(), ""))
        else:
            await self._judging(scope, receive, send)

    def jwks(self) -> dict[str, Any]:
        """The public keys of the assertions, as a JWK Set; empty while nothing runs."""
        return self._node.jwks() if self._node is not None else {"keys": []}

    async def _start(self, stack: AsyncExitStack) -> None:
        node, parts = await stack.enter_async_context(running(self._config, self._data_dir, self._doorkeeper))
        self._node = node
        door = self._doorkeeper
        own = (lambda: door.door, time.time, secrets.token_bytes)
        self._judging = Judging(self._app, parts.authorization, parts.brain, *own)
        stack.callback(self._stop)
        log.info("middleware_running", extra={"revision": node.revision})

    def _stop(self) -> None:
        self._judging = self._node = None
