"""A server of streams on the running loop that leaves nothing open when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

__all__ = ["Listener"]

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listener:
    """Serves each connection to a loopback port in a task of its own.

    Not :func:`asyncio.start_server`: a connection that comes in the turn of the loop in which that is closed is never
    closed itself (its transport cannot attach to the server), and whichever test the collector runs in then fails.
    Here no turn lies between taking a connection and knowing it.
    """

    def __init__(self, serve: Serve, port: int = 0, *, limit: int = 1 << 16) -> None:
        self._serve = serve
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._open: dict[asyncio.Task[None], socket.socket] = {}
        self._listening = socket.create_server(("127.0.0.1", port), backlog=128)
        self._listening.setblocking(False)
        self.port: int = self._listening.getsockname()[1]
        self._loop.add_reader(self._listening, self._accept)

    async def stop(self) -> None:
        """As a SIGKILL looks from outside: the port closes, and every connection with it."""
        self._loop.remove_reader(self._listening)
        self._listening.close()
        serving = dict(self._open)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await asyncio.sleep(0)  # a transport that was aborted closes its socket on the next turn
        for connection in serving.values():
            connection.close()  # of a task that never began

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            connection, _ = self._listening.accept()
            task = self._loop.create_task(self._connected(connection))
            self._open[task] = connection
            task.add_done_callback(self._open.pop)

    async def _connected(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=connection, limit=self._limit)
        try:
            await self._serve(reader, writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        finally:
            writer.transport.abort()
