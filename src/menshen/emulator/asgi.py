"""The emulator on a port: the platforms' own paths, and the control API.

The platforms' paths are answered before any routing: benchmarks send thousands of logins a second through them, on the
machine that they measure.
"""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from menshen.emulator.answer import Answer
from menshen.emulator.component import LOGIN_PATH
from menshen.emulator.control import control_app
from menshen.emulator.dialects import DIALECTS
from menshen.emulator.state import Emulator
from menshen.emulator.team import Team

__all__ = ["emulator_app"]

_BODY_LIMIT = 64 * 1024

_PATIENCE = 60.0
"""Seconds that a silent answer lasts; longer than any client waits, and not for ever."""


def emulator_app(emulator: Emulator, team: Team | None = None) -> ASGIApp:
    """The application: each platform's login and its other paths, and ``/emulator/...``."""
    control = control_app(emulator, team or Team())
    exchanges = {f"/{name}{dialect.login_path}": name for name, dialect in DIALECTS.items()}
    apis = {f"/{name}{path}": (name, path) for name, dialect in DIALECTS.items() for path in dialect.apis}

    by_component = f"/wechat{LOGIN_PATH}"

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if (platform := exchanges.get(path)) is not None:
            method = scope["method"]
            body = b"" if method == "GET" else await _body(receive)
            answer = emulator.code2session(platform, method, scope["query_string"], scope["headers"], body)
        elif path == by_component:
            answer = emulator.code2session_by_component(scope["method"], scope["query_string"], scope["headers"])
        elif (called := apis.get(path)) is not None:
            body = await _body(receive)
            answer = emulator.call(*called, scope["method"], scope["query_string"], body, scope["headers"])
        else:
            await control(scope, receive, send)
            return
        if answer.delay:
            await asyncio.sleep(answer.delay)
        if answer.silent:
            await _hold(receive)
            answer = Answer(b"", "text/plain", status=504)
        await _send(send, answer)

    return app


async def _body(receive: Receive) -> bytes:
    """The body; "" of one that is too long to be of a call."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        body += message.get("body", b"")
        if len(body) > _BODY_LIMIT:
            return b""
        if not message.get("more_body", False):
            return bytes(body)


async def _hold(receive: Receive) -> None:
    """Until the client has gone, at most ``_PATIENCE``."""
    try:
        async with asyncio.timeout(_PATIENCE):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


async def _send(send: Send, answer: Answer) -> None:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", b"%d" % len(answer.body)),
    ]
    if answer.location:
        headers.append((b"location", answer.location.encode()))
    headers += [(name.encode(), value.encode()) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
