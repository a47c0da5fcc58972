"""What a phone asks the console to send, checked: it goes to this node's gateway and into one group, or nowhere.

The console is inside the team's network, and whoever sits at it must not become able to call what he could not call
before (server-side request forgery). So no part of an address is taken from him but the path; the path must be below
the group's prefix whoever reads it; and the headers that say who relayed a request, or how a message is framed, are
not his to write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

import msgspec

from menshen.web.console.try_it.phones import Phone

__all__ = ["MOST_BODY", "BadRequest", "Outgoing", "Wish", "outgoing"]

MOST_BODY: Final = 32 * 1024
"""Bytes of a body that a phone may send."""

_MOST_HEADERS: Final = 32
_MOST_OF_HEADERS: Final = 24 * 1024
_LONGEST_PATH: Final = 4096
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
"""Those of ``wx.request``."""

_PATH: Final = re.compile(r"/[\x21-\x7e]*")
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_VALUE: Final = re.compile(r"[\x20-\x7e]*")
_AMBIGUOUS: Final = re.compile(r"[\\#;]|%(?:2[ef]|5c|3b|00)|//", re.IGNORECASE)
"""What a proxy may read in another way than we: a slash by another name, a second one, a dot that is written out."""

_FRAMING: Final = frozenset(
    {"host", "connection", "keep-alive", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "expect"}
)
_RELAYED: Final = frozenset({"forwarded", "via", "x-real-ip", "true-client-ip"})
_RELAYED_PREFIXES: Final = ("x-forwarded-", "x-envoy-", "proxy-", "sec-")


class BadRequest(ValueError):
    """Why a phone's request is not sent; the text is for a developer."""


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """What the page in the browser asks for."""

    phone: str
    method: str
    path: str
    headers: list[tuple[str, str]] = []
    body: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request that may be sent. ``path`` has its query."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def outgoing(wish: Wish, phone: Phone) -> Outgoing:
    """Raises ``BadRequest``."""
    if wish.method not in _METHODS:
        raise BadRequest("the method is none of wx.request's")
    body = wish.body.encode("utf-8", "replace")
    if len(body) > MOST_BODY:
        raise BadRequest(f"the body is over {MOST_BODY // 1024} KiB")
    return Outgoing(wish.method, _path(wish.path, phone), _headers(wish.headers), body)


def _path(target: str, phone: Phone) -> str:
    if len(target) > _LONGEST_PATH or not _PATH.fullmatch(target):
        raise BadRequest("the path must begin with one slash, in printable ASCII")
    path, _, _ = target.partition("?")
    if _AMBIGUOUS.search(path) or any(part in (".", "..") for part in unquote(path).split("/")):
        raise BadRequest("the path can be read in two ways")
    if "#" in target:
        raise BadRequest("a fragment is nothing that is sent")
    if not phone.reaches(path):
        raise BadRequest(f"the path is not in group {phone.group}")
    return target


def _headers(given: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    if len(given) > _MOST_HEADERS or sum(len(name) + len(value) for name, value in given) > _MOST_OF_HEADERS:
        raise BadRequest("these are too many headers")
    for name, value in given:
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise BadRequest("a header's name or value has characters that no header has")
        plain = name.lower().replace("_", "-")
        if plain in _FRAMING or plain in _RELAYED or plain.startswith(_RELAYED_PREFIXES):
            raise BadRequest(f"the header {plain} is not a page's to set")
    return tuple((name, value) for name, value in given)
