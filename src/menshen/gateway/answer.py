"""Decisions as HTTP answers: what Envoy, and through it the client or the backend, is told.

An answer with status 200 lets the request through and its headers reach the backend (identity) and the client (the
login state); any other status is the client's answer. Statuses are the true ones here; ``wire.to_wire`` disguises them
for Envoy at the very edge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from menshen.config.snapshot import LoginPlugin, Route, StatusStyle
from menshen.errors import PlatformLimit, Refusal
from menshen.gateway.assertion import Asserter
from menshen.gateway.codes import LoggedIn
from menshen.gateway.credentials import cookie_without
from menshen.gateway.decision import Allow
from menshen.gateway.identity import identity_headers, identity_values
from menshen.gateway.reply import render_reply
from menshen.gateway.request import AuthRequest
from menshen.gateway.wire import HEADER_CODE
from menshen.sessions.claims import SessionClaims

__all__ = ["Answer", "Mint", "answer_allow", "answer_login", "answer_refusal"]

Headers = list[tuple[bytes, bytes]]
Mint = Callable[[SessionClaims], str]

_JSON: Headers = [(b"content-type", b"application/json; charset=utf-8"), (b"cache-control", b"no-store")]
_REMOVE = b"x-envoy-auth-headers-to-remove"


@dataclass(frozen=True, slots=True)
class Answer:
    """``passes`` tells "let it through" from a 200 that the gateway gives itself."""

    passes: bool
    status: int
    headers: Headers
    body: bytes = b""


def answer_refusal(refusal: Refusal, request_id: str, style: StatusStyle = "menshen") -> Answer:
    """The error contract: ``{code, reason, message, action, request_id}`` and ``x-menshen-code``."""
    body = {
        "code": refusal.code,
        "reason": refusal.reason,
        "message": refusal.text(),
        "action": refusal.action,
        "request_id": request_id,
    }
    headers = [*_JSON, (HEADER_CODE.encode(), b"%d" % refusal.code)]
    if isinstance(refusal, PlatformLimit):
        headers.append((b"retry-after", b"60"))  # WeChat counts per user and minute
    return Answer(False, refusal.http_status(style), headers, msgspec.json.encode(body))


def answer_allow(allow: Allow, request: AuthRequest, asserter: Asserter, now: float) -> Answer:
    """Let a checked, anonymous or public request through with its identity headers, all of them set."""
    plugin = allow.route.login
    if plugin is None:
        return Answer(True, 200, [(name.encode(), b"") for name in allow.route.identity_headers])
    return Answer(True, 200, _to_backend(allow.route, plugin, allow.claims, request, asserter, now))


def answer_login(
    route: Route,
    plugin: LoginPlugin,
    logged_in: LoggedIn,
    request: AuthRequest,
    mint: Mint,
    asserter: Asserter,
    now: float,
) -> Answer:
    """A login: on to the backend with the state beside it (TSF's way), or answered here with the plugin's JSON."""
    claims = logged_in.claims
    state = mint(claims)
    returned = _returned(plugin, claims, state)
    if plugin.respond == "gateway":
        reply = render_reply(plugin, claims, state, now, new_user=logged_in.new_user)
        return Answer(False, 200, [*_JSON, *returned], msgspec.json.encode(reply))
    extra = {"session_key": logged_in.session_key.reveal()}
    headers = _to_backend(route, plugin, claims, request, asserter, now, extra)
    return Answer(True, 200, headers + returned)


def _to_backend(
    route: Route,
    plugin: LoginPlugin,
    claims: SessionClaims | None,
    request: AuthRequest,
    asserter: Asserter,
    now: float,
    extra: Mapping[str, str] | None = None,
) -> Headers:
    values = identity_values(plugin, claims)
    if extra:
        values.update(extra)
    if claims is not None and any(field == "assertion" for field, _ in plugin.identity):
        values["assertion"] = asserter.assertion(claims, plugin.app.name, route.upstream, now)
    return identity_headers(plugin, values) + _cookies_left(plugin, request)


def _cookies_left(plugin: LoginPlugin, request: AuthRequest) -> Headers:
    """The Cookie header for the backend, without our cookies in it (attack class 10)."""
    ours = set()
    if "cookie" in (plugin.session.request_in, plugin.session.return_in):
        ours.add(plugin.session.name.encode())
    if plugin.code.position == "cookie":
        ours.add(plugin.code.name.encode())
    sent = request.headers.get(b"cookie")
    if not ours or sent is None:
        return []
    left = cookie_without(sent, frozenset(ours))
    return [(b"cookie", left)] if left else [(_REMOVE, b"cookie")]


def _returned(plugin: LoginPlugin, claims: SessionClaims, state: str) -> Headers:
    name = plugin.session.name
    match plugin.session.return_in:
        case "header":
            return [(name.lower().encode(), state.encode())]
        case "cookie":
            cookie = f"{name}={state}; Path=/; Max-Age={claims.exp - claims.iat}; HttpOnly; Secure; SameSite=Lax"
            return [(b"set-cookie", cookie.encode())]
        case "body":
            return []
