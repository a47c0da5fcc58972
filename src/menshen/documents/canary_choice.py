"""Which version a canary comes to, and why: the rules of :mod:`menshen.envoy.canary` said out loud, one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from menshen.config.buckets import bucket
from menshen.config.expressions import fits_whole
from menshen.config.route_rules import DEFAULT_VERSION, CanaryRule, Condition, Operator, Relation

__all__ = ["Choice", "Compared", "Tried", "choose"]


@dataclass(frozen=True, slots=True)
class Compared:
    """One condition of a rule. ``value`` is the request's, "" where it has no such tag."""

    tag: str
    operator: Operator
    values: tuple[str, ...]
    value: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """One rule that was looked at."""

    canary: str
    rule: str
    relation: Relation
    conditions: tuple[Compared, ...]
    fits: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """``version`` is "" where it depends on a request id that is not known; ``spans`` then tells what there is.

    ``by`` is whose number decided: the user's, the request's, or nobody's where a rule has one version only.
    """

    version: str
    rule: str
    by: Literal["user", "request", "nobody"]
    bucket: int | None
    spans: tuple[tuple[str, int, int], ...]
    tried: tuple[Tried, ...]


def choose(rules: Sequence[CanaryRule], tags: Mapping[str, str], user: str, request_id: str) -> Choice:
    """``tags`` as they were said, not encoded; ``user`` is "" for an anonymous request, ``request_id`` if not known."""
    tried: list[Tried] = []
    for rule in rules:
        compared = tuple(_compared(tag, condition, tags.get(tag, "")) for tag, condition in rule.when)
        tried.append(Tried(rule.plugin, rule.name, rule.relation, compared, _fits(rule.relation, compared)))
        if tried[-1].fits:
            return _shared(rule, user, request_id, tuple(tried))
    return Choice(DEFAULT_VERSION, "", "nobody", None, (), tuple(tried))


def _fits(relation: Relation, compared: Sequence[Compared]) -> bool:
    holds = [each.holds for each in compared]
    return all(holds) if relation == "AND" or not holds else any(holds)


def _compared(tag: str, condition: Condition, value: str) -> Compared:
    match condition.operator:
        case "EQUAL" | "IN":
            holds = value in condition.values
        case "NOT_EQUAL" | "NOT_IN":
            holds = value not in condition.values
        case "REGEX":
            holds = fits_whole(condition.values[0], value)
    return Compared(tag, condition.operator, condition.values, value, holds)


def _shared(rule: CanaryRule, user: str, request_id: str, tried: tuple[Tried, ...]) -> Choice:
    spans = rule.spans()
    if len(spans) == 1:
        return Choice(spans[0][0], rule.name, "nobody", None, spans, tried)
    by: Literal["user", "request"] = "user" if rule.sticky and user else "request"
    whose = user if by == "user" else request_id
    if not whose:
        return Choice("", rule.name, by, None, spans, tried)
    number = bucket(rule.salt, whose)
    version = next(version for version, start, stop in spans if start <= number < stop)
    return Choice(version, rule.name, by, number, spans, tried)
