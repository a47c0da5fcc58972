"""Rewriting of paths towards the backend, behind the choice of the API: no rewritten path is ever matched again.

A rule's expression is RE2 and fits the whole path as it was matched; a query cannot help it to fit (attack classes 14
and 19). What a client wrote reaches the backend through groups of the rule, and pieces of a sound path can make one
that is not: of ``/v../admin`` the group of ``/v(.*)`` is ``../admin``. So where a rule has groups the new path is made
in advance, by the same engine, and looked at (attack classes 12 and 13).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

import re2

from menshen.config.route_rules import RewriteRule
from menshen.config.snapshot import Route, Snapshot
from menshen.envoy.authorization import AUTHORIZATION, not_asked
from menshen.envoy.paths import REFUSED_PATHS, literal, whole_path
from menshen.envoy.rbac import denies, rbac, rbac_on_route
from menshen.envoy.typed import Json, typed, written

__all__ = ["PATH_BLOCKED", "UNSOUND", "UNSOUND_PATHS", "blocked", "rewrite_filters", "with_rewrites"]

PATH_BLOCKED: Final = "!blocked"
"""How the names of routes for blocked paths begin; no API has such a name."""

UNSOUND: Final = "menshen.unsound_path"
"""The rule by which a request is refused whose rewritten path would not be sound."""

_PATH: Final = "menshen.rewrite_path"
_MAKE: Final = "menshen.rewrite_make"
_LOOK: Final = "menshen.rewrite_look"
_HEADER: Final = "x-menshen-path"
_KEY: Final = "rewritten"

_MUTATION: Final = "envoy.extensions.filters.http.header_mutation.v3"
_METADATA: Final = "envoy.extensions.filters.http.header_to_metadata.v3"

_ANYTHING: Final = r"\C*"
_QUERY: Final = rf"(?:\?{_ANYTHING})?"
_GROUP: Final = re.compile(r"\$([1-9])")

_SEGMENTS: Final = (
    "/",  # an empty one: with it a path begins with a host (//evil.example), or is another's key
    r"(?:\.|%2[eE]){1,2}(?:/|$)",
)
_ENCODED: Final = r"%(?:2[eEfF]|5[cC])|%(?:[^0-9a-fA-F]|[0-9a-fA-F][^0-9a-fA-F]|[0-9a-fA-F]?$)"

UNSOUND_PATHS: Final = (
    rf"{REFUSED_PATHS}|{_ANYTHING}/(?:{'|'.join(_SEGMENTS)}){_ANYTHING}|{_ANYTHING}(?:{_ENCODED}){_ANYTHING}"
)
"""What no backend gets: all that is refused of a client, and what Envoy's normalisation would have changed."""


def rewrite_filters(snapshot: Snapshot) -> list[Json]:
    """They take the path without its query, rewrite that on trial, and refuse an unsound one. Off by default."""
    if not any(_has_groups(rule) for route in snapshot.routes for rule in route.rewrites):
        return []
    return [
        {"name": _PATH, "disabled": True, "typed_config": typed(f"{_MUTATION}.HeaderMutation")},
        {"name": _MAKE, "disabled": True, "typed_config": typed(f"{_METADATA}.Config")},
        {"name": _LOOK, "disabled": True, "typed_config": rbac()},
    ]


def with_rewrites(route: Route, way: Json) -> list[Json]:
    """A way to the backend with each rule, in their order, and then without any.

    Only a route's own match sees a path without its query, so the rule has that place, and the API's pattern, which
    cannot be made to reach into a query, is a condition beside it.
    """
    if not route.rewrites:
        return [way]
    here = {"name": ":path", "string_match": {"safe_regex": {"regex": whole_path(way["match"])}}}
    conditions = [*way["match"].get("headers", ()), here]
    return [
        *(
            {
                **way,
                "match": {"safe_regex": {"regex": rule.regex}, "headers": conditions},
                "route": {**way["route"], "regex_rewrite": _rewrite(rule)},
                "typed_per_filter_config": {**way["typed_per_filter_config"], **_looked_at(rule)},
            }
            for rule in route.rewrites
            if _may_fit(rule, way["match"])
        ),
        way,
    ]


def _may_fit(rule: RewriteRule, match: Json) -> bool:
    """A rule that cannot fit the one path of an API needs no route there: groups have many rules and many APIs."""
    return "path" not in match or _compiled(rule.regex).fullmatch(match["path"]) is not None


@lru_cache(maxsize=1024)
def _compiled(regex: str) -> Any:
    return re2.compile(regex)


def blocked(route: Route, match: Json) -> list[Json]:
    """Routes that answer 400 to who asks for a backend's path directly; ``match`` is the API's own."""
    return [
        {
            "name": f"{PATH_BLOCKED}/{route.id}",
            "match": {**match, "headers": [{"name": ":path", "string_match": {"safe_regex": {"regex": pattern}}}]},
            "direct_response": {"status": 400},
            "typed_per_filter_config": {AUTHORIZATION: not_asked()},
        }
        for pattern in (_made_by(route, rule) for rule in route.rewrites if rule.block)
    ]


def _made_by(route: Route, rule: RewriteRule) -> str:
    """A pattern for every path by which a client would reach what the rule makes.

    Wider rather than narrower: in any case, with a slash behind it, percent-encoded where that is the client's choice.
    """
    parts = [literal(part) for part in _GROUP.split(rule.replacement)[::2]]
    prefix = literal(route.prefix.rstrip("/")) if route.strip_prefix else ""
    return f"(?i){prefix}{'[^?]*'.join(parts)}/?{_QUERY}"


def _rewrite(rule: RewriteRule) -> Json:
    return {"pattern": {"regex": f"^(?:{rule.regex})$"}, "substitution": _GROUP.sub(r"\\\1", rule.replacement)}


def _has_groups(rule: RewriteRule) -> bool:
    return _GROUP.search(rule.replacement) is not None


def _looked_at(rule: RewriteRule) -> dict[str, Json]:
    if not _has_groups(rule):
        return {}
    path = {"request_mutations": [{"append": written(_HEADER, "%PATH(NQ)%")}]}
    value = {"metadata_namespace": UNSOUND, "key": _KEY, "regex_value_rewrite": _rewrite(rule)}
    unsound = {"string_match": {"safe_regex": {"regex": UNSOUND_PATHS}}}
    matcher = {"filter": UNSOUND, "path": [{"key": _KEY}], "value": unsound}
    is_unsound = {"sourced_metadata": {"metadata_matcher": matcher}}
    return {
        _PATH: typed(f"{_MUTATION}.HeaderMutationPerRoute", {"mutations": path}),
        _MAKE: typed(
            f"{_METADATA}.Config", {"request_rules": [{"header": _HEADER, "on_header_present": value, "remove": True}]}
        ),
        _LOOK: rbac_on_route(denies(UNSOUND, [is_unsound], [{"any": True}])),
    }
