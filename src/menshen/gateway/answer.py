"""Decisions as HTTP answers: what Envoy, and through it the client or the backend, is told.

An answer with status 200 lets the request through and its headers reach the backend (identity) and the client (the
login state); any other status is the client's answer. Statuses are the true ones here; ``wire.to_wire`` disguises them
for Envoy at the very edge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from menshen.config.snapshot import LoginPlugin, Route
from menshen.errors import LoginRefused, PlatformLimit, PluginRefused, Refusal
from menshen.gateway.codes import LoggedIn
from menshen.gateway.credentials import cookie_without
from menshen.gateway.decision import Allow
from menshen.gateway.identity import Identities, Told, identity_tags, no_identity
from menshen.gateway.reply import render_refusal, render_reply
from menshen.gateway.request import AuthRequest
from menshen.gateway.returning import Handed, returned
from menshen.gateway.shown_user import ShownUser
from menshen.gateway.wire import HEADER_CODE, HEADER_UID
from menshen.sessions.claims import SessionClaims
from menshen.sessions.refresh import RefreshClaims
from menshen.sessions.states import States

__all__ = ["Answer", "answer_allow", "answer_json", "answer_login", "answer_redirect", "answer_refusal", "handed"]

Header = tuple[bytes, bytes]
Headers = list[Header]

_JSON: Headers = [(b"content-type", b"application/json; charset=utf-8"), (b"cache-control", b"no-store")]
_REMOVE = b"x-envoy-auth-headers-to-remove"
_CODE = HEADER_CODE.encode()
_UID = HEADER_UID.encode()


class Answer(msgspec.Struct, frozen=True):
    """``passes`` tells "let it through" from a 200 that the gateway gives itself. ``reason`` is of refusals alone.

    Where ``who`` is there, the headers begin with its: what was once done to those need not be done again.
    """

    passes: bool
    status: int
    headers: Headers
    body: bytes = b""
    reason: str = ""
    who: Told | None = None


def answer_refusal(refusal: Refusal, request_id: str, plugin: LoginPlugin | None = None) -> Answer:
    """The error contract: ``{code, reason, message, action, request_id}`` and ``x-menshen-code``.

    The login plugin of the route, where there is one, may have a status and a body of its own for it.
    """
    # What a hook or a plugin of the team's said is for the client; every other detail is for the log.
    said = refusal.detail if isinstance(refusal, LoginRefused | PluginRefused) else ""
    body: dict[str, object] = {
        "code": refusal.code,
        "reason": refusal.reason,
        "message": said or refusal.text(),
        "action": refusal.action,
        "request_id": request_id,
    }
    headers = [*_JSON, (_CODE, b"%d" % refusal.code)]
    wait = 60 if isinstance(refusal, PlatformLimit) else refusal.retry_after  # WeChat counts per user and minute
    if wait is not None:
        headers.append((b"retry-after", b"%d" % wait))
    status = refusal.http_status("menshen" if plugin is None else plugin.status)
    return Answer(False, status, headers, msgspec.json.encode(render_refusal(plugin, body)), refusal.reason)


def answer_redirect(refusal: Refusal, request_id: str, location: str) -> Answer:
    """The same refusal, and to where the operator sends who is refused: no part of the request is in it (class 51)."""
    answer = answer_refusal(refusal, request_id)
    return replace(answer, status=302, headers=[*answer.headers, (b"location", location.encode())])


def answer_json(body: Mapping[str, object] | msgspec.Struct, headers: Headers) -> Answer:
    """An answer of the gateway's own that is no refusal."""
    return Answer(False, 200, [*_JSON, *headers], msgspec.json.encode(body))


