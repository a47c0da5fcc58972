"""The emulator on a port, and what the gateway keeps access tokens with."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from menshen.config.snapshot import App
from menshen.emulator.asgi import emulator_app
from menshen.emulator.state import AppSettings, Emulator
from menshen.gateway.access_tokens import LEASE, AccessTokens
from menshen.platforms.client import PlatformClient
from menshen.secret import Secret
from menshen.storage.database import Database
from menshen.storage.sealing import Sealer
from menshen.web.serving import serving
from tests.storage.conftest import opened

APPID = "wx4f4bc4dec97d474b"
SECRET = "0123456789abcdef0123456789abcdef"
MASTER_KEY = bytes(range(32))
NOW = 1_700_000_000.0

STABLE, PHONE = "/cgi-bin/stable_token", "/wxa/business/getuserphonenumber"


class Clock:
    """Unix seconds, for the gateway and the platform alike."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> float:
        return self.time


class Door:
    """Before the emulator: what it answers may be held back, for as long as a test wants."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._opens: asyncio.Event | None = None

    @contextmanager
    def shut(self) -> Iterator[asyncio.Event]:
        """What is asked within the block is counted at once, and answered once the event is set."""
        self._opens = asyncio.Event()
        try:
            yield self._opens
        finally:
            self._opens = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        opens = self._opens

        async def held(message: Message) -> None:
            if opens is not None:
                await opens.wait()
            await send(message)

        await self._app(scope, receive, held)


@dataclass
class Stage:
    """``origin`` is the emulator's."""

    emulator: Emulator
    clock: Clock
    origin: str
    url: str
    client: PlatformClient
    stack: AsyncExitStack
    database: Database
    door: Door

    def app(self, platform: str = "wechat", secret: str = SECRET, origin: str = "") -> App:
        return App("shop", platform, APPID, Secret(secret), f"{origin or self.origin}/{platform}")

    def tokens(self, database: Database | None = None, lease: float = LEASE, key: bytes = MASTER_KEY) -> AccessTokens:
        """Those of one process."""
        sealer = Sealer(key, "access-token")
        return AccessTokens(database or self.database, sealer, self.client, self.clock, os.urandom, lease=lease)

    async def another_database(self) -> Database:
        """The same one, as another process opens it."""
        return await self.stack.enter_async_context(opened(self.url))

    def asked(self, path: str = STABLE, platform: str = "wechat") -> int:
        return self.emulator.calls(platform).apis.get(path, 0)


@asynccontextmanager
async def staged(url: str) -> AsyncIterator[Stage]:
    clock = Clock()
    emulator = Emulator(now=clock)
    for platform in ("wechat", "qq"):
        emulator.add_app(platform, APPID, AppSettings(SECRET))
    door = Door(emulator_app(emulator))
    async with AsyncExitStack() as stack:
        bound = await stack.enter_async_context(serving(door, "127.0.0.1", 0, drain=0.1))
        client = await stack.enter_async_context(PlatformClient(timeout=60))
        database = await stack.enter_async_context(opened(url))
        yield Stage(emulator, clock, bound.origin, url, client, stack, database, door)
