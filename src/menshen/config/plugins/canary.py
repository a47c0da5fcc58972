"""Canaries (灰度): rules on tags that choose among the versions of the group's upstream."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from menshen.config.part import Items, Part
from menshen.config.plugins.condition import TagCondition
from menshen.config.plugins.values import Weight
from menshen.config.route_rules import CanaryRule, Relation, Share
from menshen.config.values import Description, Name
from menshen.config.wording import refuse

__all__ = ["Canary", "Rule", "VersionShare"]


class VersionShare(Part):
    """``weight`` of a hundred requests to a version; ``default`` is the upstream's own endpoints."""

    version: Name
    weight: Weight = 100


class Rule(Part):
    """Requests that fit go to ``to``, the rest of the hundred to the upstream's own endpoints.

    Rules are tried by ``priority``, lower first, then as written; the first that fits decides.
    """

    name: Name
    enabled: bool = True
    priority: Annotated[int, Field(ge=0, le=10_000)] = 0
    relation: Relation = "AND"
    when: Annotated[Items[TagCondition], Field(max_length=16)] = ()
    to: Annotated[Items[VersionShare], Field(min_length=1, max_length=16)]
    sticky: bool = True

    @model_validator(mode="after")
    def _whole(self) -> Rule:
        if sum(share.weight for share in self.to) > 100:
            raise refuse("the weights of to are over 100 together", "to 中的权重之和超过 100")
        if len({share.version for share in self.to}) < len(self.to):
            raise refuse("a version is in to twice", "to 中的版本重复")
        return self

    def rules(self, plugin: str) -> CanaryRule:
        return CanaryRule(
            name=self.name,
            plugin=plugin,
            to=tuple(Share(share.version, share.weight) for share in self.to),
            when=tuple((each.tag, each.condition()) for each in self.when),
            relation=self.relation,
            sticky=self.sticky,
        )


class Canary(Part):
    """The canary plugin."""

    name: Name
    type: Literal["Canary"]
    description: Description = ""
    rules: Annotated[Items[Rule], Field(min_length=1, max_length=64)]

    @model_validator(mode="after")
    def _told_apart(self) -> Canary:
        if len({rule.name for rule in self.rules}) < len(self.rules):
            raise refuse("two rules have the same name", "规则名重复")
        return self
