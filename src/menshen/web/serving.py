"""Serve an ASGI application with Granian inside the running event loop.

::

    async with serving(app, "127.0.0.1", 0) as bound:
        print("ready", bound.origin)
        await stop.wait()

Granian binds with SO_REUSEPORT and cannot be told "any free port", so the address is reserved first by a socket that is
bound and never listens: it holds the number, takes no connection, and closes when serving ends. Granian's own logging
configuration is kept away from the program's: it would shut down handlers that others installed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from granian.constants import Interfaces
from granian.http import HTTP2Settings
from granian.server.embed import Server
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Bound", "TlsFiles", "reserved", "serving"]

BACKLOG = 2048
"""Connections the kernel queues while the loop is busy."""

BACKPRESSURE = 10_000
"""Requests in flight before Granian stops accepting. Granian's default would be the backlog."""

_LOGGING_UNTOUCHED = {"incremental": True, "formatters": {}, "handlers": {}, "loggers": {}}
_POLL = 0.005  # seconds between two looks at a port that is coming up
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (recognised here, not bound)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the certificate (and its chain) and key that a server shows. Where ``client_ca`` is there, nobody is
    talked to who has no certificate of that authority. They are read once, when serving begins."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


class Bound(NamedTuple):
    """The address that serves: a numeric host and the real port."""

    host: str
    port: int

    @property
    def origin(self) -> str:
        """``http://127.0.0.1:8082``"""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


@contextlib.contextmanager
def reserved(host: str, port: int, *, shared: bool = False) -> Iterator[Bound]:
    """Hold an address without listening on it; ``port`` 0 takes a free one.

    SO_REUSEPORT lets a second server of the same user share a port in silence and take half of its connections. So an
    address that anybody listens on or holds is refused, unless ``shared`` says that the sharers know of each other (the
    workers of one node: the parent reserves, each worker serves with ``shared``).

    Raises OSError: the address is taken, not ours, or not an address.
    """
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
    )[0]
    if port and not shared:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # SO_REUSEADDR steps over connections in TIME_WAIT, not over listeners.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    with socket.socket(family, socket.SOCK_STREAM) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(address)
        name = held.getsockname()
        yield Bound(name[0], name[1])


class _InFlight:
    """The application, with its running requests known so that they can be ended.

    Granian waits for every request before it stops. One that never ends (a hung client, a fault of the emulator that
    does not answer) would keep the process alive.
    """

    __slots__ = ("_app", "_tasks")

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("Granian called the application outside a task")
        self._tasks.add(task)
        try:
            await self._app(scope, receive, send)
        finally:
            self._tasks.discard(task)

    def cancel(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()


async def _accepts(bound: Bound, served: asyncio.Task[None]) -> None:
    """Return once the port takes a connection; raise what ended ``served`` if that comes first."""
    host = _WILDCARDS.get(bound.host, bound.host)
    while True:
        if served.done():
            served.result()
            raise RuntimeError(f"the server on {bound.origin} stopped before it accepted a connection")
        try:
            _, writer = await asyncio.open_connection(host, bound.port)
        except OSError:
            await asyncio.sleep(_POLL)
            continue
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return


async def _stop(stop: Callable[[], object], served: asyncio.Task[None], in_flight: _InFlight, drain: float) -> None:
    stop()
    await asyncio.wait([served], timeout=drain)
    if not served.done():
        in_flight.cancel()
        await asyncio.wait([served], timeout=1.0)
    if not served.done():
        served.cancel()
        await asyncio.wait([served], timeout=1.0)
    if served.done() and not served.cancelled():
        served.result()


@contextlib.asynccontextmanager
async def serving(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    shared: bool = False,
    websockets: bool = False,
    cancel: bool = True,
    start_within: float = 10.0,
    drain: float = 1.0,
    tls: TlsFiles | None = None,
) -> AsyncIterator[Bound]:
    """Serve ``app`` over HTTP for as long as the context is open; inside it, the port accepts connections.

    ``port`` 0 takes a free one. ``shared``: see :func:`reserved`. ``app`` gets no lifespan events. On leaving, no new
    connection is taken, requests in flight have ``drain`` seconds to finish and are then cancelled; without ``cancel``,
    for a hot path whose process ends anyway, they are left to run. With ``tls`` it is HTTPS, of TLS 1.3 alone.

    Raises OSError (the address is taken or not ours) and TimeoutError (not up after ``start_within`` seconds).
    """
    with reserved(host, port, shared=shared) as bound:
        in_flight = _InFlight(app)
        server = Server(
            in_flight if cancel else app,
            address=bound.host,
            port=bound.port,
            interface=Interfaces.ASGINL,
            http2_settings=HTTP2Settings(max_concurrent_streams=BACKPRESSURE),
            websockets=websockets,
            backlog=BACKLOG,
            backpressure=BACKPRESSURE,
            log_enabled=False,
            ssl_cert=tls.certificate if tls else None,
            ssl_key=tls.key if tls else None,
            ssl_ca=tls.client_ca if tls else None,
            # Granian takes it for False, in silence, where there is no authority to verify by.
            ssl_client_verify=tls is not None and tls.client_ca is not None,
            log_dictconfig=_LOGGING_UNTOUCHED,
        )
        served: asyncio.Task[None] = asyncio.create_task(server.serve())
        try:
            async with asyncio.timeout(start_within):
                await _accepts(bound, served)
            yield bound
        finally:
            await _stop(server.stop, served, in_flight, drain)
