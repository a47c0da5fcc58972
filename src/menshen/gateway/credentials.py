"""Finding the code and the login state in a request, at the positions the plugin names.

Strict on purpose: a request that can be read in two ways is refused, never repaired (security rules 3 and 5). Two
values, the same name in another place, or an encoded spelling of the name could be read one way here and another way by
a backend.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from menshen.config.snapshot import LoginPlugin
from menshen.errors import (
    AmbiguousCredential,
    BodyMalformed,
    BodyTooLarge,
    ClientSentSecret,
    OpenDataInvalid,
    SessionMissing,
)
from menshen.gateway.request import AuthRequest
from menshen.gateway.wire import SECRET_HEADERS
from menshen.secret import Secret

__all__ = [
    "MAX_IV",
    "MAX_LINE",
    "MAX_OPEN_DATA",
    "NO_OPEN_DATA",
    "Credentials",
    "SentOpenData",
    "body_fields",
    "cookie_value",
    "cookie_without",
    "find_any_state",
    "find_credentials",
    "query_value",
]

_SECRET_HEADERS = frozenset(name.encode() for name in SECRET_HEADERS)
_MAX_FIELDS = 64
_COMMA = ord(",")  # a byte is found in a text at a fraction of what b"," costs

MAX_OPEN_DATA = 7000
"""Characters of open data; a platform's is a few hundred."""

MAX_LINE = 256
"""Characters of a signature, which is shorter by far."""

MAX_IV = 700
"""Characters of an ``iv``, in whose place Alipay has a signature of up to 4096 bits."""


@dataclass(frozen=True, slots=True)
class SentOpenData:
    """The platform's open data beside a code, as sent; "" where there is none."""

    encrypted_data: str = field(default="", repr=False)
    iv: str = field(default="", repr=False)
    raw_data: str = field(default="", repr=False)
    signature: str = field(default="", repr=False)


NO_OPEN_DATA = SentOpenData()
_NO_PASSWORD = Secret("")


class Credentials(msgspec.Struct, frozen=True):
    """What a request carries: None where it carries nothing, text as sent otherwise (an empty state counts as none).

    ``username``, ``password`` and ``open_data`` come beside a code alone, and only where the plugin takes them.
    """

    code: str | None
    state: bytes | None
    username: str = ""
    password: Secret = _NO_PASSWORD
    open_data: SentOpenData = NO_OPEN_DATA


def find_credentials(request: AuthRequest, plugin: LoginPlugin) -> Credentials:
    """The request's credentials at the plugin's positions.

    Raises ``AmbiguousCredential``, ``BodyMalformed``, ``BodyTooLarge``, ``ClientSentSecret`` or ``OpenDataInvalid``.
    """
    state = _state(request, plugin)
    code = _code(request, plugin, has_state=state is not None)
    if code is not None:
        _refuse_secret(request, plugin)
    if not request.headers.keys().isdisjoint(_SECRET_HEADERS):
        raise ClientSentSecret("in a header")
    if code is None or (plugin.account is None and plugin.open_data is None):
        return Credentials(code, state)
    names = (plugin.account.username, plugin.account.password) if plugin.account is not None else ("", "")
    username, password = (_beside(request, plugin, name) if name else "" for name in names)
    return Credentials(code, state, username, Secret(password), _open_data(request, plugin))


def find_any_state(request: AuthRequest, plugins: Sequence[LoginPlugin]) -> tuple[tuple[LoginPlugin, ...], bytes]:
    """The one login state of a request that any of these plugins may have given, and those that read it there.

    Raises ``SessionMissing``, and ``AmbiguousCredential`` for two.
    """
    found: dict[bytes, list[LoginPlugin]] = {}
    # Plugins that read the same header read the same text in it, whichever of them has a prefix for it.
    prefixes = {plugin.session.prefix for plugin in plugins if plugin.session.prefix}
    for plugin in plugins:
        value = _at(request, plugin.session.request_in, plugin.session.name)
        if value and plugin.session.request_in == "header":
            for prefix in prefixes:
                value = _bare(value, prefix)
        if value:
            found.setdefault(value, []).append(plugin)
    if not found:
        raise SessionMissing
    (state, readers), *more = found.items()
    if more or _COMMA in state:
        raise AmbiguousCredential("two login states")
    return tuple(readers), state


