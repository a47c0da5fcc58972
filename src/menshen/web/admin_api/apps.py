"""What the team's other services, and an operator, ask of an app's secrets, on the admin address.

Access tokens: a service that fetches them by itself takes the gateway's away, and the other way round; so it asks
here. Session keys: one that may have leaked is replaced at the platform. None is ever told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from menshen.config.snapshot import App, Component
from menshen.errors import Refusal
from menshen.gateway.access_tokens import AccessTokens, as_app
from menshen.gateway.open_data import OpenData
from menshen.operators.roles import Scope
from menshen.secret import Secret
from menshen.web.admin_api.endpoint import BadCall, Call, Endpoint, Line

__all__ = ["app_endpoints", "component_token_endpoints", "session_key_endpoints"]

Apps = Callable[[], Iterable[App]]
"""Those of the running revision."""

Components = Callable[[], Iterable[Component]]
"""Those of the running revision."""


class _Refused(msgspec.Struct, forbid_unknown_fields=True):
    refused: str

    def __repr__(self) -> str:
        return "_Refused(***)"


class _Whose(msgspec.Struct, forbid_unknown_fields=True):
    openid: Line


def app_endpoints(tokens: AccessTokens, apps: Apps) -> list[Endpoint]:
    """``GET`` and ``POST /internal/apps/{name}/access-token``: ``{"access_token", "expires_in"}`` (seconds).

    ``POST`` takes ``{"refused": token}`` from a service whose token the platform refused, and answers with another.
    """
    path = "/internal/apps/{name}/access-token"
    return _told(tokens, path, ("The app's access token", "Another access token"), lambda call: _named(call, apps))


def component_token_endpoints(tokens: AccessTokens, components: Components) -> list[Endpoint]:
    """The same of a third-party platform: ``/internal/components/{name}/access-token``."""

    def asked_for(call: Call) -> App:
        name = call.path["name"]
        for component in components():
            if component.name == name:
                return as_app(component)
        raise BadCall(f"no component is named {name!r}", 404)

    path = "/internal/components/{name}/access-token"
    return _told(tokens, path, ("The component's access token", "Another access token of a component"), asked_for)


def _told(
    tokens: AccessTokens, path: str, summaries: tuple[str, str], asked_for: Callable[[Call], App]
) -> list[Endpoint]:
    async def current(call: Call) -> dict[str, Any]:
        app = asked_for(call)
        try:
            return _answer(await tokens.token(app))
        except Refusal as refusal:
            raise _unavailable(refusal) from None

    async def another(call: Call) -> dict[str, Any]:
        app = asked_for(call)
        body: _Refused = call.body
        try:
            return _answer(await tokens.newer(app, Secret(body.refused)))
        except Refusal as refusal:
            raise _unavailable(refusal) from None

    trouble = (404, 429, 502, 503, 504)
    return [
        Endpoint("GET", path, summaries[0], Scope.APPS_USE, current, refuses=trouble),
        Endpoint("POST", path, summaries[1], Scope.APPS_USE, another, body=_Refused, refuses=trouble),
    ]


def session_key_endpoints(open_data: OpenData, apps: Apps) -> list[Endpoint]:
    """``POST /internal/apps/{name}/session-key/reset`` with ``{"openid"}``: ``{"reset": true}``.

    ``false``: the user is not known, or the key was not good any more.
    """

    async def reset(call: Call) -> dict[str, Any]:
        app = _named(call, apps)
        body: _Whose = call.body
        try:
            return {"reset": await open_data.reset_key(app, body.openid)}
        except Refusal as refusal:
            raise _unavailable(refusal) from None

    path, trouble = "/internal/apps/{name}/session-key/reset", (404, 429, 502, 503, 504)
    return [Endpoint("POST", path, "Reset a session_key", Scope.APPS_USE, reset, body=_Whose, refuses=trouble)]


def _named(call: Call, apps: Apps) -> App:
    name = call.path["name"]
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
