"""Canaries: which version of the upstream a request goes to, by its tags.

The choice is part of the route's action, not a route of its own: path, method and host are matched as ever, and no tag
can lead to another API. It is made twice: when the route is found, with no tag there yet, and again when the tags are
(:mod:`menshen.envoy.tags`). Regular expressions are RE2 and fit whole values (attack class 19).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from menshen.config.route_rules import DEFAULT_VERSION, CanaryRule, Condition
from menshen.config.snapshot import Route
from menshen.config.tag_values import encoded_value, tag_header
from menshen.envoy.clusters import cluster_name
from menshen.envoy.predicates import all_of, any_of, exactly, expression, header_is, in_span, not_so
from menshen.envoy.tags import bucket_headers, plain_headers
from menshen.envoy.typed import Json, typed

__all__ = ["destination"]

_PACKAGE: Final = "envoy.extensions.router.cluster_specifiers.matcher.v3"


def destination(route: Route) -> Json:
    """The part of a route's action that says where the request goes."""
    if not route.canary:
        return {"cluster": cluster_name(route.upstream)}
    buckets, plain = bucket_headers(route), plain_headers(route)
    matchers = [
        {"predicate": _fits(rule, plain), "on_match": _shared(route, rule, buckets[rule.salt][0])}
        for rule in route.canary
    ]
    tree = {"matcher_list": {"matchers": matchers}, "on_no_match": _to(route, DEFAULT_VERSION)}
    config = typed(f"{_PACKAGE}.MatcherClusterSpecifier", {"cluster_matcher": tree})
    return {"inline_cluster_specifier_plugin": {"extension": {"name": "menshen.canary", "typed_config": config}}}


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


def _shared(route: Route, rule: CanaryRule, bucket: str) -> Json:
    spans = rule.spans()
    if len(spans) == 1:
        return _to(route, spans[0][0])
    matchers = [
        {"predicate": in_span(bucket, start, stop), "on_match": _to(route, version)} for version, start, stop in spans
    ]
    return {"matcher": {"matcher_list": {"matchers": matchers}, "on_no_match": _to(route, DEFAULT_VERSION)}}


def _to(route: Route, version: str) -> Json:
    name = cluster_name(route.upstream, "" if version == DEFAULT_VERSION else version)
    action = typed(f"{_PACKAGE}.ClusterAction", {"cluster": name})
    return {"action": {"name": name, "typed_config": action}}
