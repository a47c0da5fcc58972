"""The rules of a canary plugin as a page shows them, and as its form changes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from menshen.config.buckets import BUCKETS
from menshen.config.plugins.canary import Rule
from menshen.config.route_rules import DEFAULT_VERSION, Operator
from menshen.documents.parts import Json, items_at
from menshen.web.console.language import sentence
from menshen.web.console.view import Visit

__all__ = ["OPERATORS", "WEIGHTS", "CanaryShown", "RuleShown", "canaries", "changed_by", "shown_canary"]

WEIGHTS: Final = "weights"
"""The field that says that the form has the weights in it: a box that is not ticked is not sent."""

OPERATORS: Final[dict[Operator, str]] = {
    "EQUAL": sentence("is"),
    "NOT_EQUAL": sentence("is not"),
    "IN": sentence("is one of"),
    "NOT_IN": sentence("is none of"),
    "REGEX": sentence("matches"),
}


@dataclass(frozen=True, slots=True)
class ShareShown:
    """``start`` of so many hundred. ``field`` is the name in the form, "" for what is left, which is the default's."""

    version: str
    start: int
    weight: Any
    field: str


@dataclass(frozen=True, slots=True)
class RuleShown:
    """``tried`` is its place among the rules that are on, from 1; None where it is off. ``field`` switches it."""

    name: str
    on: bool
    tried: int | None
    relation: str
    when: tuple[tuple[str, Operator, tuple[str, ...]], ...]
    shares: tuple[ShareShown, ...]
    sticky: bool
    field: str


@dataclass(frozen=True, slots=True)
class CanaryShown:
    """``bound`` are the groups, and the APIs as ``group/api``."""

    name: str
    description: str
    bound: tuple[str, ...]
    rules: tuple[RuleShown, ...]


def canaries(document: Json) -> list[CanaryShown]:
    """Every canary plugin of a checked document."""
    plugins = [each for each in items_at(document, ("plugins",)) if each.get("type") == "Canary"]
    return [shown_canary(plugin, document) for plugin in plugins]


def shown_canary(plugin: Json, document: Json) -> CanaryShown:
    """``plugin`` may be a draft whose weights are nonsense; what has no weight in it has been checked."""
    bindings = items_at(document, ("bindings",))
    bound = [str(each.get("api") or each.get("group")) for each in bindings if each.get("plugin") == plugin["name"]]
    rules: Sequence[Json] = plugin["rules"]
    order = sorted((_of(rule, "priority"), index) for index, rule in enumerate(rules) if _of(rule, "enabled"))
    tried = {index: place for place, (_, index) in enumerate(order, 1)}
    return CanaryShown(
        plugin["name"],
        plugin.get("description", ""),
        tuple(bound),
        tuple(_rule(rule, index, tried.get(index)) for index, rule in enumerate(rules)),
    )


def changed_by(plugin: Json, visit: Visit) -> dict[str, Any]:
    """The plugin with what its form says. A weight that is no number stays as it was written, and is refused later."""
    if WEIGHTS not in visit.form:
        return dict(plugin)
    rules = []
    for index, rule in enumerate(plugin["rules"]):
        changed = {**rule, "to": [_share(visit, f"weight-{index}-{n}", to) for n, to in enumerate(rule["to"])]}
        on = f"on-{index}" in visit.form
        if on != _of(rule, "enabled"):
            changed["enabled"] = on
        rules.append(changed)
    return {**plugin, "rules": rules}


def _share(visit: Visit, field: str, to: Json) -> dict[str, Any]:
    text = visit.text(field).strip()
    had = to.get("weight", BUCKETS)
    weight = int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else text
    return dict(to) if text == "" or weight == had else {**to, "weight": weight}


def _rule(rule: Json, index: int, tried: int | None) -> RuleShown:
    when = tuple(
        (str(each["tag"]), _condition_operator(each), tuple(map(str, each["values"]))) for each in rule.get("when", ())
    )
    return RuleShown(
        rule["name"],
        _of(rule, "enabled"),
        tried,
        _of(rule, "relation"),
        when,
        tuple(_shares(rule["to"], index)),
        _of(rule, "sticky"),
        f"on-{index}",
    )


def _shares(to: Sequence[Json], rule: int) -> Iterator[ShareShown]:
    start = 0
    for number, share in enumerate(to):
        weight = share.get("weight", BUCKETS)
        yield ShareShown(str(share["version"]), start, weight, f"weight-{rule}-{number}")
        start += weight if isinstance(weight, int) else 0
    if start < BUCKETS:
        yield ShareShown(DEFAULT_VERSION, start, BUCKETS - start, "")


def _of(rule: Mapping[str, Any], key: str) -> Any:
    """What the rule says, or what it says by not saying."""
    return rule.get(key, Rule.model_fields[key].default)


def _condition_operator(condition: Json) -> Operator:
    operator: Operator = condition.get("op", "EQUAL")
    return operator
