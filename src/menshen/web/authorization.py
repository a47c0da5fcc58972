"""The authorization endpoint: plain ASGI, asked by Envoy about every request that it cannot judge alone.

This is the hot path. A check opens no connection, reads no file, writes no log line and parses nothing but the
request. Only a login and the first sight of a reference leave the process, and they do so without holding up the checks
beside them.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from starlette.types import Receive, Scope, Send

from menshen.config.snapshot import LoginPlugin, Route, Snapshot
from menshen.errors import (
    BrainUnavailable,
    ClientSentSecret,
    CodeMalformed,
    DatabaseUnavailable,
    InternalFault,
    Refusal,
    RouteStale,
    TokenMissing,
    TokenRefused,
)
from menshen.figures.counting import ALLOWED, ANONYMOUS, LOGGED_IN, NOT_ASKED, Counts
from menshen.gateway.answer import Answer, answer_allow, answer_login, answer_redirect, answer_refusal
from menshen.gateway.codes import LoggedIn
from menshen.gateway.decide import IsRevoked, RouteTable, admit, decide
from menshen.gateway.decision import Allow, Deny, Exchange, Load
from menshen.gateway.identity import Identities
from menshen.gateway.issue import Caller
from menshen.gateway.plugin_steps import RoutePlugins
from menshen.gateway.request import AuthRequest, RequestLine
from menshen.gateway.shown_user import ShownUser
from menshen.gateway.traced import note_answer
from menshen.gateway.wire import (
    AUTHZ_PREFIX,
    BODY_LIMIT,
    HEADER_PARTIAL_BODY,
    HEADER_RECEIVED,
    HEADER_REQUEST_ID,
    HEADER_ROUTE,
    HEADER_TRACE,
    HEALTH_PATH,
    to_wire,
)
from menshen.platforms.base import Platform
from menshen.platforms.registry import PLATFORMS
from menshen.sessions.claims import SessionClaims
from menshen.sessions.loading import ReferenceLoader
from menshen.sessions.seen import SeenLog
from menshen.sessions.states import States
from menshen.spans import NO_SPANS, Spans
from menshen.web.received import caller_of, seconds_of

__all__ = ["AdmitsFirst", "AuthorizationEndpoint", "BrainState", "LogsIn", "ShowsUsers"]

_PREFIX = AUTHZ_PREFIX.encode()
_ROUTE = HEADER_ROUTE.encode()
_RECEIVED = HEADER_RECEIVED.encode()
_REQUEST_ID = HEADER_REQUEST_ID.encode()
_PARTIAL = HEADER_PARTIAL_BODY.encode()
_TRACE = HEADER_TRACE.encode()
_LENGTH = b"content-length"

log = logging.getLogger("menshen.authorization")


class LogsIn(Protocol):
    async def log_in(self, login: Exchange, states: States, caller: Caller, rules: Snapshot) -> LoggedIn: ...

    async def refused(self, plugin: LoginPlugin, refusal: Refusal, caller: Caller) -> None: ...

    async def take_back(self, claims: SessionClaims) -> None: ...


class ShowsUsers(Protocol):
    """What a reply may say of the user."""

    async def find(self, uid: str, client_api: str) -> ShownUser: ...


class AdmitsFirst(Protocol):
    """Guards in front of the login."""

    async def admit(self, route: Route, request: AuthRequest, line: RequestLine) -> AuthRequest: ...


@dataclass(frozen=True, slots=True)
class BrainState:
    """What decisions are made with. Replaced whole when a revision or a key ring changes.

    ``snapshots`` are those that Envoy may still be running, by checksum.
    """

    routes: RouteTable
    snapshots: Mapping[str, Snapshot]
    states: States
    identities: Identities
    plugins: Mapping[str, RoutePlugins] = field(default_factory=dict)
    """Of the installation's own types, by Envoy's stamp; of every route that has some."""


class AuthorizationEndpoint:
    """``state`` is None until the node has sent the first snapshot: every request is refused till then."""

    def __init__(
        self,
        guards: AdmitsFirst,
        login: LogsIn,
        users: ShowsUsers,
        loader: ReferenceLoader,
        is_revoked: IsRevoked,
        seen: SeenLog,
        clock: Callable[[], float],
        state: BrainState | None = None,
        spans: Spans = NO_SPANS,
        counts: Counts | None = None,
        *,
        adapters: Mapping[str, Platform] = PLATFORMS,
    ) -> None:
        self.state = state
        self._adapters = adapters
        self._decisions = (counts or Counts()).decisions
        self._guards = guards
        self._login = login
        self._users = users
        self._loader = loader
        self._is_revoked = is_revoked
        self._seen = seen
        self._clock = clock
        self._spans = spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if not path.startswith(AUTHZ_PREFIX):
            status = 200 if path == HEALTH_PATH and self.state is not None else 503
            answer = Answer(path == HEALTH_PATH, status, [])
        else:
            answer = await self.answer(scope, receive, dict(scope["headers"]))
        status = answer.status if answer.passes else to_wire(answer.status)
        await send({"type": "http.response.start", "status": status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    def answer(self, scope: Scope, receive: Receive, headers: dict[bytes, bytes]) -> Awaitable[Answer]:
        """What becomes of a request, for whoever asks and however it is told. It never raises."""
        return (self._traced if self._spans.on else self._answer)(scope, receive, headers)

    async def _traced(self, scope: Scope, receive: Receive, headers: dict[bytes, bytes]) -> Answer:
        with self._spans.of(headers.get(_TRACE, b""), "decide") as span:
            answer = await self._answer(scope, receive, headers)
            span.note("menshen.route", headers.get(_ROUTE, b"").decode("latin-1").rpartition("@")[0])
            note_answer(span, answer)
            return answer

    async def _answer(self, scope: Scope, receive: Receive, headers: dict[bytes, bytes]) -> Answer:
        request_id = headers.get(_REQUEST_ID, b"").decode("latin-1")
        try:
            answer = await self._decide(scope, receive, headers, request_id)
        except DatabaseUnavailable as error:
            # Nobody can say whether this login or reference is good, so it is not (security rule 4).
            log.warning("database_unavailable", extra={"request_id": request_id, "why": str(error)})
            answer = answer_refusal(BrainUnavailable(), request_id, self._plugin(headers))
        except Exception:
            # Fail closed, whatever it was (security rule 4).
            log.exception("decision_failed", extra={"request_id": request_id})
            answer = answer_refusal(InternalFault(), request_id, self._plugin(headers))
        if answer.reason:
            self._decisions[answer.reason] += 1
        return answer

    def _plugin(self, headers: Mapping[bytes, bytes]) -> LoginPlugin | None:
        """The login plugin of the route that is asked about, None where it has none or is not known."""
        route = self.state.routes.get(headers.get(_ROUTE, b"").decode("latin-1")) if self.state is not None else None
        return None if route is None else route.login

    async def _decide(self, scope: Scope, receive: Receive, headers: dict[bytes, bytes], request_id: str) -> Answer:
        state = self.state
        if state is None:
            return answer_refusal(BrainUnavailable(), request_id)
        now = self._clock()
        stamp = headers.get(_ROUTE, b"").decode("latin-1")
        route = state.routes.get(stamp)
        body, too_long = None, False
        if headers.get(_LENGTH, b"0") != b"0":
            signed = None if route is None else route.key_pair
            limit = BODY_LIMIT if signed is None else max(BODY_LIMIT, signed.body_limit)
            body = await _body(receive, limit)
            too_long = len(body) > limit
        request = AuthRequest(
            route=stamp,
            headers=headers,
            query=scope["query_string"],
            body=body,
            body_partial=too_long or headers.get(_PARTIAL) == b"true",
            request_id=request_id,
            received=seconds_of(headers.get(_RECEIVED), now),
        )
        if route is not None and (route.key_pair is not None or route.oauth is not None):
            try:
                request = await self._guards.admit(route, request, _line(scope, headers))
            except Refusal as refused:
                return _guarded(route, refused, request_id)
            now = self._clock()  # a checker has its time, in which a login state may have run out
        decision = decide(request, state.routes, state.states.open, self._is_revoked, now, self._adapters)
        if isinstance(decision, Load):
            decision = await self._loaded(decision, now)
        match decision:
            case Allow() as allow:
                claims, renewed = allow.claims, allow.renewed
                if allow.route.custom:
                    try:
                        request = state.plugins[stamp].admit(request, _line(scope, headers), claims, now)
                    except Refusal as refused:
                        return answer_refusal(refused, request_id, allow.route.login)
                if renewed is not None:
                    state.states.renewed(allow.state, renewed)
                    self._seen.renewed(renewed, now)
                elif claims is not None:
                    self._seen.used(claims, now)
                answer = answer_allow(allow, request, state.states, state.identities, now)
                if claims is not None:
                    self._decisions[ALLOWED] += 1
                else:
                    self._decisions[NOT_ASKED if allow.route.login is None else ANONYMOUS] += 1
                return answer
            case Deny(RouteStale() as refusal):
                log.warning("route_stale", extra={"request_id": request_id, "stamp": request.route[:200]})
                return answer_refusal(refusal, request_id)
            case Deny(refusal, route):
                plugin = route.login if route else None
                if plugin is not None and isinstance(refusal, CodeMalformed | ClientSentSecret):
                    # It was to be a login, so it is in the login log: the operator learns that the secret is out.
                    await self._login.refused(plugin, refusal, caller_of(request))
                return answer_refusal(refusal, request_id, plugin)
            case Exchange() as exchange:
                return await self._log_in(exchange, request, state, scope)

    async def _loaded(self, load: Load, now: float) -> Allow | Deny:
        route = load.route
        plugin = route.login
        if plugin is None:
            raise ValueError(f"route {route.id} has no login plugin")
        try:
            claims = await self._loader.load(load.state, now)
        except Refusal as refusal:
            return Deny(refusal, route)
        return admit(route, plugin, claims, load.state, self._is_revoked, now)

    async def _log_in(self, exchange: Exchange, request: AuthRequest, state: BrainState, scope: Scope) -> Answer:
        route = exchange.route
        plugin = route.login
        if plugin is None:
            raise ValueError(f"route {route.id} has no login plugin")
        try:
            rules = state.snapshots[request.route.rpartition("@")[2]]
            logged_in = await self._login.log_in(exchange, state.states, caller_of(request), rules)
        except Refusal as refusal:
            # A client's own fault is not the operator's news, and must not be a way to fill the log.
            log.log(
                logging.INFO if refusal.who == "client" else logging.WARNING,
                "login_refused",
                extra={
                    "request_id": request.request_id,
                    "route": route.id,
                    "app": plugin.app.name,
                    "reason": refusal.reason,
                    "platform_errcode": refusal.platform_errcode,
                    "detail": refusal.detail,
                },
            )
            return answer_refusal(refusal, request.request_id, plugin)
        now = self._clock()
        if route.custom:
            try:
                line = _line(scope, request.headers)
                request = state.plugins[request.route].admit(request, line, logged_in.claims, now)
            except Refusal as refusal:
                # Nobody has the state of this session yet, but for requests that brought the same code beside this.
                await self._login.take_back(logged_in.claims)
                return answer_refusal(refusal, request.request_id, plugin)
        user = None
        if plugin.tells_user:
            try:
                user = await self._users.find(logged_in.claims.sub, rules.listener.client_api)
            except Refusal as refusal:  # banned or closed a moment ago, and his sessions with it
                return answer_refusal(refusal, request.request_id, plugin)
        answer = answer_login(route, plugin, logged_in, request, state.states, state.identities, now, user)
        self._decisions[LOGGED_IN] += 1
        return answer


def _line(scope: Scope, headers: Mapping[bytes, bytes]) -> RequestLine:
    path: bytes = scope["raw_path"]
    return RequestLine(scope["method"].encode(), headers.get(b"host", b""), path.removeprefix(_PREFIX))


def _guarded(route: Route, refusal: Refusal, request_id: str) -> Answer:
    """What a guard's refusal comes to. Only who has no good token is sent elsewhere, not who cannot be judged."""
    log.log(
        logging.INFO if refusal.who == "client" else logging.WARNING,
        "guard_refused",
        extra={"request_id": request_id, "route": route.id, "reason": refusal.reason, "detail": refusal.detail},
    )
    if route.oauth is not None and route.oauth.redirect and isinstance(refusal, TokenRefused | TokenMissing):
        return answer_redirect(refusal, request_id, route.oauth.redirect)
    return answer_refusal(refusal, request_id, route.login)


async def _body(receive: Receive, limit: int) -> bytes:
    """The body that Envoy handed over; Envoy caps it, and so does this, for callers that are not Envoy."""
    body = bytearray()
    while len(body) <= limit:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return bytes(body[: limit + 1])
