"""A request as it comes to the middleware: one reading of its path and host, and no header that a client may not send.

Normalised, refused and stripped as Envoy does it, by the same patterns (attack classes 1 to 9 and 12 to 16).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from starlette.types import Scope

from menshen.envoy.normal_path import normal_target

__all__ = ["Arrival", "arrival_of", "joined"]

Headers = list[tuple[bytes, bytes]]

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_MOST_HEADERS: Final = 100
_LENGTHS: Final = (b"content-length", b"transfer-encoding")
_FORWARDED_FOR: Final = b"x-forwarded-for"


@dataclass(frozen=True, slots=True)
class Arrival:
    """``target`` is the normal path with its query, ``client`` the caller's address, "" where nobody knows it.

    ``headers`` have lower-case names.
    """

    method: str
    host: str
    target: str = field(repr=False)
    client: str
    headers: Headers = field(repr=False)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


def arrival_of(scope: Scope, stripped: Callable[[bytes], bool], trusted_hops: int) -> Arrival | None:
    """None for a request that can be read in two ways.

    ``scope`` must have ``raw_path``: in a decoded path ``%2F`` and ``/`` are one. ``stripped`` knows the names that no
    client may send.
    """
    headers = [(name.lower(), value) for name, value in scope["headers"]]
    hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]) or len(headers) > _MOST_HEADERS or _two_lengths(headers):
        return None
    raw = scope["raw_path"].decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    if "?" in raw:  # some servers leave the query there
        raw = raw.partition("?")[0]
    target = normal_target(f"{raw}?{query}" if query else raw)
    if target is None:
        return None
    return Arrival(
        method=scope.get("method", "GET"),
        host=hosts[0],
        target=target,
        client=_client(scope, headers, trusted_hops),
        headers=[(name, value) for name, value in headers if not stripped(name)],
    )


def joined(headers: Headers) -> dict[bytes, bytes]:
    """Repeated ones joined, as Envoy joins them for a question: two of a kind must not look like one."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        glue = b"; " if name == b"cookie" else b","
        found[name] = found[name] + glue + value if name in found else value
    return found


def _two_lengths(headers: Headers) -> bool:
    """Whether a body could end at two places (attack class 46): servers are more lenient than Envoy."""
    names = [name for name, _ in headers if name in _LENGTHS]
    return len(names) > 1


def _client(scope: Scope, headers: Headers, trusted_hops: int) -> str:
    """The peer, or who the trusted proxies in front say that the caller is: the last address but ``trusted_hops - 1``.

    An address further to the left is the client's own to write.
    """
    peer = str(scope["client"][0]) if scope.get("client") else ""
    if not trusted_hops:
        return peer
    said = b",".join(value for name, value in headers if name == _FORWARDED_FOR).decode("latin-1")
    addresses = [each.strip() for each in said.split(",")]
    if len(addresses) < trusted_hops:
        return peer
    try:
        return str(ipaddress.ip_address(addresses[-trusted_hops]))
    except ValueError:
        return peer
