"""Decisions as other proxies than our Envoy can carry them.

nginx's ``auth_request`` knows 2xx, 401 and 403, and drops every body: an answer that the client is to read is a 403 to
it, and status and body travel in headers. The others pass on what is not a 2xx as it is; so an answer of the gateway's
own that is one, the JSON of a login, must not look like leave to pass. Traefik copies headers by their names alone: to
it nothing is said that neither client nor backend is to read. An Envoy that is not ours takes a 5xx for a failure, and
what the client is given for a request header: both are told under another name. An answer to a ``login`` is the
client's whole answer.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

from msgspec.structs import replace

from menshen.gateway.answer import Answer
from menshen.gateway.identity import under
from menshen.gateway.wire import (
    HEADER_BODY,
    HEADER_COOKIE,
    HEADER_REQUEST_ID,
    HEADER_SET_COOKIE,
    HEADER_STATUS,
    HEADER_TARGET,
)

__all__ = ["ANSWERED", "Dialect", "numbered", "told", "with_request"]

Dialect = Literal["plain", "nginx", "traefik", "envoy", "login"]

ANSWERED: Final = 480
"""The status of a 2xx of the gateway's own. No proxy takes it for leave, and nobody else uses it."""

_GIVE: Final = b"x-menshen-give-"
"""In front of the name of a header that the client gets beside the backend's answer."""

_REMOVED: Final = b"x-envoy-auth-headers-to-remove"
_DENIED: Final = 403
_SET_COOKIE: Final = b"set-cookie"
_COOKIE: Final = HEADER_COOKIE.encode()
_TARGET: Final = HEADER_TARGET.encode()
_NO_NAMES: Final[Mapping[bytes, bytes]] = MappingProxyType({})
_ENVOYS_ALONE: Final = frozenset((_REMOVED, b"cookie"))


def told(answer: Answer, dialect: Dialect, request_id: str = "", given: Collection[bytes] = ()) -> Answer:
    """The answer for a proxy of this kind, its status the one on the wire.

    ``request_id`` is for who has made none; ``given`` are names of headers in which clients are given login states.
    """
    if dialect == "login":
        return answer
    if dialect == "traefik":
        return _by_name(answer, request_id)
    if dialect == "envoy":
        return _to_filter(answer, given)
    if answer.passes:
        return answer
    headers = [*answer.headers, (HEADER_STATUS.encode(), b"%d" % answer.status)]
    if dialect == "plain":
        return replace(answer, status=ANSWERED if 200 <= answer.status < 300 else answer.status, headers=headers)
    body = json.dumps(json.loads(answer.body), separators=(",", ":")).encode() if answer.body else b""
    return replace(answer, status=_DENIED, headers=[*_apart(headers), (HEADER_BODY.encode(), body)], body=b"")


def numbered(names: Sequence[bytes]) -> dict[bytes, bytes]:
    """Identity headers as nginx is told them. For each name that it looks for it compares all that it got, letter by
    letter: where all begin with ``x-menshen-`` that is a fifth of its work."""
    return {name: b"%d" % number for number, name in enumerate(names)}


def with_request(
    answer: Answer, cookie: bytes, target: bytes, dialect: Dialect = "plain", names: Mapping[bytes, bytes] = _NO_NAMES
) -> Answer:
    """Leave to pass, with what of the request the backend gets in place of the client's own.

    ``cookie`` is the client's header, ``target`` path and query as the backend is to see them. ``names`` are those of
    every identity header of the revision: who reads one finds it, "" where this route has none. To nginx a header that
    is "" is none, and what is not sent need not be read; the others it gets as :func:`numbered`.
    """
    if not answer.passes:
        return answer
    who, left = answer.who, cookie
    beside = answer.headers if who is None else answer.headers[len(who.headers) :]
    if beside:  # mostly there is nothing, and so nothing of cookies
        said = dict(beside)
        left = said.get(b"cookie", b"" if said.get(_REMOVED) == b"cookie" else cookie) if cookie else b""
        beside = [header for header in beside if header[0] not in _ENVOYS_ALONE]
        beside = beside if dialect == "traefik" else _apart(beside)
    if dialect == "nginx":
        headers = [] if who is None else list(who.under(names))
        headers += under(beside, names) if beside else ()
        headers += ((_COOKIE, left),) if left else ()
    else:
        headers = [*(() if who is None else who.headers), *beside]
        said = dict(headers)
        headers += ((name, b"") for name in names if name not in said)
        headers.append((_COOKIE, left))
    headers.append((_TARGET, target))
    return Answer(True, answer.status, headers)


def _by_name(answer: Answer, request_id: str) -> Answer:
    if not answer.passes:
        return replace(answer, status=ANSWERED) if 200 <= answer.status < 300 else answer
    left = dict(answer.headers).get(_COOKIE, b"")
    headers = [header for header in answer.headers if header[0] not in (_COOKIE, _TARGET)]
    headers += [(b"cookie", left)] if left else []  # none: what the client sent is taken away and not replaced
    return replace(answer, status=200, headers=[*headers, (HEADER_REQUEST_ID.encode(), request_id.encode())])


def _to_filter(answer: Answer, given: Collection[bytes]) -> Answer:
    if answer.passes:
        headers = [(_GIVE + name if name in given else name, value) for name, value in answer.headers]
        return replace(answer, status=200, headers=headers)
    if 300 <= answer.status < 500:
        return answer
    true = (HEADER_STATUS.encode(), b"%d" % answer.status)
    return replace(answer, status=ANSWERED, headers=[*answer.headers, true])


def _apart(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Cookies under names of their own: proxies see the first of a name, or all of them as one."""
    cookies = [value for name, value in headers if name == _SET_COOKIE]
    others = [header for header in headers if header[0] != _SET_COOKIE]
    return [*others, *((b"%s-%d" % (HEADER_SET_COOKIE.encode(), at), each) for at, each in enumerate(cookies, 1))]
