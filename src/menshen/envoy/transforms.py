"""Weighted colouring: requests that fit all filters of a plugin get one of its tags or headers, by weight.

Envoy's own matchers choose and its own filter writes; a plugin is one filter in the chain. Texts of operators are data
in both, never code (:mod:`menshen.envoy.predicates`); in what is written, "%" is escaped, which would begin a command.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from menshen.config.route_rules import Action, Condition, TransformRules
from menshen.config.snapshot import Route, Snapshot
from menshen.config.tag_values import encoded_value, tag_header
from menshen.envoy.predicates import all_of, any_of, exactly, expression, header_is, in_span, not_so
from menshen.envoy.tags import bucket_headers, input_headers
from menshen.envoy.typed import Json, typed, written

__all__ = ["TRANSFORMS", "coloured", "transform_filters"]

TRANSFORMS: Final = "menshen.transforms"
_COMPOSITE: Final = "envoy.extensions.filters.http.composite.v3"
_MUTATION: Final = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"


def transform_filters(snapshot: Snapshot) -> list[Json]:
    """As many as any route has plugins, all off by default."""
    most = max((len(route.transforms) for route in snapshot.routes), default=0)
    config = typed(f"{_COMPOSITE}.Composite")
    return [{"name": _name(number), "disabled": True, "typed_config": config} for number in range(most)]


def coloured(route: Route) -> dict[str, Json]:
    """Per-route settings of the filters."""
    return {
        _name(number): typed(f"{_COMPOSITE}.CompositePerRoute", {"matcher": _chosen(route, rules)})
        for number, rules in enumerate(route.transforms)
    }


def _name(number: int) -> str:
    return f"{TRANSFORMS}-{number}"


def _chosen(route: Route, rules: TransformRules) -> Json:
    """The tree that finds the action of a request, if it gets any."""
    inputs = input_headers(route)
    fits = [_fits(inputs[parameter], condition) for parameter, condition in rules.filters]
    bucket = bucket_headers(route)[rules.plugin][0]
    matchers = [
        {"predicate": all_of([*fits, in_span(bucket, start, stop)]), "on_match": _takes(action)}
        for action, start, stop in _spans(rules)
    ]
    return {"matcher_list": {"matchers": matchers}}


def _spans(rules: TransformRules) -> Iterator[tuple[Action, int, int]]:
    """Each action with its first bucket and the one behind its last."""
    start = 0
    for action in rules.actions:
        yield action, start, start + action.weight
        start += action.weight


def _fits(header: str, condition: Condition) -> Json:
    equal = [header_is(header, exactly(value)) for value in dict.fromkeys(condition.values)]
    match condition.operator:
        case "EQUAL" | "IN":
            return any_of(equal)
        case "NOT_EQUAL" | "NOT_IN":
            return not_so(any_of(equal))
        case "REGEX":
            return header_is(header, expression(condition.values[0]))


def _takes(action: Action) -> Json:
    if action.tag:
        name, value = tag_header(action.tag), encoded_value(action.value)
    else:
        name, value = action.header, action.value
    mutation = {"append": written(name, value.replace("%", "%%"))}
    config = typed(_MUTATION, {"mutations": {"request_mutations": [mutation]}})
    execute = typed(f"{_COMPOSITE}.ExecuteFilterAction", {"typed_config": {"name": name, "typed_config": config}})
    return {"action": {"name": name, "typed_config": execute}}
