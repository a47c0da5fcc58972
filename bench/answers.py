"""The two applications that measurements stand on, served as every part of Menshen is (``menshen.web.serving``).

``python -m bench.answers backend`` answers everything with the same few bytes: the upstream of both scenarios.
``python -m bench.answers empty`` answers 200 and nothing: what is left of an authorization endpoint that does nothing.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from menshen.web.serving import serving

__all__ = ["backend", "empty"]

_BODY = b'{"ok":true}'
_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_BODY))],
}
_END = {"type": "http.response.body", "body": _BODY}

Send = Callable[[Any], Awaitable[None]]


async def backend(_scope: object, _receive: object, send: Send) -> None:
    await send(_START)
    await send(_END)


async def empty(_scope: object, _receive: object, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def _serve(name: str) -> None:
    async with serving({"backend": backend, "empty": empty}[name], "127.0.0.1", 0) as bound:
        print(f"ready {bound.origin}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1]))
