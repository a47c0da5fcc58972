"""The door for other proxies than our Envoy: may this request pass, and the user API.

Whoever is in front has chosen the route, and says so in a header that counts only beside the installation's secret.
Everything behind is what Envoy's questions go through as well.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

from menshen.config.carried import carried
from menshen.config.shape import identity_names, only_envoy, shape
from menshen.config.snapshot import Route, Snapshot
from menshen.errors import MalformedRequest, Refusal, RouteStale
from menshen.gateway.answer import Answer, answer_refusal
from menshen.gateway.forward_auth import Dialect, told, with_request
from menshen.gateway.wire import (
    API_PREFIX,
    AUTHZ_PREFIX,
    HEADER_CLIENT,
    HEADER_METHOD,
    HEADER_PROXY,
    HEADER_REQUEST_ID,
    HEADER_ROUTE,
    HEADER_SENT_SECRET,
    HEADER_URI,
    SECRET_HEADERS,
    stamp,
)
from menshen.secret import Secret
from menshen.web.authorization import AuthorizationEndpoint, BrainState

__all__ = ["VERIFY_PATHS", "VerifyEndpoint"]

VERIFY_PATHS: Final[Mapping[str, Dialect]] = {"/verify": "plain", "/verify/nginx": "nginx"}
_OWN: Final = b"x-menshen-"
_KEPT: Final = (HEADER_ROUTE.encode(), HEADER_CLIENT.encode())
_SECRETS: Final = tuple(name.encode() for name in SECRET_HEADERS)

log = logging.getLogger("menshen.verify")


class VerifyEndpoint:
    """``authorization`` decides, ``user_api`` serves; ``secret`` is what proxies must know."""

    def __init__(self, authorization: AuthorizationEndpoint, user_api: ASGIApp, secret: Secret) -> None:
        self._authorization = authorization
        self._user_api = user_api
        self._secret = secret.reveal().encode()
        self._known = _known(None)
        self._read: BrainState | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _joined(scope)
        path: str = scope["path"]
        # Joined with a client's own copy, where a proxy appended instead of setting, it is another text: refused.
        if not hmac.compare_digest(headers.get(HEADER_PROXY.encode(), b""), self._secret):
            await _send(send, Answer(False, 403, []))
            return
        dialect = VERIFY_PATHS.get(path)
        if dialect is not None:
            await _send(send, told(await self._answer(scope, receive, headers), dialect))
            return
        forms = self._forms()
        base = f"{self._known.base}/"
        if not path.startswith(base) or base == "/":
            await _send(send, Answer(False, 404, []))
            return
        newest = next(iter(forms.values())).checksum
        await self._call(f"{API_PREFIX}/{newest}/{path.removeprefix(base)}", scope, receive, send, headers)

    async def _answer(self, scope: Scope, receive: Receive, headers: Mapping[bytes, bytes]) -> Answer:
        request_id = headers.get(HEADER_REQUEST_ID.encode(), b"").decode("latin-1")
        try:
            route, checksum = self._route(headers)
            asked = _asked(scope, headers)
        except Refusal as refusal:
            return answer_refusal(refusal, request_id)
        inner = {name: value for name, value in headers.items() if name in _KEPT or not name.startswith(_OWN)}
        inner[HEADER_ROUTE.encode()] = stamp(route.id, checksum).encode()
        inner[b"content-length"] = b"0"  # a question has no body, whatever its head says of the client's
        answer = await self._authorization.answer(asked, receive, inner)
        target = _without(headers[HEADER_URI.encode()], self._known.query[f"{route.group}@{checksum}"])
        if route.strip_prefix:
            target = _below(target, route.prefix)
        return with_request(answer, headers.get(b"cookie", b""), target, self._known.identity[checksum])

    def _route(self, headers: Mapping[bytes, bytes]) -> tuple[Route, str]:
        """The route that the proxy says, and the checksum of the snapshot it is of. Raises ``RouteStale``."""
        name, _, form = headers.get(HEADER_ROUTE.encode(), b"").decode("latin-1").rpartition("@")
        snapshot = self._forms().get(form)
        route = None if snapshot is None else self._known.routes.get(stamp(name, snapshot.checksum))
        if snapshot is None or route is None:
            log.warning("proxy_stale", extra={"route": name[:200], "shape": form[:32]})
            raise RouteStale
        missing = only_envoy(route)
        if missing:
            # What guards it is Envoy's to do: a proxy that asks all the same has a configuration of nobody's.
            log.warning("proxy_cannot", extra={"route": route.id, "needs": missing})
            raise RouteStale
        return route, snapshot.checksum

    def _forms(self) -> Mapping[str, Snapshot]:
        """The newest snapshot of each shape among those that are known. Worked out once for each state."""
        state = self._authorization.state
        if state is not self._read or state is None:
            self._read, self._known = state, _known(state)
        return self._known.forms

    async def _call(
        self, path: str, scope: Scope, receive: Receive, send: Send, headers: Mapping[bytes, bytes]
    ) -> None:
        """A call of the user API, with what Envoy would have added."""
        inner = {name: value for name, value in headers.items() if name in _KEPT or not name.startswith(_OWN)}
        sent = b"".join(headers.get(name, b"") for name in _SECRETS)
        inner = {name: value for name, value in inner.items() if name not in _SECRETS}
        if sent:
            inner[HEADER_SENT_SECRET.encode()] = sent
        call = {**scope, "path": path, "raw_path": path.encode(), "headers": list(inner.items())}
        await self._user_api(call, receive, send)


@dataclass(frozen=True, slots=True)
class _Known:
    """Of a state: where the newest has the user API, snapshots by shape, routes by stamp, by group and checksum the
    query parameters that are credentials, by checksum the names of all identity headers."""

    base: str
    forms: Mapping[str, Snapshot]
    routes: Mapping[str, Route]
    query: Mapping[str, frozenset[bytes]]
    identity: Mapping[str, tuple[str, ...]]


def _known(state: BrainState | None) -> _Known:
    if state is None:
        return _Known("", {}, {}, {}, {})
    forms: dict[str, Snapshot] = {}
    query: dict[str, frozenset[bytes]] = {}
    for snapshot in state.snapshots.values():  # the newest first
        forms.setdefault(shape(snapshot), snapshot)
        for group in {route.group for route in snapshot.routes}:
            names = carried(route for route in snapshot.routes if route.group == group).query
            query[f"{group}@{snapshot.checksum}"] = frozenset(name.encode() for name in names)
    identity = {checksum: identity_names(snapshot) for checksum, snapshot in state.snapshots.items()}
    base = next((snapshot.listener.client_api for snapshot in state.snapshots.values()), "")
    return _Known(base.rstrip("/"), forms, state.routes, query, identity)


def _asked(scope: Scope, headers: Mapping[bytes, bytes]) -> Scope:
    """The client's request as Envoy would have asked about it. Raises ``MalformedRequest``."""
    target, method = headers.get(HEADER_URI.encode(), b""), headers.get(HEADER_METHOD.encode(), b"")
    if not target.startswith(b"/") or not method.isalpha() or b"#" in target:
        raise MalformedRequest
    path, _, query = target.partition(b"?")
    raw = AUTHZ_PREFIX.encode() + path
    return {
        **scope,
        "method": method.decode(),
        "path": raw.decode("latin-1"),
        "raw_path": raw,
        "query_string": query,
    }


