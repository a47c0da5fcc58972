"""The worker's two doors: Envoy asks at one whether a request may pass, and hands over the user API at the other."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

from menshen.gateway.wire import API_PREFIX

__all__ = ["Brain"]


class Brain:
    """A question to ``authorization`` has the client's path behind a prefix of its own, so no client finds the API."""

    def __init__(self, authorization: ASGIApp, user_api: ASGIApp) -> None:
        self._authorization = authorization
        self._user_api = user_api

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # Not a coroutine of its own: every check comes through here.
        door = self._user_api if scope["path"].startswith(f"{API_PREFIX}/") else self._authorization
        return door(scope, receive, send)
