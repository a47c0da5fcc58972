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
from menshen.envoy.tags import bucket_headers, plain_headers
from menshen.envoy.typed import Json, typed

__all__ = ["destination", "numbers_pattern"]

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
        return _header(":path", {"prefix": "/"})  # every request
    if len(conditions) == 1:
        return conditions[0]
    return {"and_matcher" if rule.relation == "AND" else "or_matcher": {"predicate": conditions}}


def _condition(tag: str, condition: Condition, plain: Mapping[str, str]) -> Json:
    header = tag_header(tag)
    match condition.operator:
        case "EQUAL" | "IN":
            return _one_of(header, condition.values)
        case "NOT_EQUAL" | "NOT_IN":
            return {"not_matcher": _one_of(header, condition.values)}
        case "REGEX":
            return _header(plain[tag], _expression(condition.values[0]))


def _one_of(header: str, values: tuple[str, ...]) -> Json:
    options = [_equal(header, value) for value in dict.fromkeys(values)]
    return options[0] if len(options) == 1 else {"or_matcher": {"predicate": options}}


def _equal(header: str, value: str) -> Json:
    """A tag without a value is a header that is not there."""
    if value:
        return _header(header, {"exact": encoded_value(value)})
    return {"not_matcher": _header(header, _expression(".+"))}


def _shared(route: Route, rule: CanaryRule, bucket: str) -> Json:
    spans = rule.spans()
    if len(spans) == 1:
        return _to(route, spans[0][0])
    matchers = [
        {"predicate": _header(bucket, _expression(numbers_pattern(start, stop))), "on_match": _to(route, version)}
        for version, start, stop in spans
    ]
    return {"matcher": {"matcher_list": {"matchers": matchers}, "on_no_match": _to(route, DEFAULT_VERSION)}}


def numbers_pattern(start: int, stop: int) -> str:
    """A regular expression for the two digits of every number from ``start`` to before ``stop``."""
    tens: dict[int, list[int]] = {}
    for number in range(start, stop):
        tens.setdefault(number // 10, []).append(number % 10)
    return "|".join(
        f"{ten}{ones[0]}" if len(ones) == 1 else f"{ten}[{ones[0]}-{ones[-1]}]" for ten, ones in tens.items()
    )


def _to(route: Route, version: str) -> Json:
    name = cluster_name(route.upstream, "" if version == DEFAULT_VERSION else version)
    action = typed(f"{_PACKAGE}.ClusterAction", {"cluster": name})
    return {"action": {"name": name, "typed_config": action}}


def _header(name: str, matcher: Json) -> Json:
    config = typed("envoy.type.matcher.v3.HttpRequestHeaderMatchInput", {"header_name": name})
    return {"single_predicate": {"input": {"name": name, "typed_config": config}, "value_match": matcher}}


def _expression(pattern: str) -> Json:
    """RE2, which fits the whole of a header here."""
    return {"safe_regex": {"google_re2": {}, "regex": pattern}}
