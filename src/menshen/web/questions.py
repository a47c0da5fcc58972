"""How each kind of proxy asks, brought into the one form that is answered.

What is read here counts only beside the secret: a proxy that cannot write a header of our choice says method, path and
address in words of its own, and its printed configuration keeps a client from saying them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.types import Scope

from menshen.gateway.forward_auth import Dialect
from menshen.gateway.wire import HEADER_CLIENT, HEADER_METHOD, HEADER_REQUEST_ID, HEADER_ROUTE, HEADER_URI

__all__ = ["OWN_WORDS", "VERIFY_PATHS", "Question", "asked_by_nginx", "forwarded", "question_of"]

VERIFY_PATHS: Final[Mapping[str, Dialect]] = {"/verify": "plain", "/verify/nginx": "nginx"}
"""Where a proxy asks that says all of it in words of ours -> how it is answered."""

OWN_WORDS: Final = "/verify/"
"""Below it, but for those, ask proxies that have no words of their own: even a wrong secret is told by the contract."""

_TRAEFIK: Final = "/verify/traefik"
_REFUSED: Final = "/verify/refused/"
_LOGIN: Final = b"/verify/login"
_ENVOY: Final = b"/verify/envoy/"

_ROUTE: Final = HEADER_ROUTE.encode()
_METHOD: Final = HEADER_METHOD.encode()
_URI: Final = HEADER_URI.encode()
_CLIENT: Final = HEADER_CLIENT.encode()
_REQUEST_ID: Final = HEADER_REQUEST_ID.encode()
_NOTHING: Final = [b""] * 5


@dataclass(frozen=True, slots=True)
class Question:
    """How it is to be answered. ``refused`` is a reason that the proxy has found by itself, with the methods that are
    allowed behind a slash."""

    dialect: Dialect
    refused: str = ""


def question_of(scope: Scope, said: dict[bytes, bytes], sent: Mapping[bytes, bytes]) -> Question:
    """What is asked below :data:`OWN_WORDS`; ``said``, the proxy's own words, gets the request's route and line."""
    path: str = scope["path"]
    if path == _TRAEFIK:
        said[_METHOD] = sent.get(b"x-forwarded-method", b"")
        said[_URI] = sent.get(b"x-forwarded-uri", b"")
        return Question("traefik")
    if path.startswith(_REFUSED):
        return Question("login", path.removeprefix(_REFUSED))
    raw: bytes = scope["raw_path"].partition(b"?")[0]
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    said[_METHOD] = scope["method"].encode()
    if raw.startswith(_ENVOY):
        # /verify/envoy/GROUP/API/SHAPE, then the client's own path: the filter knows no other place for the route.
        group, api, form, target = (*raw.removeprefix(_ENVOY).split(b"/", 3), b"", b"", b"")[:4]
        said[_ROUTE] = group + b"/" + api + b"@" + form
        said[_URI] = b"/" + target + query
        return Question("envoy")
    # The proxy has sent the request itself: nobody but us is to answer it. Anywhere else it has no path: refused.
    said[_URI] = raw.removeprefix(_LOGIN) + query if raw.startswith(_LOGIN + b"/") else b""
    return Question("login")


def asked_by_nginx(said: dict[bytes, bytes], sent: dict[bytes, bytes]) -> None:
    """``route@shape``, request id, address, method and path: one header, for each costs both sides."""
    line = said.get(_ROUTE, b"").split(b" ", 4)
    whole = line if len(line) == 5 else _NOTHING
    said[_ROUTE], sent[_REQUEST_ID], said[_CLIENT], said[_METHOD], said[_URI] = whole


def forwarded(said: dict[bytes, bytes], sent: dict[bytes, bytes], new_id: Callable[[], str]) -> None:
    """Add address and id of a request where the proxy has no header of its own for them.

    It has put the address last into a header of which it took everything away that the client said.
    """
    if _CLIENT not in said:
        said[_CLIENT] = sent.get(b"x-forwarded-for", b"").rpartition(b",")[2].strip()
    if not sent.get(_REQUEST_ID):
        sent[_REQUEST_ID] = new_id().encode()
