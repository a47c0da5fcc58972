"""Strip first: what a client may never say is removed before Envoy picks a route, on every route, public ones too.

A route that the filters skip still forwards the client's headers, so removal per route or in a filter is not enough
(CVE-2025-64484, CVE-2026-39858 and their siblings). Servers fold header names: CGI, WSGI and PHP read ``X-A-B``,
``x_a_b`` and ``X.A.B`` as one name. Every character that is neither letter nor digit is therefore one separator here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from menshen.config.reserved import TRACE_FAMILIES, TRACE_NAMES
from menshen.config.snapshot import LoginPlugin, Snapshot
from menshen.envoy.caller_trace import continued
from menshen.envoy.tags import BAGGAGE_OF_CLIENT, uses_tags
from menshen.envoy.typed import Json, removed, typed, written

__all__ = [
    "CLIENT_ADDRESS",
    "NEVER",
    "WAFER_HEADERS",
    "plugins_of",
    "strip_extension",
    "stripped_names",
    "stripped_patterns",
]

WAFER_HEADERS: Final = ("x-wx-code", "x-wx-encrypted-data", "x-wx-iv", "x-wx-skey", "x-wx-id")
"""What wafer clients send: the one part of ``x-wx-*`` that is the client's to say. The rest is cloud hosting's."""

_SEPARATOR: Final = "[^a-z0-9]"

_FAMILIES: Final = (
    "x-menshen",  # our identity, tags and stamps
    "x-envoy",  # x-envoy-original-path, retry and timeout overrides (CVE-2023-27487, CVE-2024-45806)
    "x-original",  # x-original-url, -uri, -host, -method: IIS, nginx and forward-auth read the route from them
)

NEVER: Final = (
    "forwarded",
    "proxy",  # httpoxy: CGI turns it into HTTP_PROXY
    "x-rewrite-url",
    "x-http-method",  # the backend would run another method than the one that was checked (attack class 17)
    "x-http-method-override",
    "x-method-override",
    "x-request-id",  # ours ends up in logs and error bodies; the client's would be its text there (attack class 48)
)

_BAGGAGE: Final = "baggage"
"""Carries tags to the backend, where a client would choose its own."""

CLIENT_ADDRESS: Final = ("x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip")
"""Believed only from a proxy in front of us."""


def plugins_of(snapshot: Snapshot) -> tuple[LoginPlugin, ...]:
    """Every plugin bound to a route, each once, by name."""
    by_name = {route.login.name: route.login for route in snapshot.routes if route.login is not None}
    return tuple(by_name[name] for name in sorted(by_name))


def stripped_names(snapshot: Snapshot, *, baggage: bool = True, trace: bool = True) -> str:
    """One regular expression over whole header names; one, because it runs on every header of every request."""
    return f"(?i)(?:{'|'.join(stripped_patterns(snapshot, baggage=baggage, trace=trace))})"


def stripped_patterns(
    snapshot: Snapshot, *, baggage: bool = True, trace: bool = True, keep: Iterable[str] = ()
) -> list[str]:
    """The parts of that expression, lower-case, but for the names in ``keep``, which somebody sets before.

    With a trusted proxy in front, its ``x-forwarded-for`` and ``x-forwarded-proto`` stay, in that spelling only.
    """
    plugins = plugins_of(snapshot)
    credentials = {name.lower() for p in plugins for name in (p.code.name, p.session.name)}
    credentials.update(name for p in plugins for name in p.open_data_headers)
    credentials.update(p.session.refresh.name.lower() for p in plugins if p.session.refresh is not None)
    tokens = {
        guard.token.name
        for route in snapshot.routes
        for guard in (route.jwt, route.oauth)
        if guard is not None and guard.token.position == "header"
    }
    credentials |= tokens
    identity = {header.lower() for plugin in plugins for _, header in (*plugin.identity, *plugin.claims)}
    identity.update(header.lower() for route in snapshot.routes for header in route.identity_headers)
    identity.update(a.header for route in snapshot.routes for t in route.transforms for a in t.actions if a.header)
    from_proxy = ("x-forwarded-for", "x-forwarded-proto") if snapshot.listener.trusted_hops else ()
    names = {*NEVER, *identity, *(() if from_proxy else CLIENT_ADDRESS), *((_BAGGAGE,) if baggage else ())}
    return [
        *(_family(family, keep) for family in _FAMILIES),
        _family("x-forwarded", from_proxy),
        _family("x-wx", {*WAFER_HEADERS, *credentials} - identity),
        *(_spellings(name) for name in sorted(names)),
        *(_trace_names() if trace else ()),
        # Nobody looks at a token under another spelling of its name, and a backend could take it for one that was.
        *(odd for name in sorted(tokens) for odd in _odd_spellings(name, credentials)),
    ]


def strip_extension(snapshot: Snapshot) -> Json:
    """The early header mutation of the connection manager.

    Where tags are told as baggage, a caller's own goes into a header between our filters first: they take from it what
    can be read in one way and is not called like ours. A caller's trace is read, where it is to be continued, before
    the headers that it came in are gone.
    """
    baggage = any(uses_tags(route) for route in snapshot.routes)
    trace = snapshot.tracing is not None and snapshot.tracing.accept
    mutations = [removed(stripped_names(snapshot, baggage=not baggage, trace=not trace))]
    if baggage:
        mutations += [{"append": written(BAGGAGE_OF_CLIENT, "%REQ(baggage)%")}, {"remove": _BAGGAGE}]
    if trace:
        mutations += continued(removed(f"(?i)(?:{'|'.join(_trace_names())})"))
    config = typed(
        "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation", {"mutations": mutations}
    )
    return {"name": "menshen.strip", "typed_config": config}


def _trace_names() -> list[str]:
    """Patterns of all headers by which a trace, or the baggage beside it, is handed on."""
    return [*(_spellings(name) for name in TRACE_NAMES), *(_family(family, ()) for family in TRACE_FAMILIES)]


def _spellings(name: str) -> str:
    """The name with any separator in place of each of its own."""
    return _SEPARATOR.join(re.escape(word) for word in re.split(_SEPARATOR, name))


def _odd_spellings(name: str, keep: Iterable[str]) -> list[str]:
    """Every spelling of the name but its own; none, if a name in ``keep`` is spelt so."""
    words, separators = re.split(_SEPARATOR, name), re.findall(_SEPARATOR, name)
    patterns = []
    for index, separator in enumerate(separators):
        plain = "".join(re.escape(word + sep) for word, sep in zip(words, separators[:index], strict=False))
        odd = re.escape(words[index]) + f"[^a-z0-9{re.escape(separator)}]"
        patterns.append(plain + odd + _SEPARATOR.join(re.escape(word) for word in words[index + 1 :]))
    return [] if any(re.fullmatch(pattern, other) for pattern in patterns for other in keep) else patterns


def _family(family: str, keep: Iterable[str]) -> str:
    """Every name that begins with ``family`` and a separator, in every spelling, but for the names in ``keep``."""
    kept = sorted(name.removeprefix(f"{family}-") for name in keep if name.startswith(f"{family}-"))
    if not kept:
        return f"{_spellings(family)}{_SEPARATOR}.*"
    words = family.split("-")
    plain = "-".join(words)
    patterns = [f"{plain}-(?:{_none_of(kept)})"]
    for index in range(1, len(words) + 1):
        # The plain spelling up to one separator that is not "-": no name in ``keep`` is spelt so.
        rest = "".join(f"{word}{_SEPARATOR}" for word in words[index:])
        patterns.append(f"{'-'.join(words[:index])}[^a-z0-9-]{rest}.*")
    return "|".join(patterns)


def _none_of(names: list[str]) -> str:
    """A pattern for every string but these. RE2 has no look-ahead, so it walks the names letter by letter."""
    here = "" in names
    heads = sorted({name[0] for name in names if name})
    branches = [] if here else [""]
    if heads:
        branches.append(f"[^{''.join(re.escape(head) for head in heads)}].*")
        branches.extend(
            f"{re.escape(head)}(?:{_none_of([name[1:] for name in names if name[:1] == head])})" for head in heads
        )
    else:
        branches.append(".+")
    return "|".join(branches)
