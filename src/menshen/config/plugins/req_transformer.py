"""Weighted colouring of requests (TSF's ReqTransformer): some of those that fit get a tag or a header."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from menshen.config.part import Items, Part
from menshen.config.plugins.condition import Conditioned
from menshen.config.plugins.tag import parameter_fault
from menshen.config.plugins.values import TagName, TagValue, Weight
from menshen.config.route_rules import Action, Parameter, Position, TransformRules
from menshen.config.values import Description, HeaderName, Name
from menshen.config.wording import refuse

__all__ = ["Colour", "ReqTransformer", "RequestFilter"]


class RequestFilter(Conditioned):
    """A condition on a request parameter; a missing one has the value ""."""

    position: Position = Field(alias="in")
    name: str

    @model_validator(mode="after")
    def _named(self) -> RequestFilter:
        fault = parameter_fault(self.position, self.name)
        if fault is not None:
            raise refuse(*fault)
        return self

    def parameter(self) -> Parameter:
        return Parameter(self.position, self.name.lower() if self.position == "header" else self.name)


class Colour(Part):
    """What ``weight`` of a hundred requests get: a ``tag`` or a ``header`` of this ``value``."""

    weight: Weight = 100
    tag: TagName | None = None
    header: HeaderName | None = None
    value: TagValue

    @model_validator(mode="after")
    def _one(self) -> Colour:
        if (self.tag is None) == (self.header is None):
            raise refuse("needs tag or header, and not both", "tag 与 header 必须且只能填一个")
        if not self.value:
            raise refuse("needs a value that is not empty", "value 不能为空")
        if self.header is not None and (not self.value.isascii() or self.value != self.value.strip()):
            raise refuse(
                "a header's value is printable ASCII, without spaces around it",
                "头的值只能是可打印 ASCII，首尾不能有空格",
            )
        return self


class ReqTransformer(Part):
    """Requests that fit every filter get one of the actions; the weights may be below 100 together."""

    name: Name
    type: Literal["ReqTransformer"]
    description: Description = ""
    filters: Annotated[Items[RequestFilter], Field(max_length=16)] = ()
    actions: Annotated[Items[Colour], Field(min_length=1, max_length=16)]

    @model_validator(mode="after")
    def _whole(self) -> ReqTransformer:
        if sum(action.weight for action in self.actions) > 100:
            raise refuse("the weights of actions are over 100 together", "actions 的权重之和超过 100")
        return self

    def rules(self) -> TransformRules:
        return TransformRules(
            self.name,
            tuple((each.parameter(), each.condition()) for each in self.filters),
            tuple(Action(each.weight, each.value, each.tag or "", each.header or "") for each in self.actions),
        )
