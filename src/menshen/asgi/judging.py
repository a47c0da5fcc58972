"""One request through the middleware: found, judged by the brain, and handed to the application as to a backend."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from menshen.asgi.arrival import Arrival, Headers, arrival_of, joined
from menshen.asgi.door import Closed, Door, Open, Own
from menshen.asgi.replayed import Replayed, whole
from menshen.envoy.forwarded import forwarded_target
from menshen.errors import BrainUnavailable, InternalFault, MalformedRequest
from menshen.gateway.answer import Answer, answer_refusal
from menshen.gateway.wire import (
    AUTHZ_PREFIX,
    HEADER_CLIENT,
    HEADER_RECEIVED,
    HEADER_REQUEST_ID,
    HEADER_ROUTE,
    HEADER_SENT_SECRET,
    SECRET_HEADERS,
    stamp,
)
from menshen.sessions.claims import RandomBytes
from menshen.web.authorization import AuthorizationEndpoint

__all__ = ["Judging"]

_REMOVE = b"x-envoy-auth-headers-to-remove"
_REQUEST_ID = HEADER_REQUEST_ID.encode()
_ROUTE, _RECEIVED, _CLIENT = HEADER_ROUTE.encode(), HEADER_RECEIVED.encode(), HEADER_CLIENT.encode()
_NO_UPGRADE = 403
"""As Envoy answers a WebSocket where none is taken."""

log = logging.getLogger("menshen.asgi")


@dataclass(frozen=True, slots=True)
class _Passed:
    """What the application is called with, and the headers that its answer gets."""

    scope: Scope
    receive: Receive
    to_client: Headers = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request with what the gateway knows of it."""

    scope: Scope
    receive: Receive
    door: Door
    arrival: Arrival
    id: str
    received: float


class Judging:
    """``door`` gives the revision that runs, None while there is none: every request is refused then.

    ``clock`` gives Unix seconds, ``random`` OS randomness.
    """

    def __init__(
        self,
        app: ASGIApp,
        authorization: AuthorizationEndpoint,
        user_api: ASGIApp,
        door: Callable[[], Door | None],
        clock: Callable[[], float],
        random: RandomBytes,
    ) -> None:
        self._app = app
        self._authorization = authorization
        self._user_api = user_api
        self._door = door
        self._clock = clock
        self._random = random

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = _numbered(self._random(16))
        try:
            outcome = await self._judged(scope, receive, request_id)
        except Exception:
            # Fail closed, whatever it was (security rule 4).
            log.exception("request_not_judged", extra={"request_id": request_id})
            outcome = answer_refusal(InternalFault(), request_id)
        if outcome is None:
            return
        if isinstance(outcome, Answer):
            await refuse(scope, receive, send, outcome)
        elif isinstance(outcome, _Passed):
            await self._app(outcome.scope, outcome.receive, _telling(send, outcome.to_client))
        else:
            await self._user_api(outcome, receive, send)

    async def _judged(self, scope: Scope, receive: Receive, request_id: str) -> Answer | _Passed | Scope | None:
        """An answer of the gateway's, what goes on to the application, a call of the gateway's own API, or None where
        the client is gone."""
        door = self._door()
        if door is None:
            return answer_refusal(BrainUnavailable(), request_id)
        if scope.get("raw_path") is None:
            # Nobody can say any more what was %2F and what a slash.
            log.error("no_raw_path", extra={"request_id": request_id})
            return answer_refusal(InternalFault(), request_id)
        arrival = arrival_of(scope, door.stripped, door.snapshot.listener.trusted_hops)
        if arrival is None:
            return answer_refusal(MalformedRequest(), request_id)
        found = door.find(arrival)
        if isinstance(found, Closed):
            return _with(answer_refusal(found.refusal, request_id), found.headers)
        asked = _Asked(scope, receive, door, arrival, request_id, self._clock())
        if isinstance(found, Own):
            return _no_upgrade(asked) or _call(asked, found)
        if not found.route.asks_brain:
            unset = [(name.encode(), b"") for name in found.route.identity_headers]
            return _handed(asked, found, receive, Answer(True, 200, unset))
        if found.route.key_pair is not None and (refused := _no_upgrade(asked)):
            # A handshake is all that a key pair could sign of it.
            return refused
        return await self._asked(asked, found)

    async def _asked(self, asked: _Asked, found: Open) -> Answer | _Passed | None:
        replayed, body = Replayed(asked.receive), b""
        if found.body_bytes and asked.scope["type"] == "http":
            read = await replayed.first(found.body_bytes)
            if read is None:
                return None
            body = read
        question = _question(asked, found, body)
        answer = await self._authorization.answer(question, whole(body), dict(question["headers"]))
        return _handed(asked, found, replayed, answer) if answer.passes else answer


