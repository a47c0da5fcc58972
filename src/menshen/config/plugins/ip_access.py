"""Which addresses may call."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from menshen.config.part import Items, Part
from menshen.config.plugins.values import Cidr
from menshen.config.route_rules import IpRules
from menshen.config.values import Description, Name
from menshen.config.wording import refuse

__all__ = ["IpAccess"]


class IpAccess(Part):
    """``deny`` beats ``allow``; without ``allow`` everybody else may call."""

    name: Name
    type: Literal["IpAccess"]
    description: Description = ""
    allow: Annotated[Items[Cidr], Field(max_length=1000)] = ()
    deny: Annotated[Items[Cidr], Field(max_length=1000)] = ()

    @model_validator(mode="after")
    def _says_something(self) -> IpAccess:
        if not self.allow and not self.deny:
            raise refuse("needs allow or deny", "需要填写 allow 或 deny")
        return self

    def rules(self) -> IpRules:
        return IpRules(self.name, self.allow, self.deny)