def answer_allow(allow: Allow, request: AuthRequest, states: States, identities: Identities, now: float) -> Answer:
    """Let a checked, anonymous or public request through with its identity headers, all of them set.

    A state that is due gets its successor back, where a login would put it; a reference stays the same text.
    """
    route, claims = allow.route, allow.claims
    plugin = route.login
    if plugin is None:
        return Answer(True, 200, _unset(route, request))
    who = None if claims is None else identities.told(plugin, claims, route.upstream, now)
    headers = _to_backend(route, plugin, claims, request, no_identity(plugin) if who is None else who.headers)
    if allow.renewed is not None:
        state = states.mint(plugin, allow.renewed, allow.state.decode("latin-1"))
        headers += returned(plugin, Handed(state, allow.renewed.exp - int(now)), body=False)
    return Answer(True, 200, headers, who=who)


def answer_login(
    route: Route,
    plugin: LoginPlugin,
    logged_in: LoggedIn,
    request: AuthRequest,
    states: States,
    identities: Identities,
    now: float,
    user: ShownUser | None = None,
) -> Answer:
    """A login: on to the backend with the state beside it (TSF's way), or answered here with the plugin's JSON.

    ``user`` is there where that JSON says more of him.
    """
    claims = logged_in.claims
    given = handed(plugin, claims, states, now, logged_in.reference.reveal(), logged_in.seed.reveal())
    if plugin.respond == "gateway":
        reply = render_reply(plugin, claims, given, new_user=logged_in.new_user, user=user)
        return answer_json(reply, returned(plugin, given))
    if "session_key" in dict(plugin.identity):  # of this answer alone: never kept
        who = identities.made(plugin, claims, route.upstream, now, {"session_key": logged_in.session_key.reveal()})
    else:
        who = identities.headers(plugin, claims, route.upstream, now)
    headers = _to_backend(route, plugin, claims, request, who)
    return Answer(True, 200, headers + returned(plugin, given, body=False))


def handed(
    plugin: LoginPlugin,
    claims: SessionClaims,
    states: States,
    now: float,
    reference: str = "",
    seed: str = "",
    generation: int = 1,
) -> Handed:
    """A state for these claims, with a refresh token of this generation where the plugin gives them."""
    state = states.mint(plugin, claims, reference)
    rules = plugin.session.refresh
    if rules is None:
        return Handed(state, claims.exp - int(now))
    until = claims.iat + rules.expires_in * 60
    token = RefreshClaims(claims.sid, claims.platform, claims.appid, plugin.name, generation, until, seed)
    return Handed(state, claims.exp - int(now), states.refresh.mint(token), until - int(now))


def _unset(route: Route, request: AuthRequest) -> Headers:
    """Every identity header "", but for those that Envoy has set from another issuer's token or that a guard found."""
    unset = _none_of(route.identity_headers, route.jwt.claims if route.jwt is not None else ())
    if not request.found:
        return list(unset)
    found = {name for name, _ in request.found}
    return [*(header for header in unset if header[0] not in found), *request.found]


@lru_cache(maxsize=1024)
def _none_of(names: tuple[str, ...], theirs: tuple[tuple[str, str], ...]) -> tuple[tuple[bytes, bytes], ...]:
    """The identity headers as "", without those of another issuer's claims: the same on every check of a route."""
    set_by_envoy = {header for _, header in theirs}
    return tuple((name.encode(), b"") for name in names if name not in set_by_envoy)


def _to_backend(
    route: Route, plugin: LoginPlugin, claims: SessionClaims | None, request: AuthRequest, who: Iterable[Header]
) -> Headers:
    headers = [*who, *identity_tags(route, plugin, claims), *_cookies_left(plugin, request), *request.found]
    if route.needs_uid:
        headers.append((_UID, (claims.sub if claims is not None else "").encode()))
    return headers


def _cookies_left(plugin: LoginPlugin, request: AuthRequest) -> Headers:
    """The Cookie header for the backend, without our cookies in it (attack class 10)."""
    sent = request.headers.get(b"cookie")
    if sent is None:
        return []
    ours = set()
    if "cookie" in (plugin.session.request_in, plugin.session.return_in):
        ours.add(plugin.session.name.encode())
    if plugin.code.position == "cookie":
        ours.add(plugin.code.name.encode())
    if not ours:
        return []
    left = cookie_without(sent, frozenset(ours))
    return [(b"cookie", left)] if left else [(_REMOVE, b"cookie")]
