"""Weighted colouring: requests that fit all filters of a plugin get one of its tags or headers, by weight.

An expression language of Envoy's own decides (CEL, which always ends). Whatever an operator writes stands in it as a
literal, every character but letters and digits as an escape, so no text can become code (attack class 49).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from menshen.config.route_rules import Action, Condition, TransformRules
from menshen.config.snapshot import Route, Snapshot
from menshen.config.tag_values import encoded_value, tag_header
from menshen.envoy.tags import bucket_headers, input_headers
from menshen.envoy.typed import Json, typed, written

__all__ = ["TRANSFORMS", "coloured", "literal", "transform_filters"]

TRANSFORMS: Final = "menshen.transforms"
_PACKAGE: Final = "envoy.extensions.filters.http.header_mutation.v3"


def transform_filters(snapshot: Snapshot) -> list[Json]:
    if not any(route.transforms for route in snapshot.routes):
        return []
    return [{"name": TRANSFORMS, "typed_config": typed(f"{_PACKAGE}.HeaderMutation")}]


def coloured(route: Route) -> dict[str, Json]:
    """Per-route settings of the filter."""
    if not route.transforms:
        return {}
    mutations = {"request_mutations": [{"append": each} for each in _mutations(route)]}
    return {TRANSFORMS: typed(f"{_PACKAGE}.HeaderMutationPerRoute", {"mutations": mutations})}


def _mutations(route: Route) -> Iterator[Json]:
    for rules in route.transforms:
        for header in dict.fromkeys(_header_of(action) for action in rules.actions):
            yield written(header, f"%CEL({_expression(route, rules, header)})%")


def _expression(route: Route, rules: TransformRules, header: str) -> str:
    """The value of ``header``, or "", which leaves it unset."""
    inputs = input_headers(route)
    bucket = f"int(request.headers[{literal(bucket_headers(route)[rules.plugin][0])}])"
    fits = " && ".join(_condition(inputs[parameter], condition) for parameter, condition in rules.filters) or "true"
    chosen, start = "''", 0
    choices: list[tuple[int, int, str]] = []
    for action in rules.actions:
        if _header_of(action) == header:
            value = encoded_value(action.value) if action.tag else action.value
            choices.append((start, start + action.weight, value))
        start += action.weight
    for low, high, value in reversed(choices):
        chosen = f"({bucket} >= {low} && {bucket} < {high} ? {literal(value)} : {chosen})"
    return f"{fits} ? {chosen} : ''"


def _header_of(action: Action) -> str:
    return tag_header(action.tag) if action.tag else action.header


def _condition(header: str, condition: Condition) -> str:
    value = f"request.headers[{literal(header)}]"
    match condition.operator:
        case "EQUAL" | "IN":
            return f"({_one_of(value, condition.values)})"
        case "NOT_EQUAL" | "NOT_IN":
            return f"!({_one_of(value, condition.values)})"
        case "REGEX":
            return f"{value}.matches({literal(f'^(?:{condition.values[0]})$')})"


def _one_of(value: str, wanted: tuple[str, ...]) -> str:
    return " || ".join(f"{value} == {literal(encoded_value(each))}" for each in dict.fromkeys(wanted))


def literal(text: str) -> str:
    """A text in CEL."""
    return "'" + re.sub(r"[^A-Za-z0-9]", lambda match: f"\\U{ord(match[0]):08x}", text) + "'"
