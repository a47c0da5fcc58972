"""A service of the team's on loopback: keeps what it was asked, answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from menshen.callouts.calling import Callouts
from menshen.config.snapshot import App
from menshen.config.user_rules import Callout
from menshen.platforms.client import PlatformClient
from menshen.secret import Secret
from tests.platforms.wire import Peer, http

SECRET = Secret("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
APP = App("shop", "wechat", "wx4f4bc4dec97d474b", Secret("app-secret"))
NOW = 1_800_000_000.5


@dataclass(frozen=True)
class Call:
    """A call as it came. Header names in lower case."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


Answer = Callable[[Any], Any]


@dataclass
class Service:
    """``answer`` gets the decoded question; it gives what is sent as JSON, or bytes, which are sent as they are."""

    answer: Answer
    calls: list[Call] = field(default_factory=list)
    origin: str = ""

    @property
    def callout(self) -> Callout:
        return Callout(f"{self.origin}/hook", SECRET, 60.0)

    async def play(self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            line, *lines = (await peer.read(reader)).decode().strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}
            call = Call(line, headers, await reader.readexactly(int(headers.get("content-length", "0"))))
            self.calls.append(call)
            answer = self.answer(call.json)
            writer.write(answer if isinstance(answer, bytes) else http(msgspec.json.encode(answer)))
            await writer.drain()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Service]:
        async with Peer(self.play).listening() as peer:
            self.origin = peer.origin
            yield self


@contextlib.asynccontextmanager
async def calling(answer: Answer) -> AsyncIterator[tuple[Service, Callouts]]:
    """A service, and what calls it. Ids and the time are known."""
    async with Service(answer).listening() as service, PlatformClient(timeout=60) as client:
        yield service, Callouts(client, lambda: NOW, lambda size: b"r" * size)
