"""The backend of the edge tests as one version of a service: ``x-version`` on every answer says which one, and a
WebSocket's first message.

``python -m tests.edge.version_backend v2``
"""

from __future__ import annotations

import asyncio
import sys

import uvloop
from starlette.types import Message, Receive, Scope, Send

from menshen.web.serving import serving
from tests.edge.backend import backend


async def main(version: str) -> None:
    async def versioned(scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"x-version", version.encode())]}
            await send(message)
            if message["type"] == "websocket.accept":
                await send({"type": "websocket.send", "text": version})

        await backend(scope, receive, marked)

    async with serving(versioned, "127.0.0.1", 0, websockets=True) as bound:
        print(f"ready {bound.origin}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
