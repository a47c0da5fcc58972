"""The edge tests' backend with the middleware in front, served by Granian; arguments: CONFIG DATA_DIR."""

from __future__ import annotations

import asyncio
import signal
import sys

import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server

from menshen.asgi import MenshenMiddleware
from menshen.node.logs import configure_logs
from menshen.web.serving import reserved
from tests.edge.backend import backend


async def main(config: str, data_dir: str) -> None:
    configure_logs()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    app = MenshenMiddleware(backend, config=config, data_dir=data_dir)
    started = asyncio.Event()

    async def told(scope, receive, send):  # type: ignore[no-untyped-def]
        async def telling(message):  # type: ignore[no-untyped-def]
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                started.set()
            if message["type"] == "lifespan.startup.failed":
                print(message["message"], file=sys.stderr, flush=True)

        await app(scope, receive, telling if scope["type"] == "lifespan" else send)

    with reserved("127.0.0.1", 0) as bound:
        server = Server(
            told, address=bound.host, port=bound.port, interface=Interfaces.ASGI, websockets=True, log_enabled=False
        )
        serving = asyncio.create_task(server.serve())
        starting = asyncio.create_task(started.wait())
        await asyncio.wait([serving, starting], return_when=asyncio.FIRST_COMPLETED)
        if not started.is_set():
            starting.cancel()
            return
        while not await _accepts(bound.host, bound.port):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        print(f"ready {bound.origin}", flush=True)
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        server.stop()
        await serving


async def _accepts(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
