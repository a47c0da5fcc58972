"""The gateway's headers as a request brings them, from ASGI's list and from WSGI's environ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

from menshen.backend.refusals import AssertionInvalid

__all__ = ["ASSERTION", "Headers", "asgi_headers", "forget_plain", "from_gateway", "only", "wsgi_headers"]

Headers = list[tuple[str, str]]
"""Lower-case names and values of those that begin with ``x-menshen-``, repeated where the request repeats one."""

ASSERTION = "x-menshen-assertion"

_PREFIX = re.compile(r"x[^a-z0-9]menshen[^a-z0-9]", re.IGNORECASE)
_WSGI = "HTTP_X_MENSHEN_"


def from_gateway(name: str) -> bool:
    """Whether a name is one of the gateway's in any spelling, that a framework may fold into it."""
    return _PREFIX.match(name) is not None


def asgi_headers(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Of a scope's ``headers``."""
    return [
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, value in headers
        if name[:10].lower() == b"x-menshen-"
    ]


def wsgi_headers(environ: Mapping[str, Any]) -> Headers:
    """Of a WSGI environ or Django's ``META``, where ``-`` is ``_`` and a server has joined repeated ones by a comma."""
    return [
        (name[5:].replace("_", "-").lower(), str(value)) for name, value in environ.items() if name.startswith(_WSGI)
    ]


def forget_plain(environ: MutableMapping[str, Any]) -> None:
    """Take the plain headers out of an environ: with an assertion to go by, they are whatever the client wrote."""
    for name in [name for name in environ if name.startswith("HTTP_") and from_gateway(name[5:])]:
        if name != "HTTP_X_MENSHEN_ASSERTION":
            del environ[name]


def only(headers: Headers, name: str) -> str:
    """The value of a header, "" where there is none. Two are ``AssertionInvalid``: one of them is not the gateway's."""
    values = [value for known, value in headers if known == name]
    if len(values) > 1:
        raise AssertionInvalid(f"{name} came {len(values)} times")
    return values[0] if values else ""
