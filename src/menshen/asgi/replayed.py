"""The beginning of a request's body: looked at first, and then received again by the application."""

from __future__ import annotations

from starlette.types import Message, Receive

__all__ = ["Replayed", "whole"]


class Replayed:
    """``receive`` of a request whose first messages were taken before; a body is kept only as far as it was read."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept: list[Message] = []

    async def first(self, size: int) -> bytes | None:
        """At most so many bytes of the body; None where the client went away before they had come."""
        body, more = b"", True
        while more and len(body) < size:
            message = await self._receive()
            self._kept.append(message)
            if message["type"] != "http.request":
                return None
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return body[:size]

    async def __call__(self) -> Message:
        return self._kept.pop(0) if self._kept else await self._receive()


def whole(body: bytes) -> Receive:
    """``receive`` of a request that has this body and no more."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
