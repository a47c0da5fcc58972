"""A phone's surroundings on loopback: the emulator, and the sample backend where the gateway would listen."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from menshen.cli.echo import echo
from menshen.config.snapshot import Endpoint, Snapshot
from menshen.documents.documents import load_document
from menshen.emulator.asgi import emulator_app
from menshen.emulator.state import AppSettings, Emulator
from menshen.operators.roles import Role
from menshen.storage.identities import IdentityKey
from menshen.web.console.try_it.calling import calling
from menshen.web.console.try_it.page import try_views
from menshen.web.serving import serving
from tests.web.console.browsing import Browser, Got, in_loop

APPID, SECRET = "wx4f4bc4dec97d474b", "planted-appsecret-of-shop-0123456789"
PHONE = "shop-login@mall"

DOCUMENT = """\
version: 1
apps:
  - {{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{base}"}}
upstreams:
  - {{name: orders, endpoints: ["127.0.0.1:9"]}}
groups:
  - name: mall
    hosts: ["*"]
    prefix: /mall
    upstream: orders
    apis:
      - {{name: login, path: /login}}
      - {{name: order, path: "/orders/{{id}}", methods: [POST, GET]}}
      - {{name: assets, path: /static/*, access: public}}
  - {{name: hidden, hosts: ["*"], prefix: /hidden, upstream: orders, apis: [{{name: all, path: /*, access: public}}]}}
plugins:
  - {{name: shop-login, type: WeChatMpLogin, app: shop}}
bindings:
  - {{plugin: shop-login, group: mall}}
"""


@dataclass
class Received:
    """What came to where the gateway would listen."""

    requests: list[tuple[str, str, list[tuple[str, str]]]] = field(default_factory=list)
    app: ASGIApp = echo

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        query = scope["query_string"].decode()
        self.requests.append((scope["method"], scope["raw_path"].decode() + (f"?{query}" if query else ""), headers))
        await self.app(scope, receive, send)


@dataclass
class Stage:
    """``platform`` is the origin of the emulator, ``received`` what came to where the gateway would listen."""

    browser: Browser
    emulator: Emulator
    platform: str
    received: Received
    ended: list[tuple[IdentityKey, str]]

    async def wish(self, **fields: Any) -> Got:
        asked = {"phone": PHONE, "method": "GET", "path": "/mall/login", "headers": [], "body": ""} | fields
        return await self.browser.post("/console/try/request", {"wish": json.dumps(asked)})

    async def code(self) -> str:
        got = await self.browser.post("/console/try/login", {"phone": PHONE, "person": "lisi"})
        assert got.status == 200, got.text
        return str(json.loads(got.text)["code"])


def compiled(base: str, document: str = DOCUMENT) -> Snapshot:
    return load_document(document.format(appid=APPID, secret=SECRET, base=base), {}).snapshot


def staged(
    work: Callable[[Stage], Awaitable[None]],
    *,
    role: Role | None = Role.OPERATOR,
    base: str = "",
    app: ASGIApp = echo,
    document: str = DOCUMENT,
    language: str = "en",
    platform: str = "wechat",
    secret: str = SECRET,
) -> None:
    """``base`` is the app's ``base_url``, "" the emulator's own; ``app`` is what listens as the gateway.

    The emulator knows the document's app on ``platform``, with ``secret``.
    """

    async def main() -> None:
        async with _surroundings(app, platform, AppSettings(secret)) as (emulator, origin, received, gateway):
            snapshot = compiled(base or f"{origin}/{platform}", document)
            ended: list[tuple[IdentityKey, str]] = []

            async def end(key: IdentityKey, by: str) -> int:
                ended.append((key, by))
                return 1

            async with calling() as client:
                views = try_views(lambda: snapshot, gateway, client, end)

                async def browse(browser: Browser) -> None:
                    browser.language = language
                    await work(Stage(browser, emulator, origin, received, ended))

                await in_loop(views, browse, role)

    asyncio.run(main())


@contextlib.asynccontextmanager
async def _surroundings(
    app: ASGIApp, platform_name: str, settings: AppSettings
) -> AsyncIterator[tuple[Emulator, str, Received, Endpoint]]:
    emulator = Emulator()
    emulator.add_app(platform_name, APPID, settings)
    received = Received(app=app)
    async with (
        serving(emulator_app(emulator), "127.0.0.1", 0, drain=0.1) as platform,
        serving(received, "127.0.0.1", 0, drain=0.1) as gateway,
    ):
        yield emulator, platform.origin, received, Endpoint(gateway.host, gateway.port)
