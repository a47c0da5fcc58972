"""The backend behind the gateway under test: echoes requests, and misbehaves when a query parameter says so.

``?status=500`` answers with that status and a body of its own, ``?sleep=2`` answers late, ``?stream=1`` hands each part
of the body back as it comes; a WebSocket echoes its handshake's headers first and then every message.
"""

from __future__ import annotations

import asyncio
import json
from urllib.parse import parse_qs

import uvloop
from starlette.types import Receive, Scope, Send

from menshen.cli.echo import echo
from menshen.web.serving import serving


async def backend(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await _websocket(scope, receive, send)
        return
    query = parse_qs(scope["query_string"].decode())
    if "sleep" in query:
        await asyncio.sleep(float(query["sleep"][0]))
    if "status" in query:
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": int(query["status"][0]), "headers": headers})
        await send({"type": "http.response.body", "body": b'{"from":"backend"}'})
        return
    if "stream" in query:
        await _streamed(receive, send)
        return
    await echo(scope, receive, send)


async def _streamed(receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        await send({"type": "http.response.body", "body": message.get("body", b""), "more_body": more})


async def _websocket(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]]
    await send({"type": "websocket.send", "text": json.dumps(headers)})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message.get("text") or ""})


async def main() -> None:
    async with serving(backend, "127.0.0.1", 0, websockets=True) as bound:
        print(f"ready {bound.origin}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