def _question(asked: _Asked, found: Open, body: bytes) -> Scope:
    """What Envoy asks about a request, and no header more: the brain decides by the same."""
    shown = asked.door.asked
    headers = joined([header for header in asked.arrival.headers if header[0] in shown])
    headers |= _known(asked)
    headers[_ROUTE] = stamp(found.route.id, asked.door.snapshot.checksum).encode()
    headers[b"content-length"] = b"%d" % len(body)
    return {
        "type": "http",
        "method": asked.arrival.method,
        "path": AUTHZ_PREFIX + asked.arrival.path,
        "raw_path": (AUTHZ_PREFIX + asked.arrival.path).encode("latin-1"),
        "query_string": asked.arrival.query.encode("latin-1"),
        "headers": list(headers.items()),
    }


def _known(asked: _Asked) -> dict[bytes, bytes]:
    return {
        _RECEIVED: f"{asked.received:.6f}".encode(),
        _CLIENT: asked.arrival.client.encode("latin-1", "replace"),
        _REQUEST_ID: asked.id.encode(),
    }


def _handed(asked: _Asked, found: Open, receive: Receive, answer: Answer) -> Answer | _Passed:
    """The request as a backend behind Envoy has it: identity set, credentials taken off, the path that matched."""
    target = forwarded_target(found.entry, asked.arrival.target)
    if target is None:
        return answer_refusal(MalformedRequest(), asked.id)
    door = asked.door
    told = [(name, value) for name, value in answer.headers if door.to_backend(name)]
    told.append((_REQUEST_ID, asked.id.encode()))
    removed = {name for header, names in answer.headers if header == _REMOVE for name in names.split(b",")}
    gone = found.taken_off | {name for name, _ in told} | removed
    left = [(name, value) for name, value in asked.arrival.headers if name not in gone]
    told = [(name, value) for name, value in told if name not in found.taken_off]
    path, _, query = target.partition("?")
    scope = {
        **asked.scope,
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": [*left, *told],
    }
    return _Passed(scope, receive, [(name, value) for name, value in answer.headers if name in door.to_client])


def _call(asked: _Asked, own: Own) -> Scope:
    """A call of the user API as Envoy hands it over."""
    sent = joined(asked.arrival.headers)
    headers = [(name, value) for name, value in asked.arrival.headers if name not in own.taken_off]
    headers += _known(asked).items()
    secret = b"".join(sent.get(name.encode(), b"") for name in SECRET_HEADERS)
    if secret:
        headers.append((HEADER_SENT_SECRET.encode(), secret))
    return {
        **asked.scope,
        "path": unquote(own.path),
        "raw_path": own.path.encode("latin-1"),
        "query_string": asked.arrival.query.encode("latin-1"),
        "headers": headers,
    }


def _numbered(random: bytes) -> str:
    """A UUID of version 4, which is what Envoy makes request ids of."""
    digits = random.hex()
    variant = "89ab"[random[8] & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _no_upgrade(asked: _Asked) -> Answer | None:
    if asked.scope["type"] == "http":
        return None
    answer = answer_refusal(MalformedRequest(), asked.id)
    return Answer(False, _NO_UPGRADE, answer.headers, answer.body, answer.reason)


def _with(answer: Answer, headers: tuple[tuple[bytes, bytes], ...]) -> Answer:
    return Answer(answer.passes, answer.status, [*answer.headers, *headers], answer.body, answer.reason)


def _telling(send: Send, headers: Headers) -> Send:
    """The application's answer with these headers besides its own."""
    if not headers:
        return send

    async def telling(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.accept"):
            message = {**message, "headers": [*message.get("headers", ()), *headers]}
        await send(message)

    return telling


async def refuse(scope: Scope, receive: Receive, send: Send, answer: Answer) -> None:
    """The gateway's own answer. To a handshake a server that cannot carry one says 403 (the ASGI specification)."""
    kind = "http"
    if scope["type"] == "websocket":
        if (await receive())["type"] != "websocket.connect":
            return
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": 1008})
            return
        kind = "websocket.http"
    headers = [*answer.headers, (b"content-length", b"%d" % len(answer.body))]
    await send({"type": f"{kind}.response.start", "status": answer.status, "headers": headers})
    await send({"type": f"{kind}.response.body", "body": answer.body})
