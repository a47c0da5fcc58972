"""FastAPI dependency: the caller is an argument of the endpoint, and ``request.user`` too."""

from __future__ import annotations

from fastapi import HTTPException
from starlette.requests import HTTPConnection

from menshen.backend.caller import Anonymous, Caller
from menshen.backend.callers import Source, who_async
from menshen.backend.headers import asgi_headers
from menshen.backend.refusals import BackendRefusal

__all__ = ["CurrentUser", "OptionalUser"]


class OptionalUser:
    """``Depends(OptionalUser(source))``: the ``Caller``, or ``ANONYMOUS`` who has not logged in.

    It is for endpoints of HTTP and WebSockets. A forged assertion is refused here too, by ``HTTPException``, whose
    ``detail`` is the refusal's body.
    """

    def __init__(self, source: Source) -> None:
        self._source = source

    async def __call__(self, connection: HTTPConnection) -> Caller | Anonymous:
        return await _user(self._source, connection, optional=True)


class CurrentUser:
    """``Depends(CurrentUser(source))``: the ``Caller``. Who has not logged in is refused with 401."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def __call__(self, connection: HTTPConnection) -> Caller:
        user = await _user(self._source, connection, optional=False)
        assert isinstance(user, Caller)  # noqa: S101 - what is not optional is never anonymous
        return user


async def _user(source: Source, connection: HTTPConnection, *, optional: bool) -> Caller | Anonymous:
    try:
        user = await who_async(source, asgi_headers(connection.scope["headers"]), optional=optional)
    except BackendRefusal as refusal:
        raise HTTPException(refusal.status, detail=refusal.body) from None
    connection.scope["user"] = user
    return user
