"""A revision as the printed configurations need it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from menshen.config.carried import carried
from menshen.config.shape import headers_read, identity_names, only_envoy, returned_names, shape
from menshen.config.snapshot import Endpoint, Listener, Route, Snapshot, Upstream
from menshen.envoy import strip
from menshen.envoy.routes import domains_of
from menshen.errors import MenshenError
from menshen.gateway.wire import HEADER_PROXY
from menshen.integrate.matches import Match, matches_at
from menshen.integrate.names import returned_cookies, spellings, stripped_names
from menshen.sessions.lifetimes import renewable
from menshen.web.questions import OWN_WORDS

__all__ = ["PLAIN", "Domain", "NotCarried", "Site", "VerifyTls", "site_of"]

PLAIN: Final = re.compile(r"[A-Za-z0-9._/+@:-]+")
"""Files and names that stand in a configuration as they are, in whose language other characters have a meaning."""

_HEADER: Final = re.compile(r"[a-z0-9_-]+")


# By a client of its own accord. Each costs a worker a fiftieth of a question, and nobody looks at it.
_OFTEN_SENT: Final = ("accept", "accept-encoding", "accept-language", "content-type", "referer")


class NotCarried(MenshenError):
    """A route has what only our Envoy can do. ``lines`` say which and what."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass(frozen=True, slots=True)
class Domain:
    """A host, ``*.example.com`` or ``*``, and what is matched there, in order."""

    name: str
    matches: list[Match]


@dataclass(frozen=True, slots=True)
class VerifyTls:
    """TLS between a proxy and Menshen, as files on the proxy's machine: the authority ``ca`` of Menshen's certificate
    and the ``name`` in it, and what the proxy shows, "" where it shows nothing."""

    ca: str
    name: str
    certificate: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """``verify`` is where Menshen answers, ``listen`` where the proxy does; ``shape`` is of the revision.

    ``stripped`` are names that no client may send, in every spelling, and ``pattern`` is what Envoy matches them by;
    ``patterns`` are its parts but for the one header that only a proxy sets. ``read`` is what other guards look at,
    ``unread`` what most clients send and nobody behind a question does.
    Where ``underscores`` is False no name that is read has a ``_``, and a proxy may drop every header with one.
    ``credentials`` are header -> groups where it stops, ``cookies`` the names of those that clients are given.
    """

    verify: Endpoint
    listen: Endpoint
    shape: str
    listener: Listener
    domains: tuple[Domain, ...]
    upstreams: tuple[Upstream, ...]
    groups: tuple[str, ...]
    identity: tuple[str, ...]
    stripped: tuple[str, ...]
    pattern: str
    patterns: tuple[str, ...]
    read: tuple[str, ...]
    unread: tuple[str, ...]
    returned: tuple[str, ...]
    cookies: tuple[str, ...]
    credentials: Mapping[str, tuple[str, ...]]
    asked: frozenset[str]
    underscores: bool
    verify_tls: VerifyTls | None = None

    def asks(self, route: Route) -> bool:
        """Whether the brain is asked: also where nobody logs in, if it must take something off path or query."""
        return route.id in self.asked


def site_of(
    snapshot: Snapshot,
    verify: Endpoint,
    listen: Endpoint,
    *,
    query: bool = True,
    beside: bool = True,
    verify_tls: VerifyTls | None = None,
) -> Site:
    """``query`` is False where a proxy cannot take credentials off a query, ``beside`` where it cannot put a header of
    Menshen's beside a backend's answer. Raises ``NotCarried``.
    """
    missing = tuple(f"{route.id}: {what}" for route in snapshot.routes for what in only_envoy(route))
    versions = tuple(f"upstream {upstream.name}: versions" for upstream in snapshot.upstreams if upstream.versions)
    http2 = tuple(f"upstream {u.name}: HTTP/2" for u in snapshot.upstreams if u.protocol == "http2")
    groups = sorted({route.group for route in snapshot.routes})
    stops = {group: carried(route for route in snapshot.routes if route.group == group) for group in groups}
    left = tuple(f"group {group}: credentials in the query" for group in groups if stops[group].query and not query)
    given = () if beside else tuple(_given(snapshot))
    names = sorted({name for each in stops.values() for name in each.headers})
    read = {name for route in snapshot.routes for name in headers_read(route)}
    unprinted = tuple(_unprinted(snapshot, {*names, *read}))
    if missing or versions or http2 or left or given or unprinted:
        raise NotCarried((*missing, *versions, *http2, *left, *given, *unprinted))
    credentials = {name: tuple(group for group in groups if name in stops[group].headers) for name in names}
    underscores = any("_" in name for name in (*names, *read))
    stripped = stripped_names(snapshot)
    own = {"x-request-id", "x-forwarded-for", "x-forwarded-proto", *names}  # set by the proxy, or read by the brain
    return Site(
        verify=verify,
        listen=listen,
        shape=shape(snapshot),
        listener=snapshot.listener,
        domains=tuple(Domain(name, matches_at(name, snapshot)) for name in domains_of(snapshot)),
        upstreams=snapshot.upstreams,
        groups=tuple(groups),
        identity=identity_names(snapshot),
        stripped=tuple(spellings(stripped, own) if underscores else (name for name in stripped if name not in own)),
        pattern=strip.stripped_names(snapshot),
        patterns=tuple(strip.stripped_patterns(snapshot, keep=(HEADER_PROXY,))),
        read=tuple(sorted(read)),
        unread=tuple(name for name in _OFTEN_SENT if name not in {*read, *names}),
        returned=returned_names(snapshot),
        cookies=returned_cookies(snapshot),
        credentials=credentials,
        asked=frozenset(
            route.id for route in snapshot.routes if route.asks_brain or route.strip_prefix or stops[route.group].query
        ),
        underscores=underscores,
        verify_tls=verify_tls,
    )


def _unprinted(snapshot: Snapshot, read: Iterable[str]) -> Iterator[str]:
    """What would be read in another way where it is printed: ``$upstream_http_x.user`` is nginx's variable of ``x``."""
    for name in sorted({*identity_names(snapshot), *returned_names(snapshot), *read}):
        if not _HEADER.fullmatch(name):
            yield f"header {name}: a name with other characters than letters, digits, - and _"
    tls = snapshot.listener.tls
    files = {
        *((tls.certificate, tls.key) if tls else ()),
        *(u.tls.ca for u in snapshot.upstreams if u.tls and u.tls.ca),
    }
    for file in sorted(files):
        if not PLAIN.fullmatch(file):
            yield f"file {file}: a path with characters that are not printed"
    if f"{snapshot.listener.client_api}/".startswith(OWN_WORDS):
        yield f"listener.client_api {snapshot.listener.client_api}: proxies ask there"


def _given(snapshot: Snapshot) -> Iterator[str]:
    """What a client would be given in a header beside a backend's answer."""
    for plugin in strip.plugins_of(snapshot):
        if plugin.session.return_in == "cookie":
            continue
        if plugin.respond == "upstream":
            yield f"plugin {plugin.name}: a login state in a header beside a backend's answer (respond: upstream)"
        elif renewable(plugin.session):
            yield f"plugin {plugin.name}: a renewed login state in a header (idle, renew_before)"
