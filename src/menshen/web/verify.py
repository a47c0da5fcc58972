"""The door for other proxies than our Envoy: may this request pass, and the user API.

Whoever is in front has chosen the route, and says so in a header that counts only beside the installation's secret.
Everything behind is what Envoy's questions go through as well.
"""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from msgspec.structs import replace
from starlette.types import ASGIApp, Receive, Scope, Send

from menshen.config.carried import carried
from menshen.config.shape import identity_names, only_envoy, returned_names, shape
from menshen.config.snapshot import Snapshot
from menshen.errors import (
    BrainUnavailable,
    MalformedRequest,
    MethodNotAllowed,
    NoSuchRoute,
    Refusal,
    RouteStale,
)
from menshen.gateway.answer import Answer, answer_refusal
from menshen.gateway.forward_auth import Dialect, numbered, told, with_request
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
from menshen.sessions.claims import RandomBytes
from menshen.web.authorization import AuthorizationEndpoint, BrainState
from menshen.web.questions import OWN_WORDS, VERIFY_PATHS, asked_by_nginx, forwarded, question_of

__all__ = ["VerifyEndpoint"]

_FOUND_BY_PROXY: Final[Mapping[str, type[Refusal]]] = {
    refusal.reason: refusal for refusal in (MalformedRequest, NoSuchRoute, MethodNotAllowed)
}
_METHODS: Final = re.compile(r"[A-Z]+(?:, ?[A-Z]+)*")
_OWN: Final = b"x-menshen-"
_OWN_LENGTH: Final = len(_OWN)
_QUERY, _FRAGMENT = b"?#"
_PROXY: Final = HEADER_PROXY.encode()
_ROUTE: Final = HEADER_ROUTE.encode()
_CLIENT: Final = HEADER_CLIENT.encode()
_METHOD: Final = HEADER_METHOD.encode()
_URI: Final = HEADER_URI.encode()
_REQUEST_ID: Final = HEADER_REQUEST_ID.encode()
_PREFIX: Final = AUTHZ_PREFIX.encode()
_SECRETS: Final = tuple(name.encode() for name in SECRET_HEADERS)

log = logging.getLogger("menshen.verify")


class VerifyEndpoint:
    """``authorization`` decides, ``user_api`` serves; ``secret`` is what proxies must know.

    ``random(n)`` gives n bytes of OS randomness: it names requests for proxies that do not.
    """

    def __init__(
        self,
        authorization: AuthorizationEndpoint,
        user_api: ASGIApp,
        secret: Secret,
        random: RandomBytes,
    ) -> None:
        self._authorization = authorization
        self._user_api = user_api
        self._secret = secret.reveal().encode()
        self._random = random
        self._known = _known(None)
        self._read: BrainState | None = None

    def _new_id(self) -> str:
        return self._random(16).hex()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        said, sent = _apart(scope)
        path: str = scope["path"]
        # Joined with a client's own copy, where a proxy appended instead of setting, it is another text: refused.
        if not hmac.compare_digest(said.get(_PROXY, b""), self._secret):
            worded = path.startswith(OWN_WORDS) and path not in VERIFY_PATHS
            await _send(send, answer_refusal(BrainUnavailable(), self._new_id()) if worded else Answer(False, 403, []))
            return
        dialect = VERIFY_PATHS.get(path)
        if dialect is not None:
            if dialect == "nginx":
                asked_by_nginx(said, sent)
            answer = told(await self._answer(receive, said, sent, dialect), dialect)
            await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
            await send({"type": "http.response.body", "body": answer.body})
            return
        forwarded(said, sent, self._new_id)
        if path.startswith(OWN_WORDS):
            await self._ask(scope, receive, send, said, sent)
            return
        known = self._current()
        base = f"{known.base}/"
        if not path.startswith(base) or base == "/":
            await _send(send, Answer(False, 404, []))
            return
        await self._call(f"{API_PREFIX}/{known.newest}/{path.removeprefix(base)}", scope, receive, send, said, sent)

    async def _ask(
        self, scope: Scope, receive: Receive, send: Send, said: dict[bytes, bytes], sent: dict[bytes, bytes]
    ) -> None:
        """A question of a proxy that has no words of its own."""
        request_id = _id(sent)
        question = question_of(scope, said, sent)
        if question.refused:
            answer = _refused(question.refused, request_id)
        else:
            answer = await self._answer(receive, said, sent, question.dialect)
        if answer.passes and question.dialect == "login":
            # Sent here for a code that is none: there is no backend behind this door.
            answer = answer_refusal(MalformedRequest(), request_id)
        await _send(send, told(answer, question.dialect, request_id, self._known.given))

    async def _answer(
        self, receive: Receive, said: Mapping[bytes, bytes], sent: dict[bytes, bytes], dialect: Dialect
    ) -> Answer:
        try:
            way = self._way(said.get(_ROUTE, b""))
            asked = _asked(said)
        except Refusal as refusal:
            return answer_refusal(refusal, _id(sent))
        cookie = sent.get(b"cookie", b"")
        sent[_ROUTE] = way.stamp
        sent[b"content-length"] = b"0"  # a question has no body, whatever its head says of the client's
        if _CLIENT in said:
            sent[_CLIENT] = said[_CLIENT]
        answer = await self._authorization.answer(asked, receive, sent)
        target = _without(said[_URI], way.query)
        target = _below(target, way.above) if way.above else target
        return with_request(answer, cookie, target, dialect, way.identity)

    def _way(self, stamp: bytes) -> _Way:
        """The route that the proxy says. Raises ``RouteStale``."""
        way = self._current().ways.get(stamp)
        if way is None:
            # In nginx's words at another's path it is a whole line, and a code may be in it, behind the first word.
            name, _, form = stamp.partition(b" ")[0].decode("latin-1").rpartition("@")
            log.warning("proxy_stale", extra={"route": name[:200], "shape": form[:32]})
            raise RouteStale
        if way.missing:
            # What guards it is Envoy's to do: a proxy that asks all the same has a configuration of nobody's.
            log.warning("proxy_cannot", extra={"route": way.stamp.decode().rpartition("@")[0], "needs": way.missing})
            raise RouteStale
        return way

    def _current(self) -> _Known:
        """Of the running state; worked out once for each."""
        state = self._authorization.state
        if state is not self._read:
            self._read, self._known = state, _known(state)
        return self._known

    async def _call(
        self,
        path: str,
        scope: Scope,
        receive: Receive,
        send: Send,
        said: Mapping[bytes, bytes],
        sent: Mapping[bytes, bytes],
    ) -> None:
        """A call of the user API, with what Envoy would have added."""
        inner = {name: value for name, value in sent.items() if name not in _SECRETS}
        if _CLIENT in said:
            inner[_CLIENT] = said[_CLIENT]
        secret = b"".join(sent.get(name, b"") for name in _SECRETS)
        if secret:
            inner[HEADER_SENT_SECRET.encode()] = secret
        call = {**scope, "path": path, "raw_path": path.encode(), "headers": list(inner.items())}
        await self._user_api(call, receive, send)


