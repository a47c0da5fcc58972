"""A document with versions of an upstream, its versions as backends that say which one they are, and a fast client."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from menshen.config.loading import Loaded, read_mapping
from menshen.config.snapshot import Snapshot
from menshen.platforms.registry import PLATFORM_OF_PLUGIN, PLATFORMS
from tests.envoy.edge import Edge, Got, edge_of, running
from tests.envoy.fakes import FakeServer, Received, Reply

__all__ = [
    "VERSIONS",
    "Versions",
    "counted",
    "loaded",
    "parts",
    "quick_upstream",
    "version_of",
    "versioned_edge",
]

VERSIONS = ("default", "v2", "v3")
APP = {"name": "shop", "platform": "wechat", "appid": "wx4f4bc4dec97d474b", "secret": "planted-app-secret"}


@dataclass
class Versions:
    """Servers by the version that they are."""

    servers: dict[str, FakeServer] = field(default_factory=dict)

    async def start(self) -> None:
        for version in VERSIONS:
            self.servers[version] = FakeServer(_says(version))
            await self.servers[version].start()

    async def stop(self) -> None:
        for server in self.servers.values():
            await server.stop()

    def upstream(self, **more: Any) -> dict[str, Any]:
        """The upstream ``orders`` as an operator writes it."""
        at = {version: [f"127.0.0.1:{server.port}"] for version, server in self.servers.items()}
        others = [{"name": version, "endpoints": at[version]} for version in VERSIONS[1:]]
        return {"name": "orders", "endpoints": at["default"], "versions": others, **more}

    def reset(self) -> None:
        for server in self.servers.values():
            server.received.clear()

    @property
    def forwarded(self) -> tuple[str, Received]:
        """The one request that arrived, and at which version."""
        (found,) = [(version, got) for version, server in self.servers.items() for got in server.received]
        return found


def _says(version: str) -> Any:
    def answer(request: Received) -> Reply:
        headers = (("x-version", version), ("x-saw-id", request.one("x-request-id") or ""))
        if request.one("upgrade") == "websocket":
            return Reply(101, (("upgrade", "websocket"), ("connection", "Upgrade"), *headers))
        return Reply(200, headers, version.encode())

    return answer


def version_of(got: Got) -> str:
    (version,) = got.all("x-version")
    return version


def loaded(
    upstream: Mapping[str, Any], groups: list[Any], plugins: list[Any], bindings: list[Any], **more: Any
) -> Loaded:
    """A document about one app and one upstream."""
    raw = {
        "version": 1,
        "apps": [APP],
        "upstreams": [upstream],
        "groups": [{"upstream": "orders", **group} for group in groups],
        "plugins": plugins,
        "bindings": bindings,
        **more,
    }
    return read_mapping(raw, env={}, plugin_types=PLATFORM_OF_PLUGIN, platforms=PLATFORMS)


def parts(snapshot: Snapshot) -> dict[str, Any]:
    """What of a snapshot an edge takes."""
    return {"routes": snapshot.routes, "upstreams": snapshot.upstreams, "apps": snapshot.apps}


@contextmanager
def versioned_edge(make: Any, **options: Any) -> Iterator[tuple[Edge, Versions, Loaded]]:
    """``make`` turns the upstream into a :class:`Loaded`; its snapshot is what Envoy runs."""
    versions = Versions()
    with running() as loop:

        def run(work: Any) -> None:
            asyncio.run_coroutine_threadsafe(work, loop).result(90)

        run(versions.start())
        try:
            document = make(versions.upstream())
            with edge_of(**parts(document.snapshot), **options) as edge:
                yield edge, versions, document
        finally:
            run(versions.stop())


async def counted(port: int, target: str, number: int, connections: int = 8, batch: int = 50) -> Counter[str]:
    """Which versions answered so many requests, over kept connections on which several are sent at once."""
    found: Counter[str] = Counter()

    async def client(share: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        request = f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n".encode()
        while share:
            sent = min(batch, share)
            writer.write(request * sent)
            text = b""
            while text.count(b"\r\n\r\n") < sent:
                data = await reader.read(1 << 16)
                assert data, text[-500:]
                text += data
            found.update(match.decode() for match in re.findall(rb"(?m)^x-version: (\w+)", text))
            share -= sent
        writer.close()

    await asyncio.gather(*(client(number // connections) for _ in range(connections)))
    return found


class QuickVersion(asyncio.Protocol):
    """A backend that answers before it has read what it is asked; ``version`` is who answers."""

    version = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        answer = b"HTTP/1.1 200 OK\r\nx-version: %s\r\ncontent-length: 0\r\n\r\n" % self.version
        assert isinstance(self._transport, asyncio.Transport)
        self._transport.write(answer * data.count(b"\r\n\r\n"))


async def quick_upstream() -> tuple[list[asyncio.Server], dict[str, Any]]:
    """Servers that answer at once, and the upstream ``orders`` that they are."""
    servers, at = [], {}
    for version in VERSIONS:
        protocol = type("Quick", (QuickVersion,), {"version": version.encode()})
        server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
        servers.append(server)
        at[version] = [f"127.0.0.1:{server.sockets[0].getsockname()[1]}"]
    others = [{"name": version, "endpoints": at[version]} for version in VERSIONS[1:]]
    return servers, {"name": "orders", "endpoints": at["default"], "versions": others}
