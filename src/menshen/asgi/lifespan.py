"""Start and stop with the server: ours first, then the application's own; at the end the other way round."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from menshen.errors import ConfigInvalid

__all__ = ["lifespan"]

log = logging.getLogger("menshen.asgi")

_STARTUP, _SHUTDOWN = "lifespan.startup", "lifespan.shutdown"


async def lifespan(
    app: ASGIApp, start: Callable[[AsyncExitStack], Awaitable[None]], scope: Scope, receive: Receive, send: Send
) -> None:
    """``start`` opens what must run while the application does. Where it raises, the server is told so, and stops."""
    await receive()
    async with AsyncExitStack() as stack:
        try:
            await start(stack)
        except Exception as error:
            log.exception("middleware_not_started")
            await send({"type": f"{_STARTUP}.failed", "message": f"menshen: {_why(error)}"})
            return
        ended = await _of_application(app, scope, receive, send)
    if ended is not None:
        await send(ended)


async def _of_application(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> Message | None:
    """The application's own events; what the server is to be told in the end, None where it was told of a failure.

    An application that knows no such events runs without them, as it would without us.
    """
    started, ended = asyncio.Event(), asyncio.Event()
    last: list[Message] = []
    first = True

    async def receiving() -> Message:
        nonlocal first
        if first:
            first = False
            return {"type": _STARTUP}
        message = await receive()
        ended.set()
        return message

    async def sending(message: Message) -> None:
        if message["type"].startswith(_STARTUP):
            if message["type"] == f"{_STARTUP}.failed":
                last.append(message)
            started.set()
        if message["type"].startswith(_SHUTDOWN):
            last.append(message)  # when ours has stopped too
            return
        await send(message)

    try:
        await app(scope, receiving, sending)
    except Exception:
        if started.is_set():
            raise
        log.debug("application_without_lifespan", exc_info=True)
    if last:
        return None if last[0]["type"].startswith(_STARTUP) else last[0]
    if not started.is_set():
        await send({"type": f"{_STARTUP}.complete"})
    if not ended.is_set():
        await receive()
    return {"type": f"{_SHUTDOWN}.complete"}


def _why(error: Exception) -> str:
    if isinstance(error, ConfigInvalid):
        return "; ".join(f"{problem} / {problem.message_zh}" for problem in error.problems)
    return str(error) or type(error).__name__