def _at(request: AuthRequest, position: str, name: str) -> bytes | None:
    match position:
        case "header":
            return request.headers.get(_header(name))
        case "query":
            return query_value(request, name)
        case "cookie":
            return cookie_value(request, name)
    return None


def _state(request: AuthRequest, plugin: LoginPlugin) -> bytes | None:
    rules = plugin.session
    name = rules.name
    wanted = request.headers.get(_header(name))
    if request.query or rules.request_in != "header" or b"cookie" in request.headers:  # mostly none could be elsewhere
        found = {"header": wanted, "cookie": cookie_value(request, name), "query": query_value(request, name)}
        wanted = found.pop(rules.request_in)
        if rules.return_in == "cookie":
            found.pop("cookie", None)  # ours, which the client's jar sends back: it is stripped, not read
        if any(found.values()):
            raise AmbiguousCredential("a login state outside its position")
    if wanted and rules.prefix:
        wanted = _bare(wanted, rules.prefix)
    if wanted and _COMMA in wanted:
        raise AmbiguousCredential("two login states")
    return wanted or None


def _bare(value: bytes, prefix: str) -> bytes:
    """What stands behind the prefix, or the whole where it is not there. Its case does not count (RFC 9110, 11.1).

    A prefix with nothing behind it, of which no space is left on the way, is a client that has no state yet.
    """
    written = prefix.lower().encode()
    folded = value.lower()
    if folded.startswith(written):
        return value[len(written) :].strip()
    return b"" if folded == written.rstrip() else value


@lru_cache(maxsize=1024)
def _header(name: str) -> bytes:
    """A configured name as the requests' headers spell it."""
    return name.lower().encode()


def _code(request: AuthRequest, plugin: LoginPlugin, *, has_state: bool) -> str | None:
    if plugin.code.position == "body":
        return _code_in_body(request, plugin, has_state=has_state)
    value = _at(request, plugin.code.position, plugin.code.name)
    if value is None:
        return None
    if _COMMA in value:
        raise AmbiguousCredential("two codes")
    return value.decode("latin-1")


def query_value(request: AuthRequest, name: str) -> bytes | None:
    """The one value of a query parameter; None where it was not sent. Raises ``AmbiguousCredential``."""
    value = _query_text(request, name)
    return None if value is None else value.encode("latin-1", "replace")


def _query_text(request: AuthRequest, name: str) -> str | None:
    """The one value of a query parameter. The cheap test first: most requests do not carry the name at all."""
    raw = request.query
    if not raw or (name.encode() not in raw and b"%" not in raw):
        return None
    try:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        raise AmbiguousCredential("too many query parameters") from None
    values = [value for key, value in pairs if key == name]
    if not values:
        return None
    plain = sum(part.split(b"=", 1)[0] == name.encode() for part in raw.split(b"&"))
    if len(values) > 1 or plain != 1:
        raise AmbiguousCredential(f"query parameter {name} twice, or spelled in escapes")
    return values[0]


def cookie_value(request: AuthRequest, name: str) -> bytes | None:
    """The value of a cookie; None where it was not sent. Raises ``AmbiguousCredential`` for two of one name."""
    header = request.headers.get(b"cookie")
    if header is None or name.encode() not in header:
        return None
    values = [value for key, value in _cookies(header) if key == name.encode()]
    if len(values) > 1:
        raise AmbiguousCredential(f"cookie {name} twice")
    return values[0].strip(b'"') if values else None


def _cookies(header: bytes) -> list[tuple[bytes, bytes]]:
    pairs = []
    for part in header.split(b";"):
        key, _, value = part.strip().partition(b"=")
        pairs.append((key.strip(), value.strip()))
    return pairs


def cookie_without(header: bytes, names: frozenset[bytes]) -> bytes:
    """A Cookie header without these cookies; "" when nothing is left."""
    kept = (part.strip() for part in header.split(b";"))
    return b"; ".join(part for part in kept if part and part.partition(b"=")[0].strip() not in names)


