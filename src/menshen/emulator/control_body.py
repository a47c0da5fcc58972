"""What a call of the control API, or of the team's services, brings in its body."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request

__all__ = ["BODY_LIMIT", "asked", "body_of", "read_as"]

BODY_LIMIT: Final = 64 * 1024
"""Bytes."""

Ask = TypeVar("Ask", bound=msgspec.Struct)


async def asked(request: Request, kind: type[Ask]) -> Ask:
    """The body of a call as this kind. Raises ``HTTPException`` (400, 413)."""
    return read_as(await body_of(request), kind)


async def body_of(request: Request) -> bytes:
    """The body of a call, no byte beyond the limit kept. Raises ``HTTPException`` (413)."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise HTTPException(413, f"the body is over {BODY_LIMIT} bytes")
    return bytes(body)


def read_as(body: bytes, kind: type[Ask]) -> Ask:
    """A body of JSON as this kind. Raises ``HTTPException`` (400)."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HTTPException(400, str(error)) from None
