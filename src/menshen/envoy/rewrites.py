"""Rewriting of paths towards the backend, behind the choice of the API: no rewritten path is ever matched again.

A rule's expression is RE2 and fits the whole path as it was matched, without the query (attack classes 14 and 19). What
a client wrote reaches the backend only through groups of the rule, normalised as every path is.
"""

from __future__ import annotations

import re
from typing import Final

from menshen.config.route_rules import RewriteRule
from menshen.config.snapshot import Route
from menshen.envoy.authorization import AUTHORIZATION, not_asked
from menshen.envoy.typed import Json

__all__ = ["PATH_BLOCKED", "blocked", "rewrite_variants"]

PATH_BLOCKED: Final = "!blocked"
"""How the names of routes for blocked paths begin; no API has such a name."""

_QUERY: Final = r"(?:\?\C*)?"


def rewrite_variants(route: Route) -> list[tuple[list[Json], Json]]:
    """For each rule in its order: what a request must look like, and the part of the action that rewrites it."""
    return [
        (
            [{"name": ":path", "string_match": {"safe_regex": {"regex": f"(?:{rule.regex}){_QUERY}"}}}],
            {"regex_rewrite": {"pattern": {"regex": f"^(?:{rule.regex})$"}, "substitution": _substitution(rule)}},
        )
        for rule in route.rewrites
    ]


def blocked(route: Route, match: Json) -> list[Json]:
    """Routes that answer 400 to who asks for a backend's path directly; ``match`` is the API's own."""
    return [
        {
            "name": f"{PATH_BLOCKED}/{route.id}",
            "match": {**match, "headers": [*match.get("headers", ()), _fits(_original(rule))]},
            "direct_response": {"status": 400},
            "typed_per_filter_config": {AUTHORIZATION: not_asked()},
        }
        for rule in route.rewrites
        if rule.block
    ]


def _fits(pattern: str) -> Json:
    return {"name": ":path", "string_match": {"safe_regex": {"regex": f"(?:{pattern}){_QUERY}"}}}


def _original(rule: RewriteRule) -> str:
    """A pattern for every path that the rule can make."""
    parts = re.split(r"\$[1-9]", rule.replacement)
    return "[^?]*".join(re.escape(part) for part in parts)


def _substitution(rule: RewriteRule) -> str:
    return re.sub(r"\$([1-9])", r"\\\1", rule.replacement)
