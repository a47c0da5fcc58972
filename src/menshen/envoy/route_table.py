"""Envoy's routes read as Envoy reads them: from a request line and a host to the one entry that takes it.

It is no second idea of how a path is matched: what it reads is the configuration that Envoy is given, and expressions
are RE2 in both. Only what our own builders write is understood here; anything else is an error, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

from menshen.envoy.typed import Json

__all__ = ["Found", "find_entry"]

Headers = Mapping[str, str]
"""By lower-case name, ``:path``, ``:method`` and ``:authority`` among them."""


@dataclass(frozen=True, slots=True)
class Found:
    """The virtual host and the prefix that a request was taken to, and the entry of them that took it."""

    domain: str
    prefix: str
    entry: Json


def find_entry(configuration: Json, headers: Headers) -> Found | None:
    """None where no host is the request's or no entry takes it; Envoy answers 404 then."""
    host = _virtual_host(configuration["virtual_hosts"], headers[":authority"])
    action = _matched(host["matcher"], headers) if host is not None else None
    if host is None or action is None:
        return None
    for entry in action["typed_config"]["routes"]:
        if _takes(entry["match"], headers):
            return Found(host["name"], action["name"].rstrip("/?"), entry)
    return None


def _virtual_host(hosts: Sequence[Json], authority: str) -> Json | None:
    """An exact name first, then the longest ``*.example.com``, then ``*``; the port does not matter."""
    name = re.sub(r":\d+$", "", authority).removesuffix(".").lower()
    domains = {domain: host for host in hosts for domain in host["domains"]}
    if name in domains:
        return domains[name]
    suffixes = [d for d in domains if d.startswith("*.") and name.endswith(d[1:]) and len(name) > len(d) - 1]
    return domains[max(suffixes, key=len)] if suffixes else domains.get("*")


def _matched(tree: Json, headers: Headers) -> Json | None:
    """The action that a matcher comes to."""
    found = _branch(tree["matcher_tree"], headers)
    if found is None:
        found = tree.get("on_no_match")
    if found is None:
        return None
    action: Json | None = found.get("action")
    return action if action is not None else _matched(found["matcher"], headers)


def _branch(tree: Json, headers: Headers) -> Json | None:
    value = headers.get(tree["input"]["typed_config"]["header_name"])
    if value is None:
        return None
    branch: Json | None
    if "exact_match_map" in tree:
        branch = tree["exact_match_map"]["map"].get(value)
        return branch
    branches = tree["prefix_match_map"]["map"]
    longest = max((prefix for prefix in branches if value.startswith(prefix)), key=len, default=None)
    branch = None if longest is None else branches[longest]
    return branch


def _takes(match: Json, headers: Headers) -> bool:
    return _path_fits(match, headers[":path"].partition("?")[0]) and all(
        _header_fits(condition, headers) for condition in match.get("headers", ())
    )


def _path_fits(match: Json, path: str) -> bool:
    kinds = set(match) - {"headers"}
    if kinds == {"path"}:
        return path == str(match["path"])
    if kinds == {"prefix"}:
        return path.startswith(str(match["prefix"]))
    if kinds == {"path_separated_prefix"}:
        prefix = str(match["path_separated_prefix"])
        return path == prefix or path.startswith(f"{prefix}/")
    if kinds == {"safe_regex"}:
        return _whole(match["safe_regex"], path)
    raise ValueError(f"a route that is matched in an unknown way: {sorted(kinds)}")


def _header_fits(condition: Json, headers: Headers) -> bool:
    value = headers.get(condition["name"])
    if value is None and condition.get("treat_missing_header_as_empty"):
        value = ""
    if condition.get("present_match"):
        fits = value is not None
    elif value is None:
        return False  # also where the condition is inverted
    else:
        fits = _text_fits(condition["string_match"], value)
    return fits != bool(condition.get("invert_match"))


def _text_fits(matcher: Json, value: str) -> bool:
    if "safe_regex" in matcher:
        return _whole(matcher["safe_regex"], value)
    if set(matcher) == {"exact"}:
        return value == str(matcher["exact"])
    raise ValueError(f"a text that is matched in an unknown way: {sorted(matcher)}")


def _whole(expression: Json, text: str) -> bool:
    return _compiled(expression["regex"]).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> Any:
    """Kept here: the library's own cache costs more than a match."""
    return re2.compile(pattern)