@dataclass(frozen=True, slots=True)
class _Way:
    """A route as a question about it needs it: Envoy's ``stamp``, the ``query`` parameters that are credentials,
    how many segments ``above`` it are taken off the path, the names of all ``identity`` headers with what nginx calls
    them, and what of it is ``missing`` in another proxy."""

    stamp: bytes
    query: frozenset[bytes]
    above: int
    identity: Mapping[bytes, bytes]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """Of a state: where the ``newest`` snapshot has the user API, ways by a proxy's stamp, ``route@shape``, and the
    names of all headers in which clients are ``given`` login states and refresh tokens."""

    base: str
    newest: str
    ways: Mapping[bytes, _Way]
    given: frozenset[bytes] = frozenset()


def _known(state: BrainState | None) -> _Known:
    snapshots = () if state is None else tuple(state.snapshots.values())  # the newest first
    if not snapshots:
        return _Known("", "", {})
    forms: dict[str, Snapshot] = {}
    for snapshot in snapshots:
        forms.setdefault(shape(snapshot), snapshot)
    ways = {stamp(name, form).encode(): way for form, snapshot in forms.items() for name, way in _ways(snapshot)}
    given = frozenset(name.encode() for snapshot in snapshots for name in returned_names(snapshot))
    return _Known(snapshots[0].listener.client_api.rstrip("/"), snapshots[0].checksum, ways, given)


def _ways(snapshot: Snapshot) -> Iterator[tuple[str, _Way]]:
    identity = numbered([name.encode() for name in identity_names(snapshot)])
    query: dict[str, frozenset[bytes]] = {}
    for group in {route.group for route in snapshot.routes}:
        names = carried(route for route in snapshot.routes if route.group == group).query
        query[group] = frozenset(name.encode() for name in names)
    for route in snapshot.routes:
        above = route.prefix.rstrip("/").count("/") if route.strip_prefix else 0
        own = stamp(route.id, snapshot.checksum).encode()
        yield route.id, _Way(own, query[route.group], above, identity, only_envoy(route))


def _id(sent: Mapping[bytes, bytes]) -> str:
    return sent.get(_REQUEST_ID, b"").decode("latin-1")


def _refused(found: str, request_id: str) -> Answer:
    """What a proxy has refused by itself, ``REASON`` or ``REASON/METHODS``, in the words of the contract."""
    reason, _, methods = found.partition("/")
    answer = answer_refusal(_FOUND_BY_PROXY.get(reason, NoSuchRoute)(), request_id)
    if not _METHODS.fullmatch(methods):  # a line end in it would be no header, and no answer either
        return answer
    return replace(answer, headers=[*answer.headers, (b"allow", methods.encode())])


def _asked(said: Mapping[bytes, bytes]) -> Scope:
    """What Envoy would have asked about the client's request. Raises ``MalformedRequest``."""
    target, method = said.get(_URI, b""), said.get(_METHOD, b"")
    if target[:1] != b"/" or not method.isalpha() or _FRAGMENT in target:
        raise MalformedRequest
    path, _, query = target.partition(b"?")
    return {"method": method.decode(), "raw_path": _PREFIX + path, "query_string": query}


def _without(target: bytes, names: frozenset[bytes]) -> bytes:
    """Path and query without these parameters; every other byte stays as the client wrote it."""
    if not names or _QUERY not in target:
        return target
    path, _, query = target.partition(b"?")
    kept = [part for part in query.split(b"&") if unquote_to_bytes(part.partition(b"=")[0]) not in names]
    return path + (b"?" + b"&".join(kept) if kept else b"")


def _below(target: bytes, above: int) -> bytes:
    """What stands behind a prefix of so many segments: a client may have escaped letters of it, and never a slash."""
    path, mark, query = target.partition(b"?")
    return b"/" + b"/".join(path.split(b"/")[above + 1 :]) + mark + query


def _apart(scope: Scope) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    """The proxy's own words, and what is the client's. Repeated headers are joined, as Envoy joins them: two of a kind
    must not look like one."""
    said: dict[bytes, bytes] = {}
    sent: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        headers = said if name[:_OWN_LENGTH] == _OWN else sent
        if name in headers:
            value = headers[name] + (b"; " if name == b"cookie" else b",") + value
        headers[name] = value
    return said, sent


async def _send(send: Send, answer: Answer) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})
