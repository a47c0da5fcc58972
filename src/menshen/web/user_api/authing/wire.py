"""What all of Authing's calls have in common: which app is meant, where the token is, and what a refusal looks like.

The package (4.3.22-alpha.7, ``src/HttpClient.ts``, ``src/GraphqlClient.ts``) sends its app in ``x-authing-app-id`` and
``x-authing-userpool-id`` and the token as ``Authorization: Bearer …``. It takes a body ``{code, message, data}`` with a
code other than 200 for a refusal and tells the page's ``onError``. On a phone its HTTP library (``wx-axios`` 0.0.7,
``lib/adapters/wx-request.js``) looks at no status, so refusals keep their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from menshen.config.snapshot import LoginPlugin
from menshen.errors import (
    AmbiguousCredential,
    CallMalformed,
    CaptchaRequired,
    IdentityConflict,
    PhoneTaken,
    Refusal,
    SessionExpired,
    SessionInvalid,
    SessionMissing,
    SessionRevoked,
    UserBanned,
    UserBlocked,
)
from menshen.gateway.answer import Answer, answer_refusal
from menshen.gateway.credentials import find_any_state
from menshen.gateway.request import AuthRequest
from menshen.web.user_api.call import Call
from menshen.web.user_api.endpoint import Wire

__all__ = ["AUTHING", "GRAPHQL", "NUMBERS", "bearer_state", "number_of", "plugin_of", "presented"]

_APP_HEADERS: Final = ("x-authing-app-id", "x-authing-userpool-id")
_PLATFORM: Final = "wechat"  # the paths say so, and the package runs nowhere else

NUMBERS: Final[Mapping[str, int]] = MappingProxyType(
    {
        SessionMissing.reason: 2020,
        SessionExpired.reason: 2206,
        SessionInvalid.reason: 2207,
        SessionRevoked.reason: 2207,
        UserBanned.reason: 2005,
        UserBlocked.reason: 2005,
        CaptchaRequired.reason: 2000,
        IdentityConflict.reason: 2215,
        PhoneTaken.reason: 2215,
    }
)
"""Reason -> Authing's number, which pages compare with: 2020 not logged in, 2206 login expired, 2207 login invalid,
2005 locked, 2000 captcha, 2215 bound to another (its ``advanced/error-code.md``). Every other reason has our number."""


def number_of(refusal: Refusal) -> int:
    return NUMBERS.get(refusal.reason, refusal.code)


def plugin_of(call: Call) -> LoginPlugin:
    """Which plugin logs in: of the app that the headers name, else of the only one there is.

    Of an app with several plugins, the one whose state travels as this client sends it, so that its business requests
    pass; else the first in the document. Raises ``CallMalformed`` where it cannot be told which app is meant.
    """
    found = _named(call.request, call.plugins)
    if len({plugin.app.name for plugin in found}) != 1:
        raise CallMalformed("x-authing-app-id names no app, or there is none or several")
    return next((plugin for plugin in found if _in_authorization(plugin)), found[0])


def bearer_state(
    request: AuthRequest, plugins: Sequence[LoginPlugin], also: bytes = b""
) -> tuple[tuple[LoginPlugin, ...], bytes]:
    """The token, and the plugins that may have given it: those of the app that the headers name, if they name one.

    It is read in ``Authorization`` alone, whatever the plugins say: a cookie would let a page of another site log a
    user out with a link. ``also`` is a token that came in the body. Raises ``SessionMissing``, and
    ``AmbiguousCredential`` for two.
    """
    sent = request.headers.get(b"authorization", b"").strip()
    scheme, _, rest = sent.partition(b" ")
    state = rest.strip() if scheme.lower() == b"bearer" else sent
    elsewhere = [plugin for plugin in plugins if not _in_authorization(plugin)]
    try:
        _, other = find_any_state(request, elsewhere)
    except SessionMissing:
        other = b""
    found = {value for value in (state, other, also) if value}
    if len(found) > 1 or b"," in state:
        raise AmbiguousCredential("two login states")
    if not state and not also:
        raise SessionMissing
    return _named(request, plugins), state or also


def presented(call: Call) -> bytes | None:
    """A token that came with a login: its session does not outlive it. Raises ``AmbiguousCredential`` for two."""
    try:
        return bearer_state(call.request, call.plugins)[1]
    except SessionMissing:
        return None


def _named(request: AuthRequest, plugins: Sequence[LoginPlugin]) -> tuple[LoginPlugin, ...]:
    """The plugins of the app that the headers name, by its name or its appid; of every app where they name none.

    A page that has only its host changed goes on sending the ids that it had at Authing: they name nothing here.
    """
    ours = tuple(plugin for plugin in plugins if plugin.app.platform == _PLATFORM)
    names = {request.headers.get(name.encode(), b"").decode("latin-1") for name in _APP_HEADERS}
    named = tuple(plugin for plugin in ours if not names.isdisjoint((plugin.app.name, plugin.app.appid)))
    if len({plugin.app.name for plugin in named}) > 1:
        raise CallMalformed("the headers name two apps")
    return named or ours


def _in_authorization(plugin: LoginPlugin) -> bool:
    return plugin.session.request_in == "header" and plugin.session.name.lower() == "authorization"


def _refused(refusal: Refusal, request_id: str) -> Answer:
    answer = answer_refusal(refusal, request_id)
    return replace(answer, body=msgspec.json.encode(_told(refusal, answer)))


def _errors(refusal: Refusal, request_id: str) -> Answer:
    """As the package's GraphQL client reads it: the ``message`` of an error is an object."""
    answer = answer_refusal(refusal, request_id)
    return replace(answer, body=msgspec.json.encode({"data": None, "errors": [{"message": _told(refusal, answer)}]}))


def _told(refusal: Refusal, answer: Answer) -> dict[str, Any]:
    said = msgspec.json.decode(answer.body)
    data = {name: said[name] for name in ("code", "reason", "action", "request_id")}
    return {"code": number_of(refusal), "message": said["message"], "data": data}


_ENVELOPE: Final[dict[str, Any]] = {
    "type": "object",
    "description": "A refusal as Authing tells it; `data` is what Menshen says.",
    "properties": {
        "code": {"type": "integer", "not": {"const": 200}},
        "message": {"type": "string"},
        "data": {
            "type": "object",
            "properties": {
                "code": {"type": "integer"},
                "reason": {"type": "string"},
                "action": {"enum": ["login", "retry", "none"]},
                "request_id": {"type": "string"},
            },
            "required": ["code", "reason", "action", "request_id"],
            "additionalProperties": False,
        },
    },
    "required": ["code", "message", "data"],
    "additionalProperties": False,
}

_SCHEME: Final = ("authing_token", {"type": "http", "scheme": "bearer"})

AUTHING: Final = Wire(bearer_state, _refused, ("AuthingRefused", _ENVELOPE), ("data", "reason"), _SCHEME, _APP_HEADERS)
"""``{code, message, data}``."""

GRAPHQL: Final = Wire(
    bearer_state,
    _errors,
    (
        "AuthingErrors",
        {
            "type": "object",
            "description": "A refusal in Authing's GraphQL.",
            "properties": {
                "data": {"type": "null"},
                "errors": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"message": {"$ref": "#/components/schemas/AuthingRefused"}},
                        "required": ["message"],
                    },
                },
            },
            "required": ["errors"],
            "additionalProperties": False,
        },
    ),
    ("errors", "[]", "message", "data", "reason"),
    _SCHEME,
    _APP_HEADERS,
)
"""``{errors: [{message: {code, message, data}}]}``."""
