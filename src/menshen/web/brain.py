"""The worker's two doors: Envoy asks at one whether a request may pass, and hands over the user API at the other."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from menshen.gateway.wire import API_PREFIX

__all__ = ["Brain"]


class Brain:
    """A question to ``authorization`` has the client's path behind a prefix of its own, so no client finds the API."""

    def __init__(self, authorization: ASGIApp, user_api: ASGIApp) -> None:
        self._authorization = authorization
        self._user_api = user_api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        door = self._user_api if scope["path"].startswith(f"{API_PREFIX}/") else self._authorization
        await door(scope, receive, send)
