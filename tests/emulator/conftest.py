"""An emulator on a real port, with a clock and a random source of the test's own."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import uvloop
from yarl import URL

from menshen.emulator.asgi import emulator_app
from menshen.emulator.state import Emulator
from menshen.web.serving import serving

APPID = "wx4f4bc4dec97d474b"
SECRET = "0123456789abcdef0123456789abcdef"


class Clock:
    def __init__(self) -> None:
        self.time = 1_700_000_000.0

    def __call__(self) -> float:
        return self.time


class Dice:
    """Random bytes that are the same in every run."""

    def __init__(self) -> None:
        self.rolls = 0

    def __call__(self, size: int) -> bytes:
        self.rolls += 1
        return hashlib.shake_256(b"%d" % self.rolls).digest(size)


class Http:
    """What a gateway and a test say to the emulator."""

    def __init__(self, origin: str, session: aiohttp.ClientSession) -> None:
        self.origin = origin
        self.session = session

    async def ask(self, method: str, path: str, **how: Any) -> tuple[int, str, bytes]:
        url = URL(self.origin + path, encoded=True)
        async with self.session.request(method, url, allow_redirects=False, **how) as response:
            return response.status, response.headers.get("content-type", ""), await response.read()

    async def control(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        how = {} if body is None else {"json": body}
        async with self.session.request(method, f"{self.origin}/emulator/{path}", **how) as response:
            return response.status, await response.json()

    async def code(self, user: str = "alice", platform: str = "wechat", appid: str = APPID) -> str:
        status, body = await self.control("POST", f"{platform}/login", {"appid": appid, "user": user})
        assert (status, list(body)) == (200, ["code"])
        return body["code"]

    async def exchange(self, code: str, platform: str = "wechat", **change: str | None) -> dict[str, Any]:
        async with self.session.get(self.url(code, platform, **change)) as response:
            assert response.status == 200
            return await response.json(content_type=None)

    async def token(self, force: bool = False, **change: Any) -> dict[str, Any]:
        body = {"appid": APPID, "secret": SECRET, "grant_type": "client_credential", "force_refresh": force} | change
        return await self.call("POST", "cgi-bin/stable_token", json=body)

    async def phone_code(self, user: str = "alice", **more: str) -> str:
        status, body = await self.control("POST", "wechat/phone", {"appid": APPID, "user": user} | more)
        assert (status, list(body)) == (200, ["code"])
        return body["code"]

    async def call(self, method: str, path: str, platform: str = "wechat", **how: Any) -> dict[str, Any]:
        async with self.session.request(method, f"{self.origin}/{platform}/{path}", **how) as response:
            assert response.status == 200
            return await response.json(content_type=None)

    def url(self, code: str, platform: str = "wechat", **change: str | None) -> URL:
        query = {"appid": APPID, "secret": SECRET, "js_code": code, "grant_type": "authorization_code"} | change
        present = {name: value for name, value in query.items() if value is not None}
        return URL(f"{self.origin}/{platform}/sns/jscode2session").with_query(present)


@contextlib.asynccontextmanager
async def emulated(settings: dict[str, Any] | None = None, **how: Any) -> AsyncIterator[Http]:
    async with (
        serving(emulator_app(Emulator(**how)), "127.0.0.1", 0, drain=0.1) as bound,
        aiohttp.ClientSession() as session,
    ):
        http = Http(bound.origin, session)
        for platform in ("wechat", "qq"):
            body = {"appid": APPID, "secret": SECRET} | (settings or {})
            assert (await http.control("POST", f"{platform}/apps", body))[0] == 200
        yield http


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def emulate(clock):
    """Runs ``main(http)`` with a fresh emulator on a real port."""

    def start(main, settings: dict[str, Any] | None = None, **how: Any):
        async def whole():
            async with emulated(settings, **({"now": clock, "random": Dice()} | how)) as http:
                return await main(http)

        return uvloop.run(whole())

    return start