def _without(target: bytes, names: frozenset[bytes]) -> bytes:
    """Path and query without these parameters; every other byte stays as the client wrote it."""
    path, mark, query = target.partition(b"?")
    if not mark or not names:
        return target
    kept = [part for part in query.split(b"&") if unquote_to_bytes(part.partition(b"=")[0]) not in names]
    return path + (b"?" + b"&".join(kept) if kept else b"")


def _below(target: bytes, prefix: str) -> bytes:
    """What stands behind a prefix. By segments: a client may have escaped letters of it, and never a slash."""
    path, mark, query = target.partition(b"?")
    kept = path.split(b"/")[prefix.rstrip("/").count("/") + 1 :]
    return b"/" + b"/".join(kept) + mark + query


def _joined(scope: Scope) -> dict[bytes, bytes]:
    """Repeated headers joined, as Envoy joins them: two of a kind must not look like one."""
    headers: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        glue = b"; " if name == b"cookie" else b","
        headers[name] = headers[name] + glue + value if name in headers else value
    return headers


async def _send(send: Send, answer: Answer) -> None:
    length = (b"content-length", b"%d" % len(answer.body))
    await send({"type": "http.response.start", "status": answer.status, "headers": [*answer.headers, length]})
    await send({"type": "http.response.body", "body": answer.body})
