"""A call of the user API, and what is strict about every one of them.

A body is JSON and says so: a page of another site can send forms and plain text with a user's cookies, JSON it cannot
(CSRF). A field that comes twice could be read one way here and another way by a filter in front (attack class 28).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from menshen.config.snapshot import App, LoginPlugin, Snapshot
from menshen.errors import AmbiguousCredential, BodyMalformed, CallMalformed, ClientSentSecret, SessionMissing
from menshen.gateway.bearers import Bearer
from menshen.gateway.credentials import body_fields, find_any_state
from menshen.gateway.issue import Caller
from menshen.gateway.request import AuthRequest
from menshen.gateway.wire import HEADER_SENT_SECRET, SECRET_HEADERS
from menshen.secret import Secret
from menshen.sessions.states import States

__all__ = ["Body", "Call", "Upload", "plugins_of", "read_body", "refuse_secrets", "secret_text"]

Upload = AsyncIterator[bytes]
"""The body of a call that is no JSON, as it comes. Who reads it knows how much is too much."""

_LONGEST_SECRET = 1024
_SHORTEST_SECRET = 8


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a call. Its values are a client's to know: they are in no repr."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"


@dataclass(frozen=True, slots=True)
class Call:
    """One call. ``rest`` is what stands behind a path that ends in a slash; ``now`` in Unix seconds.

    ``whose`` is None at endpoints that need no login state.
    """

    request: AuthRequest
    rest: str
    snapshot: Snapshot
    plugins: tuple[LoginPlugin, ...]
    states: States
    caller: Caller
    now: float
    whose: Bearer | None

    @property
    def bearer(self) -> Bearer:
        """Whose login state came with it. Raises RuntimeError at an endpoint that was declared to need none."""
        if self.whose is None:
            raise RuntimeError("an endpoint without a login state asks whose it is")
        return self.whose

    def plugin(self, app: str) -> LoginPlugin:
        """The login plugin of an app; of an app with several, the first in the document.

        ``app`` may be "" where one app alone can be logged in at. Raises ``CallMalformed``.
        """
        apps = {plugin.app.name for plugin in self.plugins}
        if not app and len(apps) == 1:
            app = next(iter(apps))
        for plugin in self.plugins:
            if plugin.app.name == app:
                return plugin
        raise CallMalformed("no such app, or none was said and there are several")

    @property
    def presented(self) -> bytes | None:
        """A login state that came with a login: its session does not outlive it (attack class 27).

        Raises ``AmbiguousCredential`` for two.
        """
        try:
            return find_any_state(self.request, self.plugins)[1]
        except SessionMissing:
            return None


def plugins_of(snapshot: Snapshot) -> tuple[LoginPlugin, ...]:
    """Every plugin that is bound somewhere, once, in the order of the document."""
    found = {route.login.name: route.login for route in snapshot.routes if route.login is not None}
    return tuple(found.values())


def secret_text(kind: type, value: Any) -> Any:
    """``dec_hook``: a text that no repr shows."""
    if kind is Secret and isinstance(value, str) and len(value) <= _LONGEST_SECRET:
        return Secret(value)
    raise TypeError("not such a text")


B = TypeVar("B", bound=Body)


def read_body(request: AuthRequest, kind: type[B]) -> B:
    """The body as this Struct; no body at all is an empty object.

    Raises ``CallMalformed``, ``BodyMalformed``, ``BodyTooLarge``, and ``AmbiguousCredential`` for a field that is there
    twice.
    """
    if request.body and _media(request) != b"application/json":
        raise CallMalformed("not application/json")
    names = [name for name, _ in body_fields(request) or ()]
    if len({*names}) != len(names):
        raise AmbiguousCredential("a field twice")
    try:
        return msgspec.json.decode(request.body or b"{}", type=kind, dec_hook=secret_text)
    except msgspec.ValidationError:
        # Not its text: it quotes the names, and may quote the values, that a client sent.
        raise CallMalformed("not the fields of this call") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BodyMalformed("not JSON in UTF-8") from None


def refuse_secrets(request: AuthRequest, apps: Iterable[App]) -> None:
    """Raise ``ClientSentSecret`` for a call with an AppSecret in it, by name or by value: it has leaked."""
    if HEADER_SENT_SECRET.encode() in request.headers:
        raise ClientSentSecret("in a header")
    if any(name.lower() in SECRET_HEADERS for name in _query_names(request.query)):
        raise ClientSentSecret("in the query")
    body = request.body or b""
    for app in apps:
        for value in (secret.reveal().encode() for secret in app.secrets):
            if len(value) >= _SHORTEST_SECRET and (value in body or value in request.query):
                raise ClientSentSecret("by value")
    if any(name.lower() in SECRET_HEADERS for name in _body_names(request)):
        raise ClientSentSecret("in the body")


def _media(request: AuthRequest) -> bytes:
    return request.headers.get(b"content-type", b"").split(b";", 1)[0].strip().lower()


def _body_names(request: AuthRequest) -> list[str]:
    """None where it is no JSON object: what is wrong with it is said when it is read."""
    if _media(request) != b"application/json":
        return []
    try:
        return [name for name, _ in body_fields(request) or ()]
    except BodyMalformed:
        return []


def _query_names(query: bytes) -> list[str]:
    try:
        return [name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=1000)]
    except ValueError:
        raise AmbiguousCredential("too many query parameters") from None