def _code_in_body(request: AuthRequest, plugin: LoginPlugin, *, has_state: bool) -> str | None:
    body = request.body
    if not body:
        return None
    if request.body_partial:
        # An upload on a route whose plugin reads the body: with a login state it is an ordinary request.
        if has_state:
            return None
        raise BodyTooLarge
    return _body_text(request, plugin.code.name)


def _body_text(request: AuthRequest, name: str) -> str | None:
    """The one value of a field of the body."""
    values = [value for key, value in body_fields(request) or () if key == name]
    if len(values) > 1:
        raise AmbiguousCredential(f"{name} twice in the body")
    if not values:
        return None
    if not isinstance(values[0], str):
        raise BodyMalformed(f"{name} is not a string")
    return values[0]


def _open_data(request: AuthRequest, plugin: LoginPlugin) -> SentOpenData:
    """Open data where the code is. Elsewhere it is refused: another reader could take that for the user's."""
    at = plugin.open_data
    if at is None:
        return NO_OPEN_DATA
    for name in at.names:
        for position in ("header", "query", "cookie"):
            if position != plugin.code.position and _at(request, position, name):
                raise AmbiguousCredential("open data outside its position")
    return SentOpenData(
        *(
            _short(_beside(request, plugin, name), most) if name else ""
            for name, most in (
                (at.encrypted_data, MAX_OPEN_DATA),
                (at.iv, MAX_IV),
                (at.raw_data, MAX_OPEN_DATA),
                (at.signature, MAX_LINE),
            )
        )
    )


def _short(text: str, most: int) -> str:
    if len(text) > most:
        raise OpenDataInvalid(f"{len(text)} characters")
    return text


def _beside(request: AuthRequest, plugin: LoginPlugin, name: str) -> str:
    """A field that stands where the code does; "" where it does not, as in a form that was left empty."""
    match plugin.code.position:
        case "body":
            return _body_text(request, name) or ""
        case "header":
            value = request.headers.get(_header(name), b"")
            if b"," in value:
                raise AmbiguousCredential(f"header {name} twice")
            return value.decode("latin-1")
    return _query_text(request, name) or ""


def body_fields(request: AuthRequest) -> list[tuple[str, Any]] | None:
    """The body's fields in order, repeated ones kept; None where there is none, or it is neither JSON nor a form.

    Raises ``BodyTooLarge`` and ``BodyMalformed``.
    """
    body = request.body
    if not body:
        return None
    if request.body_partial:
        raise BodyTooLarge
    media = request.headers.get(b"content-type", b"").split(b";", 1)[0].strip().lower()
    try:
        if media == b"application/json" or media.endswith(b"+json"):
            decoded = json.loads(body, object_pairs_hook=_Pairs)
            if not isinstance(decoded, _Pairs):
                raise BodyMalformed("not a JSON object")
            return list(decoded)
        if media == b"application/x-www-form-urlencoded":
            return list(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except (ValueError, RecursionError):
        raise BodyMalformed("neither JSON nor a form") from None
    return None


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with its repeated keys, which ``dict`` would silently drop (attack class 28)."""


def _refuse_secret(request: AuthRequest, plugin: LoginPlugin) -> None:
    """A login that carries an AppSecret, by name or by value, is refused: the secret has leaked and must be reset."""
    for value in (secret.reveal().encode() for secret in plugin.app.secrets):
        for part in (request.query, request.body or b""):
            if len(value) >= 8 and value in part:
                raise ClientSentSecret("by value")
    if request.query and any(name in SECRET_HEADERS for name, _ in _names(request.query)):
        raise ClientSentSecret("in the query")
    fields = () if request.body_partial else body_fields(request) or ()
    if any(key.lower() in SECRET_HEADERS for key, _ in fields):
        raise ClientSentSecret("in the body")


def _names(query: bytes) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        raise AmbiguousCredential("too many query parameters") from None
    return [(name.lower(), value) for name, value in pairs]
