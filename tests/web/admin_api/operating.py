"""The operator's side of a node, served on loopback over a database of the test's, without its node."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from menshen.config.user_rules import WebhookRules
from menshen.node.operating import Operating, avatars_of, operating_on, operator_endpoints
from menshen.node.webhooks import WebhookSender
from menshen.operators.token_file import token_file
from menshen.platforms.client import PlatformClient
from menshen.secret import Secret
from menshen.storage.webhook_deliveries import Attempted
from menshen.web.admin import admin_app
from menshen.web.admin_api.dispatch import admin_routes
from menshen.web.admin_api.openapi import with_openapi
from menshen.web.serving import serving
from tests.users.people import People, on_people

TOKEN = "t" * 40
MASTER_KEY = b"k" * 32


@dataclass
class Operator:
    """Who holds the admin token, at ``origin``. ``webhooks`` are those of the running revision."""

    people: People
    origin: str
    session: aiohttp.ClientSession
    webhooks: list[WebhookRules] = field(default_factory=list)
    token: str = TOKEN

    async def call(self, method: str, path: str, body: Any = None, data: bytes | None = None) -> tuple[int, Any]:
        """Status and JSON of the answer."""
        headers = {"authorization": f"Bearer {self.token}"}
        url = self.origin + path
        async with self.session.request(method, url, json=body, data=data, headers=headers) as answer:
            assert answer.status in (404, 405) or answer.headers["cache-control"] == "no-store"
            text = await answer.text()
            is_json = answer.content_type == "application/json"
            return answer.status, await answer.json() if is_json else text

    async def get(self, path: str) -> Any:
        status, answer = await self.call("GET", path)
        assert status == 200, answer
        return answer


def operating(url: str, directory: Path, work: Callable[[Operator], Awaitable[None]]) -> None:
    async def on(people: People) -> None:
        rules: list[WebhookRules] = []
        async with PlatformClient(timeout=60) as client, aiohttp.ClientSession() as session:
            sender = WebhookSender(people.database, client, lambda: rules, lambda: people.now, _numbered())
            endpoints = operator_endpoints(operating_of(people, directory, rules, sender.test))
            app = admin_app(dict, dict, dict, admin_routes(with_openapi(endpoints), token_file(Secret(TOKEN))))
            async with serving(app, "127.0.0.1", 0) as bound:
                await work(Operator(people, f"http://127.0.0.1:{bound.port}", session, rules))

    on_people(url, on)


def operating_of(
    people: People, directory: Path, rules: list[WebhookRules], test: Callable[[str], Awaitable[Attempted]]
) -> Operating:
    """What a node has its admin API and its console work with; keys are in ``directory``."""
    avatars = avatars_of(people.records, directory)
    apps = {"shop": ("wechat", "wx1")}
    return operating_on(people.records, avatars, MASTER_KEY, lambda: apps, lambda: rules, test, directory / "keys")


def _numbered() -> Callable[[int], bytes]:
    made: list[int] = []

    def random(count: int) -> bytes:
        made.append(count)
        return len(made).to_bytes(count)

    return random
