"""Conditions on a value, the same for canaries and colouring: TSF's five operators."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from menshen.config.expressions import splits_letters
from menshen.config.part import Items, Part
from menshen.config.plugins.values import TagName, TagValue, regex
from menshen.config.route_rules import Condition, Operator
from menshen.config.wording import refuse

__all__ = ["Conditioned", "TagCondition"]


class Conditioned(Part):
    """``values`` has one item, several for IN and NOT_IN. A REGEX is RE2 on bytes and must fit the whole value."""

    op: Operator = "EQUAL"
    values: Annotated[Items[TagValue], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _agree(self) -> Conditioned:
        if len(self.values) > 1 and self.op not in ("IN", "NOT_IN"):
            raise refuse(f"{self.op} takes one value; use IN or NOT_IN for several", f"{self.op} 只能填一个值")
        if self.op == "REGEX" and splits_letters(regex(self.values[0])):
            raise refuse(
                r"has a letter outside ASCII in [ ] or in front of * + ? {, or \p; Envoy matches bytes, use IN",
                r"[ ] 内或 * + ? { 之前不能有 ASCII 以外的字符，也不能有 \p：Envoy 按字节匹配，请改用 IN",
            )
        return self

    def condition(self) -> Condition:
        return Condition(self.op, self.values)


class TagCondition(Conditioned):
    """A condition on a tag. A request without the tag has the value ""."""

    tag: TagName
