"""A call of the user API as Envoy hands it over, to an application that need not be on a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp

from menshen.config.snapshot import Snapshot
from tests.gateway.samples import plugin, route, session

__all__ = ["JSON", "SNAPSHOT", "Said", "ask"]

Headers = Iterable[tuple[str, str]]
SNAPSHOT = Snapshot(
    routes=(
        route("order", plugin()),
        route("query", plugin(name="query-login", session=session("query"))),
        route("cookie", plugin(name="cookie-login", session=session("cookie", "cookie"))),
        route("static", None, "public"),
    )
).sealed()
JSON = (("content-type", "application/json"),)


@dataclass(frozen=True)
class Said:
    status: int
    headers: dict[str, str]
    body: bytes
    chunks_taken: int

    @property
    def refusal(self) -> tuple[int, int, str]:
        body = json.loads(self.body)
        assert set(body) == {"code", "reason", "message", "action", "request_id"}
        assert self.headers["x-menshen-code"] == str(body["code"])
        return self.status, body["code"], body["reason"]


def ask(
    app: ASGIApp,
    path: str,
    headers: Headers = JSON,
    *,
    method: str = "POST",
    query: str = "",
    chunks: Iterable[bytes | None] = (b"{}",),
    checksum: str = SNAPSHOT.checksum,
) -> Said:
    """``chunks`` come one by one as they are asked for; None is a client that has hung up."""
    left = list(chunks)
    taken = 0
    sent: list[Any] = []

    async def receive() -> Any:
        nonlocal taken
        taken += 1
        chunk = left.pop(0) if left else b""
        if chunk is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunk, "more_body": bool(left)}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": f"/api/{checksum}/{path}",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }
    asyncio.run(app(scope, receive, send))
    given = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Said(sent[0]["status"], given, sent[1]["body"], taken)
