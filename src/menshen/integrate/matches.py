"""Which request is which API, as expressions that any proxy can try one after the other.

They are made from the same order and the same patterns as Envoy's routes. Envoy brings a path into its one spelling
before it looks; other proxies do that each in a way of its own, and then pass on what they did not look at. So a path
that has another spelling is refused, and what is matched is what the client wrote and the backend gets.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from menshen.config.own_paths import served_paths
from menshen.config.snapshot import Route, Snapshot
from menshen.envoy.paths import api_match, group_match
from menshen.envoy.routes import published_at
from menshen.envoy.typed import Json

__all__ = ["ODD_PATHS", "PLAIN_PATHS", "Match", "apis_of", "by_segment", "client_paths", "in_branches", "matches_at"]

_ODD: Final = (
    "%(?:2[fF]|5[cC]|00|3[bB])",
    r"[\\;]",
    "//",
    r"/\.{1,2}(?:[/?]|$)",
    "%(?:2[dDeE]|5[fF]|7[eE]|3[0-9]|4[1-9a-fA-F]|5[0-9aA]|6[1-9a-fA-F]|7[0-9aA])",  # %61: nobody need escape it
    "%25(?:25){0,30}(?:2[eEfF]|3[bB]|5[cC]|00)|%25(?:25){31}",  # encoded twice; see below
    "%[cC][01]|%[fF][5-9a-fA-F]",  # bytes that no UTF-8 has
    "%(?:[^0-9a-fA-F]|[0-9a-fA-F][^0-9a-fA-F]|.?$)",
    '["<>^`{|}#]',
    "[^!-~]",
)

_REST: Final = "[^?]*"

ODD_PATHS: Final = f"(?:[^/][^?]*|[^?]*(?:{'|'.join(_ODD)})[^?]*|)"
"""Paths that two readers could read in two ways (attack classes 12 to 14).

No group in it is repeated without end: for 9 KB of ``%252525...`` PCRE's JIT runs out of its stack, and proxies take
that for "does not match". So whoever has PCRE asks whether a path is *not* odd, too: an error refuses.
"""

PLAIN_PATHS: Final = "(?:/[a-zA-Z0-9_~-][a-zA-Z0-9._~-]*+)++/?"
"""Paths that are not odd, as most are, found at a glance."""

_FIRST_SEGMENT: Final = re.compile(r"(?:\(\?:)?/((?:\w|\\[^\w/]){1,40})(?:/|\(\?:/|\)?$)", re.ASCII)
"""At the beginning of the expression of a match: a first segment that has no other spelling. Long ones are no names."""


@dataclass(frozen=True, slots=True)
class Match:
    """``path`` is an expression for a whole path, which takes nothing of a query behind; no ``methods`` are all.

    What is found is a ``route``, a call of the user API (``status`` 0), or else an answer: 404, or 405 with ``allow``.
    """

    path: str
    methods: tuple[str, ...] = ()
    route: Route | None = None
    status: int = 0
    allow: tuple[str, ...] = ()


def matches_at(domain: str, snapshot: Snapshot) -> list[Match]:
    """In the order in which they are tried: the first that fits counts, and one always does."""
    by_prefix = published_at(domain, snapshot.routes)
    longest = sorted(by_prefix, key=lambda prefix: (-len(prefix), prefix))
    return [*_own(snapshot), *(match for prefix in longest for match in _below(prefix, by_prefix[prefix]))]


def by_segment(matches: Sequence[Match]) -> dict[str, list[Match]]:
    """What can fit a path by its first segment, which is in lower case here, each list in order; those at "" can fit
    any. To try them all one after the other would take the longer the more APIs there are."""
    together = [(_first_segment(match).lower(), match) for match in matches]
    wanted = {"", *(segment for segment, _ in together)}
    return {each: [match for segment, match in together if segment in (each, "")] for each in wanted}


def in_branches(matches: Sequence[Match], most: int) -> list[tuple[tuple[str, ...], list[Match]]]:
    """For a proxy that looks for the branch in turn as well, and so should have few of them: first segments as a client
    writes them, with what can fit a path below one of these, in order; last, without segments, what can fit the others.
    A branch has up to ``most`` matches of its segments, or one segment; what is no more in all is one branch."""
    if len(matches) <= most:
        return [((), list(matches))]
    together = [(_first_segment(match), match) for match in matches]
    sizes = Counter(segment for segment, _ in together if segment)
    branches: list[list[str]] = []
    room = 0
    for segment, size in sizes.items():
        if size > room:
            branches.append([])
            room = most
        branches[-1].append(segment)
        room -= size
    return [
        (tuple(wanted), [match for segment, match in together if segment in ("", *wanted)])
        for wanted in (*branches, [])
    ]


def client_paths(matches: Sequence[Match]) -> str:
    """One expression for all paths of the user API, which says itself what it does not take; "" where it is off."""
    return "|".join(dict.fromkeys(match.path for match in matches if match.route is None and not match.status))


def apis_of(matches: Sequence[Match]) -> list[Match]:
    """The others, in order."""
    own = {match.path for match in matches if match.route is None and not match.status}
    return [match for match in matches if match.path not in own]


def _first_segment(match: Match) -> str:
    """ "" where a path that fits can have any."""
    found = _FIRST_SEGMENT.match(match.path)
    return found[1].replace("\\", "") if found else ""


def _own(snapshot: Snapshot) -> Iterator[Match]:
    base = snapshot.listener.client_api.rstrip("/")
    for path, methods in served_paths(snapshot).items():
        pattern = re.escape(f"{base}/{path}") + (_REST if path.endswith("/") else "")
        yield Match(pattern, methods)
        yield Match(pattern, status=405, allow=tuple(sorted(methods)))


def _below(prefix: str, apis: Sequence[Route]) -> Iterator[Match]:
    allowed: dict[str, set[str]] = {}
    for route in apis:
        yield Match(_pattern(api_match(route.prefix, route.path)), route.methods, route)
        allowed.setdefault(_pattern(api_match(route.prefix, route.path)), set()).update(route.methods or {"*"})
    for pattern, methods in allowed.items():
        if "*" not in methods:
            yield Match(pattern, status=405, allow=tuple(sorted(methods)))
    # Without it a path that no API here takes would fall through to a public one of a shorter prefix.
    yield Match(_pattern(group_match(prefix)), status=404)


def _pattern(match: Json) -> str:
    if "path" in match:
        return re.escape(str(match["path"]))
    if "prefix" in match:
        return re.escape(str(match["prefix"])) + _REST
    if "path_separated_prefix" in match:
        return re.escape(str(match["path_separated_prefix"])) + f"(?:/{_REST})?"
    pattern = str(match["safe_regex"]["regex"]).replace(r"\C*", _REST)
    # A parameter must not reach into the query, where a client could write the rest of the pattern.
    return f"(?:{pattern.replace('[^/]+', '[^/?]+')})"
