"""Decisions as other proxies than our Envoy can carry them.

nginx's ``auth_request`` knows 2xx, 401 and 403, and drops every body: an answer that the client is to read is a 403 to
it, and status and body travel in headers. The others pass on what is not a 2xx as it is; so an answer of the gateway's
own that is one, the JSON of a login, must not look like leave to pass.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final, Literal

from msgspec.structs import replace

from menshen.gateway.answer import Answer
from menshen.gateway.wire import HEADER_BODY, HEADER_COOKIE, HEADER_SET_COOKIE, HEADER_STATUS, HEADER_TARGET

__all__ = ["ANSWERED", "Dialect", "told", "with_request"]

Dialect = Literal["plain", "nginx"]

ANSWERED: Final = 480
"""The status of a 2xx of the gateway's own. No proxy takes it for leave, and nobody else uses it."""

_REMOVED: Final = b"x-envoy-auth-headers-to-remove"
_DENIED: Final = 403
_SET_COOKIE: Final = b"set-cookie"
_COOKIE: Final = HEADER_COOKIE.encode()
_TARGET: Final = HEADER_TARGET.encode()


def told(answer: Answer, dialect: Dialect) -> Answer:
    """The answer for a proxy of this kind, its status the one on the wire."""
    if answer.passes:
        names = {name for name, _ in answer.headers}
        if _REMOVED not in names and _SET_COOKIE not in names:
            return answer  # most are
        return replace(answer, headers=_apart([header for header in answer.headers if header[0] != _REMOVED]))
    headers = [*answer.headers, (HEADER_STATUS.encode(), b"%d" % answer.status)]
    if dialect == "plain":
        return replace(answer, status=ANSWERED if 200 <= answer.status < 300 else answer.status, headers=headers)
    body = json.dumps(json.loads(answer.body), separators=(",", ":")).encode() if answer.body else b""
    return replace(answer, status=_DENIED, headers=[*_apart(headers), (HEADER_BODY.encode(), body)], body=b"")


def with_request(answer: Answer, cookie: bytes, target: bytes, names: Iterable[bytes] = ()) -> Answer:
    """Leave to pass, with what of the request the backend gets in place of the client's own.

    ``cookie`` is the client's header, ``target`` path and query as the backend is to see them. ``names`` are those of
    every identity header of the revision: a proxy that reads one finds it, "" where this route has none.
    """
    if not answer.passes:
        return answer
    said, headers = dict(answer.headers), answer.headers
    left = said.get(b"cookie", b"" if said.get(_REMOVED) == b"cookie" else cookie)
    if b"cookie" in said:
        headers = [header for header in headers if header[0] != b"cookie"]
    unset = [(name, b"") for name in names if name not in said]
    headers = [*headers, *unset, (_COOKIE, left), (_TARGET, target)]
    return Answer(True, answer.status, headers, answer.body, answer.reason)


def _apart(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Cookies under names of their own: proxies see the first of a name, or all of them as one."""
    cookies = [value for name, value in headers if name == _SET_COOKIE]
    others = [header for header in headers if header[0] != _SET_COOKIE]
    return [*others, *((b"%s-%d" % (HEADER_SET_COOKIE.encode(), at), each) for at, each in enumerate(cookies, 1))]
