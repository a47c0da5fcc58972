"""The user API as an ASGI application: from a request of Envoy's to an endpoint, and every fault to an answer.

Only Envoy reaches it, at ``/api/<snapshot checksum>/<path>``. It has chosen path and method already; both are looked up
here once more, since nothing may depend on who is in front.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from starlette.types import Receive, Scope, Send

from menshen.errors import (
    BodyTooLarge,
    BrainUnavailable,
    DatabaseUnavailable,
    InternalFault,
    MalformedRequest,
    MethodNotAllowed,
    NoSuchRoute,
    RefreshReused,
    Refusal,
    RouteStale,
)
from menshen.figures.counting import DONE, Counts
from menshen.gateway.answer import Answer
from menshen.gateway.bearers import Bearers
from menshen.gateway.request import AuthRequest
from menshen.gateway.traced import note_answer
from menshen.gateway.wire import API_PREFIX, BODY_LIMIT, HEADER_RECEIVED, HEADER_REQUEST_ID, HEADER_TRACE
from menshen.spans import NO_SPANS, Spans
from menshen.web.authorization import BrainState
from menshen.web.received import caller_of, seconds_of
from menshen.web.user_api.call import Call, Upload, plugins_of, read_body, refuse_secrets
from menshen.web.user_api.endpoint import OWN_WIRE, Endpoint, Wire

__all__ = ["UserApi"]

_REQUEST_ID = HEADER_REQUEST_ID.encode()
_RECEIVED = HEADER_RECEIVED.encode()
_TRACE = HEADER_TRACE.encode()

log = logging.getLogger("menshen.user_api")


class UserApi:
    """``state`` gives what the authorization endpoint decides with, None before there is a snapshot."""

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        bearers: Bearers,
        state: Callable[[], BrainState | None],
        clock: Callable[[], float],
        spans: Spans = NO_SPANS,
        counts: Counts | None = None,
    ) -> None:
        self._counted = (counts or Counts()).api
        self._table: dict[str, dict[str, Endpoint]] = {}
        for endpoint in endpoints:
            self._table.setdefault(endpoint.path, {})[endpoint.method] = endpoint
        self._bearers = bearers
        self._state = state
        self._clock = clock
        self._spans = spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        with self._spans.of(headers.get(_TRACE, b""), self._called(scope)) as span:
            answer = await self._answered(scope, receive, headers)
            note_answer(span, answer)
        self._counted[answer.reason or DONE] += 1
        length = (b"content-length", b"%d" % len(answer.body))
        await send({"type": "http.response.start", "status": answer.status, "headers": [*answer.headers, length]})
        await send({"type": "http.response.body", "body": answer.body})

    def _called(self, scope: Scope) -> str:
        """The call's name in a trace: of the table, without what stands behind a folder."""
        path = _below(scope["path"])[1]
        known = path if path in self._table else f"{path.rpartition('/')[0]}/"
        return f"{scope['method']} {known}" if scope["method"] in self._table.get(known, ()) else "call"

    async def _answered(self, scope: Scope, receive: Receive, headers: Mapping[bytes, bytes]) -> Answer:
        request_id = headers.get(_REQUEST_ID, b"").decode("latin-1")
        refused = self._wire(_below(scope["path"])[1]).refused
        try:
            return await self._answer(scope, receive, headers, request_id)
        except Refusal as refusal:
            _note(refusal, scope["method"], scope["path"], request_id)
            return refused(refusal, request_id)
        except DatabaseUnavailable as error:
            # Nobody can say whether this caller or login is good, so it is not (security rule 4).
            log.warning("database_unavailable", extra={"request_id": request_id, "why": str(error)})
            return refused(BrainUnavailable(), request_id)
        except Exception:
            log.exception("call_failed", extra={"request_id": request_id})
            return refused(InternalFault(), request_id)

    async def _answer(self, scope: Scope, receive: Receive, headers: Mapping[bytes, bytes], request_id: str) -> Answer:
        state = self._state()
        if state is None:
            raise BrainUnavailable
        checksum, path = _below(scope["path"])
        snapshot = state.snapshots.get(checksum)
        if snapshot is None:
            raise RouteStale
        endpoint, rest = self._endpoint(scope["method"], path)
        now = self._clock()
        request = AuthRequest(
            route=f"{endpoint.method} {endpoint.path}",
            headers=headers,
            query=scope["query_string"],
            body=None if endpoint.body == "upload" else await _whole(receive),
            request_id=request_id,
            received=seconds_of(headers.get(_RECEIVED), now),
        )
        plugins = plugins_of(snapshot)
        refuse_secrets(request, (plugin.app for plugin in plugins))
        whose = None
        if endpoint.needs == "state":
            whose = await self._bearers.valid(request, plugins, state.states, now, endpoint.wire.find)
        call = Call(request, rest, snapshot, plugins, state.states, caller_of(request), now, whose)
        if endpoint.body is None or endpoint.body == "xml":
            return await endpoint.work(call, None)
        sent = _chunks(receive) if endpoint.body == "upload" else read_body(request, endpoint.body)
        return await endpoint.work(call, sent)

    def _wire(self, path: str) -> Wire:
        """What a client of this path understands, before it is known whether there is such a call."""
        return next((endpoint.wire for endpoint in self._table.get(path, {}).values()), OWN_WIRE)

    def _endpoint(self, method: str, path: str) -> tuple[Endpoint, str]:
        """The endpoint, and what stands behind a path that ends in a slash."""
        rest = ""
        methods = self._table.get(path)
        if methods is None and "/" in path:
            folder, _, rest = path.rpartition("/")
            methods = self._table.get(f"{folder}/")
        if methods is None:
            raise NoSuchRoute
        if method not in methods:
            raise MethodNotAllowed
        return methods[method], rest


def _headers(scope: Scope) -> dict[bytes, bytes]:
    """Repeated ones joined, as Envoy joins them for a question: two of a kind must not look like one."""
    headers: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        glue = b"; " if name == b"cookie" else b","
        headers[name] = headers[name] + glue + value if name in headers else value
    return headers


def _below(path: str) -> tuple[str, str]:
    """The checksum and the endpoint's path in what Envoy asks for."""
    checksum, _, rest = path.removeprefix(f"{API_PREFIX}/").partition("/")
    return checksum, rest


async def _whole(receive: Receive) -> bytes | None:
    """A body of at most ``BODY_LIMIT`` bytes. Raises ``BodyTooLarge`` without reading on."""
    body = b""
    async for chunk in _chunks(receive):
        body += chunk
        if len(body) > BODY_LIMIT:
            raise BodyTooLarge
    return body or None


async def _chunks(receive: Receive) -> Upload:
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise MalformedRequest("the client went away before its body had come")
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


def _note(refusal: Refusal, method: str, path: str, request_id: str) -> None:
    """A client's own fault is not the operator's news, and must not be a way to fill the log."""
    extra = {
        "request_id": request_id,
        "call": f"{method} {_below(path)[1]}"[:100],
        "reason": refusal.reason,
        "platform_errcode": refusal.platform_errcode,
        "detail": refusal.detail,
    }
    if isinstance(refusal, RefreshReused):
        # Somebody else had the token, before or now: the operator should know whose session it was.
        log.warning("refresh_reused", extra={"request_id": request_id, "session": refusal.detail})
    else:
        log.log(logging.INFO if refusal.who == "client" else logging.WARNING, "call_refused", extra=extra)
