"""What the team's other services, and an operator, ask of an app's secrets, on the admin address.

Access tokens: a service that fetches them by itself takes the gateway's away, and the other way round; so it asks
here. Session keys: one that may have leaked is replaced at the platform. None is ever told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from menshen.config.snapshot import App
from menshen.errors import Refusal
from menshen.gateway.access_tokens import AccessTokens
from menshen.gateway.open_data import OpenData
from menshen.secret import Secret
from menshen.web.admin_api.guard import BadCall, Guard, call_body

__all__ = ["app_routes", "session_key_routes"]

Apps = Callable[[], Iterable[App]]
"""Those of the running revision."""


class _Refused(msgspec.Struct, forbid_unknown_fields=True):
    refused: str

    def __repr__(self) -> str:
        return "_Refused(***)"


class _Whose(msgspec.Struct, forbid_unknown_fields=True):
    openid: str


def app_routes(tokens: AccessTokens, apps: Apps, guarded: Guard) -> list[Route]:
    """``GET`` and ``POST /internal/apps/{name}/access-token``: ``{"access_token", "expires_in"}`` (seconds).

    ``POST`` takes ``{"refused": token}`` from a service whose token the platform refused, and answers with another.
    """

    async def current(request: Request) -> dict[str, Any]:
        app = _named(request, apps)
        try:
            return _answer(await tokens.token(app))
        except Refusal as refusal:
            raise _unavailable(refusal) from None

    async def another(request: Request) -> dict[str, Any]:
        app = _named(request, apps)
        body = await call_body(request, _Refused)
        try:
            return _answer(await tokens.newer(app, Secret(body.refused)))
        except Refusal as refusal:
            raise _unavailable(refusal) from None

    path = "/internal/apps/{name}/access-token"
    return [
        Route(path, guarded(current), methods=["GET"]),
        Route(path, guarded(another), methods=["POST"]),
    ]


def session_key_routes(open_data: OpenData, apps: Apps, guarded: Guard) -> list[Route]:
    """``POST /internal/apps/{name}/session-key/reset`` with ``{"openid"}``: ``{"reset": true}``.

    ``false``: the user is not known, or the key was not good any more.
    """

    async def reset(request: Request) -> dict[str, Any]:
        app = _named(request, apps)
        body = await call_body(request, _Whose)
        try:
            return {"reset": await open_data.reset_key(app, body.openid)}
        except Refusal as refusal:
            raise _unavailable(refusal) from None

    return [Route("/internal/apps/{name}/session-key/reset", guarded(reset), methods=["POST"])]


def _named(request: Request, apps: Apps) -> App:
    name = request.path_params["name"]
    for app in apps():
        if app.name == name:
            return app
    raise BadCall(f"no app is named {name!r}", 404)


def _answer(told: tuple[Secret, int]) -> dict[str, Any]:
    token, expires_in = told
    return {"access_token": token.reveal(), "expires_in": expires_in}


def _unavailable(refusal: Refusal) -> BadCall:
    errcode = f" (errcode {refusal.platform_errcode})" if refusal.platform_errcode is not None else ""
    return BadCall(f"{refusal.reason}{errcode}: {refusal.message}", refusal.status)
