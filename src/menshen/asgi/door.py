"""One revision as the middleware carries it: read from the configuration that Envoy would be given, not from a second.

The routes are matched by :mod:`menshen.envoy.route_table`, the names to strip and the headers of question and answer
are those of the builders: where they change, the middleware changes with them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import re2

from menshen.asgi.arrival import Arrival
from menshen.config.snapshot import Route, Snapshot
from menshen.envoy.authorization import AUTHORIZATION, authorization_config
from menshen.envoy.client_api import OWN_ROUTE
from menshen.envoy.route_table import find_entry
from menshen.envoy.routes import route_configuration
from menshen.envoy.strip import stripped_names
from menshen.envoy.typed import Json
from menshen.errors import MalformedRequest, MethodNotAllowed, NoSuchRoute, Refusal

__all__ = ["Closed", "Door", "Open", "Own"]

_MOST_KEPT = 4096
"""Names of headers, and ways of requests, that are not looked at again. Clients choose both: neither grows for ever."""

_LONGEST_KEPT = 128

_REFUSALS: dict[int, type[Refusal]] = {400: MalformedRequest, 404: NoSuchRoute, 405: MethodNotAllowed}
"""What the routes that answer by themselves say."""


@dataclass(frozen=True, slots=True)
class Closed:
    """No API takes the request. ``headers`` go with the refusal."""

    refusal: Refusal
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Open:
    """An API of the document takes it, if the brain agrees. ``taken_off`` are headers that stop here."""

    route: Route
    entry: Json
    taken_off: frozenset[bytes]

    @property
    def body_bytes(self) -> int:
        """How much of the body the brain is shown at most: 0 where it needs none."""
        settings = self.entry["typed_per_filter_config"].get(AUTHORIZATION, {}).get("check_settings", {})
        return int(settings.get("with_request_body", {}).get("max_request_bytes", 0))


@dataclass(frozen=True, slots=True)
class Own:
    """A call of the gateway's own API, at ``path`` for the brain."""

    path: str
    taken_off: frozenset[bytes]


class Door:
    """``snapshot`` with all that is derived from it. Whatever it holds stays the same while requests use it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.configuration = route_configuration(snapshot)
        self._routes = {route.id: route for route in snapshot.routes}
        question = authorization_config(snapshot, 1, timeout=0)
        answer = question["http_service"]["authorization_response"]
        self.asked = _exact(question["allowed_headers"]) | {b"host"}
        self.to_client = _exact(answer["allowed_client_headers_on_success"])
        self._to_backend = _exact(answer["allowed_upstream_headers"])
        self._taken_off = _names(self.configuration)
        self._removed: dict[int, frozenset[bytes]] = {}
        pattern = re2.compile(stripped_names(snapshot))

        @lru_cache(maxsize=_MOST_KEPT)
        def stripped(name: bytes) -> bool:
            return pattern.fullmatch(name.decode("latin-1")) is not None

        self.stripped = stripped
        self._known = lru_cache(maxsize=_MOST_KEPT)(self._find)

    def to_backend(self, name: bytes) -> bool:
        """Whether a header of the brain's answer is for the application."""
        return name.startswith(b"x-menshen-") or name in self._to_backend

    def find(self, arrival: Arrival) -> Open | Own | Closed:
        """Routes look at nothing else of a request: neither at the query, nor at other headers."""
        find = self._known if len(arrival.path) <= _LONGEST_KEPT else self._find
        return find(arrival.host, arrival.method, arrival.path)

    def _find(self, host: str, method: str, path: str) -> Open | Own | Closed:
        found = find_entry(self.configuration, {":path": path, ":method": method, ":authority": host})
        if found is None:
            return Closed(NoSuchRoute())
        entry = found.entry
        name = entry.get("name", "")
        if "direct_response" in entry:
            return Closed(_REFUSALS[entry["direct_response"]["status"]](), tuple(_added(entry)))
        if name.startswith(OWN_ROUTE):
            match = entry["match"]
            below = path[len(match.get("path") or match["prefix"]) :]
            return Own(entry["route"]["prefix_rewrite"] + below, self._off(entry))
        return Open(self._routes[name], entry, self._off(entry))

    def _off(self, entry: Json) -> frozenset[bytes]:
        """The headers that no backend gets, read once for each entry: those live as long as this does."""
        found = self._removed.get(id(entry))
        if found is None:
            found = self._removed[id(entry)] = self._taken_off | _names(entry)
        return found


def _names(part: Json) -> frozenset[bytes]:
    return frozenset(name.lower().encode() for name in part.get("request_headers_to_remove", ()))


def _exact(matcher: Json) -> frozenset[bytes]:
    """The whole names in a list of patterns; a prefix is not one."""
    return frozenset(str(each["exact"]).lower().encode() for each in matcher["patterns"] if "exact" in each)


def _added(entry: Json) -> Iterable[tuple[bytes, bytes]]:
    for added in entry.get("response_headers_to_add", ()):
        yield added["header"]["key"].encode(), added["header"]["value"].encode()
