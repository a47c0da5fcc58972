"""The middleware where no server is needed to see it: what it passes on, and a socket without words to refuse."""

from __future__ import annotations

import asyncio
from typing import Any

from menshen.backend import TrustedNetwork, Verifier
from menshen.backend.asgi import AssertionMiddleware
from tests.backend.issuer import NOW, UID, Ring


def sent(app: AssertionMiddleware, scope: dict[str, Any]) -> list[Any]:
    messages: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": f"{scope['type']}.connect"}

    async def send(message: Any) -> None:
        messages.append(message)

    asyncio.run(app(scope, receive, send))
    return messages


async def tells_its_scope(scope: Any, _: Any, send: Any) -> None:
    await send(scope)


def test_a_server_without_denial_responses_closes_the_socket() -> None:
    app = AssertionMiddleware(tells_its_scope, TrustedNetwork())
    (closed,) = sent(app, {"type": "websocket", "headers": []})
    assert closed == {"type": "websocket.close", "code": 1008, "reason": "assertion_missing"}


def test_lifespan_goes_through() -> None:
    scope = {"type": "lifespan"}
    assert sent(AssertionMiddleware(tells_its_scope, TrustedNetwork()), scope) == [scope]


def test_the_scope_of_the_server_is_left_as_it_is() -> None:
    ring = Ring()
    headers = [(b"x-menshen-assertion", ring.assertion().encode()), (b"x-menshen-user", b"forged"), (b"host", b"a")]
    scope = {"type": "http", "headers": headers, "user": "of another middleware"}
    app = AssertionMiddleware(tells_its_scope, Verifier("orders", ring.published, clock=lambda: NOW))
    (seen,) = sent(app, scope)
    assert seen["user"].uid == UID
    assert seen["headers"] == [headers[0], headers[2]]
    assert scope["user"] == "of another middleware"
    assert scope["headers"] == headers
    assert len(headers) == 3
