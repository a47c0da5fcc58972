"""The edge tests' backend with the middleware in front; arguments: CONFIG DATA_DIR [granian|uvicorn|hypercorn]."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Awaitable, Callable

import hypercorn
import hypercorn.asyncio
import uvicorn
import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server
from hypercorn.utils import LifespanFailureError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from menshen.asgi import MenshenMiddleware
from menshen.node.logs import configure_logs
from menshen.web.serving import Bound, reserved
from tests.edge.backend import backend

Serve = Callable[[ASGIApp, Bound, asyncio.Event], Awaitable[None]]
"""Serves until the event is set, or until the application does not start."""


async def by_granian(app: ASGIApp, bound: Bound, stop: asyncio.Event) -> None:
    server = Server(
        app, address=bound.host, port=bound.port, interface=Interfaces.ASGI, websockets=True, log_enabled=False
    )
    serving, stopping = asyncio.create_task(server.serve()), asyncio.create_task(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.stop()
    await serving


async def by_uvicorn(app: ASGIApp, bound: Bound, stop: asyncio.Event) -> None:
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", proxy_headers=False))
    serving, stopping = asyncio.create_task(server.serve([_listening(bound)])), asyncio.create_task(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.should_exit = True
    await serving


async def by_hypercorn(app: ASGIApp, bound: Bound, stop: asyncio.Event) -> None:
    listening = _listening(bound)
    config = hypercorn.Config()
    config.bind = [f"fd://{listening.detach()}"]
    config.graceful_timeout = 1.0
    with contextlib.suppress(LifespanFailureError):
        await hypercorn.asyncio.serve(app, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]


SERVERS: dict[str, Serve] = {"granian": by_granian, "uvicorn": by_uvicorn, "hypercorn": by_hypercorn}


async def main(config: str, data_dir: str, name: str = "granian") -> None:
    configure_logs()
    stop = asyncio.Event()
    started = asyncio.Event()
    app = MenshenMiddleware(backend, config=config, data_dir=data_dir)

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        async def telling(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                started.set()
            if message["type"] == "lifespan.startup.failed":
                print(message["message"], file=sys.stderr, flush=True)
            if message["type"] == "lifespan.shutdown.complete":
                print("stopped", file=sys.stderr, flush=True)

        await app(scope, receive, telling if scope["type"] == "lifespan" else send)

    with reserved("127.0.0.1", 0) as bound:
        serving = asyncio.create_task(SERVERS[name](told, bound, stop))
        starting = asyncio.create_task(started.wait())
        await asyncio.wait([serving, starting], return_when=asyncio.FIRST_COMPLETED)
        if not started.is_set():
            starting.cancel()
            return
        while not await _accepts(bound.host, bound.port):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        # Behind the servers' own handlers, which they set as they start.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        print(f"ready {bound.origin}", flush=True)
        await serving


def _listening(bound: Bound) -> socket.socket:
    """Beside the socket that holds the address; the server closes it."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.bind(bound)
    return listening


async def _accepts(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
