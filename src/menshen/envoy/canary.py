"""Canaries: which version of the upstream a request goes to, by its tags.

The choice is part of the route's action, not a route of its own: path, method and host are matched as ever, and no tag
can lead to another API. It is made twice: when the route is found, with no tag there yet, and again when the tags are
(:mod:`menshen.envoy.tags`). Regular expressions are RE2 and fit whole values (attack class 19).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from menshen.config.route_rules import DEFAULT_VERSION, CanaryRule, Condition
from menshen.config.snapshot import Route, Upstream
from menshen.config.tag_values import encoded_value, tag_header
from menshen.envoy.clusters import cluster_name
from menshen.envoy.predicates import all_of, any_of, exactly, expression, header_is, in_span, not_so
from menshen.envoy.tags import bucket_headers, plain_headers
from menshen.envoy.typed import Json, typed

__all__ = ["canaries", "destination"]

_PACKAGE: Final = "envoy.extensions.router.cluster_specifiers.matcher.v3"


def destination(route: Route, upstream: Upstream) -> Json:
    """The part of a route's action that says where the request goes."""
    if not route.canary:
        return {"cluster": cluster_name(upstream)}
    return {"cluster_specifier_plugin": _name(route)}


def canaries(routes: Iterable[Route], upstreams: Mapping[str, Upstream]) -> list[Json]:
    """The choices that the actions of these routes name.

    Those of a group are one: a choice is most of a route's configuration, and Envoy reads all of it at every change.
    """
    by_name = {_name(route): route for route in routes if route.canary}

    def choice(route: Route) -> Json:
        return _choice(route, upstreams[route.upstream])

    return [{"extension": {"name": name, "typed_config": choice(by_name[name])}} for name in sorted(by_name)]


def _name(route: Route) -> str:
    """By all that a choice is made of, so that two that are alike are one, and a changed one is another."""
    made_of = msgspec.json.encode((route.upstream, route.canary))
    return f"menshen.canary/{hashlib.sha256(made_of).hexdigest()[:16]}"


def _choice(route: Route, upstream: Upstream) -> Json:
    buckets, plain = bucket_headers(route), plain_headers(route)
    matchers = [
        {"predicate": _fits(rule, plain), "on_match": _shared(upstream, rule, buckets[rule.salt][0])}
        for rule in route.canary
    ]
    tree = {"matcher_list": {"matchers": matchers}, "on_no_match": _to(upstream, DEFAULT_VERSION)}
    return typed(f"{_PACKAGE}.MatcherClusterSpecifier", {"cluster_matcher": tree})


def _fits(rule: CanaryRule, plain: Mapping[str, str]) -> Json:
    conditions = [_condition(tag, condition, plain) for tag, condition in rule.when]
    if not conditions:
        return header_is(":path", {"prefix": "/"})  # every request
    return all_of(conditions) if rule.relation == "AND" else any_of(conditions)


def _condition(tag: str, condition: Condition, plain: Mapping[str, str]) -> Json:
    header = tag_header(tag)
    match condition.operator:
        case "EQUAL" | "IN":
            return _one_of(header, condition.values)
        case "NOT_EQUAL" | "NOT_IN":
            return not_so(_one_of(header, condition.values))
        case "REGEX":
            return header_is(plain[tag], expression(condition.values[0]))


def _one_of(header: str, values: tuple[str, ...]) -> Json:
    return any_of([_equal(header, value) for value in dict.fromkeys(values)])


def _equal(header: str, value: str) -> Json:
    """A tag without a value is a header that is not there."""
    if value:
        return header_is(header, exactly(encoded_value(value)))
    return not_so(header_is(header, expression(".+")))


def _shared(upstream: Upstream, rule: CanaryRule, bucket: str) -> Json:
    spans = rule.spans()
    if len(spans) == 1:
        return _to(upstream, spans[0][0])
    matchers = [
        {"predicate": in_span(bucket, start, stop), "on_match": _to(upstream, version)}
        for version, start, stop in spans
    ]
    return {"matcher": {"matcher_list": {"matchers": matchers}, "on_no_match": _to(upstream, DEFAULT_VERSION)}}


def _to(upstream: Upstream, version: str) -> Json:
    name = cluster_name(upstream, "" if version == DEFAULT_VERSION else version)
    action = typed(f"{_PACKAGE}.ClusterAction", {"cluster": name})
    return {"action": {"name": name, "typed_config": action}}
