"""The configuration's endpoints served on loopback, for an owner, an operator and a viewer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from menshen.documents.configuration import Activate, Configuration
from menshen.documents.documents import Documents
from menshen.node.operating import configuration_endpoints
from menshen.operators.roles import SCOPES_OF, Principal, Role
from menshen.web.admin import admin_app
from menshen.web.admin_api.dispatch import admin_routes
from menshen.web.admin_api.openapi import with_openapi
from menshen.web.serving import serving
from tests.documents.samples import CANARY, configured

CALLERS = {role.value: Principal(f"the-{role.value}", SCOPES_OF[role], "token") for role in Role}


async def who(token: str) -> Principal | None:
    return CALLERS.get(token)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    etag: str = ""
    media: str = "application/json"

    @property
    def paths(self) -> list[tuple[str, str | None]]:
        """Of the problems: in the document, and in what was sent."""
        return [(each["path"], each.get("at")) for each in self.body["problems"]]


@dataclass
class Editor:
    """Sends If-Match with the ETag that it saw last, unless told otherwise. No answer may hold a planted secret."""

    origin: str
    session: aiohttp.ClientSession
    configuration: Configuration
    documents: Documents
    seen: str = ""
    everything: list[str] = field(default_factory=list)

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        etag: str | None = None,
        role: str = "owner",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """``etag`` "" sends no If-Match."""
        sent = {"authorization": f"Bearer {role}", **(headers or {})}
        if method != "GET" and (match := self.seen if etag is None else etag):
            sent["if-match"] = match
        async with self.session.request(method, self.origin + path, json=body, headers=sent) as answer:
            text = await answer.text()
            assert answer.headers["cache-control"] == "no-store"
            shown = text + json.dumps(dict(answer.headers))
            assert CANARY not in shown, path
            assert "sealed:v1" not in shown or "a sealed text" in shown, path
            found = answer.headers.get("etag", "")
            if found and "/revisions/" not in path:
                self.seen = found
            is_json = answer.content_type == "application/json" and text
            return Answer(answer.status, json.loads(text) if is_json else text, found, answer.content_type)

    async def get(self, path: str) -> Any:
        answer = await self.call("GET", path)
        assert answer.status == 200, answer
        return answer.body

    async def done(self, method: str, path: str, body: Any = None, **how: Any) -> list[tuple[str, str]]:
        """The parts that a call changed, and how."""
        answer = await self.call(method, path, body, **how)
        assert answer.status == 200, answer
        return [(change["part"], change["what"]) for change in answer.body["changes"]]


def editing(where: str, work: Callable[[Editor], Awaitable[None]], activate: Activate | None = None) -> None:
    async def main() -> None:
        async with configured(where, activate) as (configuration, documents), aiohttp.ClientSession() as session:
            routes = admin_routes(with_openapi(configuration_endpoints(configuration)), who)
            async with serving(admin_app(dict, dict, dict, routes), "127.0.0.1", 0) as bound:
                editor = Editor(f"http://127.0.0.1:{bound.port}", session, configuration, documents)
                await editor.get("/v1/config")
                await work(editor)

    asyncio.run(main())
