"""A real Envoy between a raw client and the fakes."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import tempfile
import threading
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from menshen.config.snapshot import Endpoint, Snapshot
from menshen.envoy import Addresses, DataPlane, Denied
from menshen.gateway.wire import HEADER_ROUTE
from tests.envoy.fake_brain import FakeBrain
from tests.envoy.fakes import FakeServer, Received, Reply
from tests.envoy.samples import sample
from tests.ports import free_port

__all__ = ["Edge", "Got", "allow", "deny", "edge_of", "running"]

T = TypeVar("T")
Headers = Iterable[tuple[str, str]]
NOTHING = Denied()
ALLOWED = (
    ("x-menshen-user", "u-real"),
    ("x-menshen-openid", "o-real"),
    ("x-menshen-unionid", ""),
)


def allow(request: Received) -> Reply:
    """What the brain says to a good request; on the optional route without a login state, to an anonymous one."""
    if (request.one(HEADER_ROUTE) or "").startswith("mall/open@") and request.one("user_session") is None:
        return Reply(headers=tuple((name, "") for name, _ in ALLOWED))
    return Reply(
        headers=(*ALLOWED, ("user_session", "fresh-state"), ("set-cookie", "sid=fresh"), ("x-not-listed", "no"))
    )


def deny(status: int, body: dict[str, Any] | None = None, *headers: tuple[str, str]) -> Reply:
    content = json.dumps(body or {"code": 4001}).encode()
    return Reply(status, (("content-type", "application/json"), ("x-menshen-code", "4001"), *headers), content)


def echo(request: Received) -> Reply:
    if request.one("upgrade") == "websocket":
        return Reply(101, (("upgrade", "websocket"), ("connection", "Upgrade")))
    return Reply(200, (("content-type", "text/plain"), ("x-from", "backend")), b"backend")


@dataclass(frozen=True)
class Got:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def refusal(self) -> tuple[int, int, str]:
        """Status, code and reason, once it is certain that this is an answer of the contract."""
        body = self.json
        assert set(body) == {"code", "reason", "message", "action", "request_id"}, body
        assert isinstance(body["request_id"], str)
        assert self.all("x-menshen-code") == [str(body["code"])]
        assert self.all("content-type") == ["application/json; charset=utf-8"]
        assert self.all("cache-control") == ["no-store"]
        return self.status, body["code"], body["reason"]


class Edge:
    """Brain, backend and Envoy on a loop in a thread of its own; the client is blocking."""

    def __init__(self, loop: asyncio.AbstractEventLoop, directory: Path) -> None:
        self._loop = loop
        self._directory = directory
        self.brain = FakeBrain(allow)
        self.backend = FakeServer(echo)
        self.log: list[str] = []

    def run(self, work: Coroutine[Any, Any, T], limit: float = 90) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(limit)

    async def start(
        self,
        *,
        keys: str = "",
        denied: Denied = NOTHING,
        concurrency: int = 1,
        linger: float = 0.2,
        drain: float = 20,
        system_ca: Path | None = None,
        **changes: Any,
    ) -> None:
        await self.brain.start()
        await self.backend.start()
        self.port = free_port()
        self.addresses = Addresses.under(
            self._directory, listen=Endpoint("127.0.0.1", self.port), brain=[Endpoint("127.0.0.1", self.brain.port)]
        )
        if system_ca is not None:
            self.addresses = replace(self.addresses, system_ca=str(system_ca))
        self.data_plane = DataPlane(
            self.addresses, concurrency=concurrency, linger=linger, drain=drain, on_line=self.log.append
        )
        self.snapshot = self.sample(**changes)
        await self.data_plane.start(self.snapshot, keys=keys, denied=denied)

    async def stop(self) -> None:
        await self.data_plane.stop(grace=0)
        await self.backend.stop()
        await self.brain.stop()

    def sample(self, **changes: Any) -> Snapshot:
        return sample(Endpoint("127.0.0.1", self.backend.port), **changes)

    def reset(self) -> None:
        self.brain.answer, self.backend.answer = allow, echo
        self.brain.received.clear()
        self.backend.received.clear()

    def ask(
        self, target: str, headers: Headers = (), *, method: str = "GET", body: bytes = b"", host: str = "h"
    ) -> Got:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers)]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body, method)

    def send(self, raw: bytes, method: str = "GET") -> Got:
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as client:
            client.sendall(raw)
            reply = http.client.HTTPResponse(client, method=method)
            try:
                reply.begin()
                return Got(reply.status, reply.getheaders(), b"" if reply.status == 101 else reply.read())
            finally:
                reply.close()

    @property
    def forwarded(self) -> Received:
        """The one request that reached the backend."""
        assert len(self.backend.received) == 1, self.backend.received
        return self.backend.received[0]

    @property
    def asked(self) -> Received:
        """The one question that the brain was asked."""
        assert len(self.brain.received) == 1, self.brain.received
        return self.brain.received[0]


@contextmanager
def running() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="edge")
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def edge_of(**changes: Any) -> Iterator[Edge]:
    with tempfile.TemporaryDirectory() as directory, running() as loop:
        edge = Edge(loop, Path(directory) / "envoy")
        try:
            edge.run(edge.start(**changes))
            yield edge
        finally:
            edge.run(edge.stop())
