"""Limits of requests a second, counted by Envoy, exact for the node."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from menshen.config.part import Items, Part
from menshen.config.plugins.values import TagName
from menshen.config.route_rules import LimitBy, LimitRule
from menshen.config.values import Description, Name
from menshen.config.wording import refuse

__all__ = ["Limit", "RateLimit"]


class Limit(Part):
    """At most so many ``requests`` a second: of each API, of the group, or of each user, address or tag value."""

    by: LimitBy
    tag: TagName | None = None
    requests: Annotated[int, Field(ge=1, le=1_000_000)]
    burst: Annotated[int, Field(ge=1, le=1_000_000)] | None = None

    @model_validator(mode="after")
    def _agree(self) -> Limit:
        if (self.by == "tag") != (self.tag is not None):
            raise refuse("tag goes with by: tag, and by: tag needs it", "tag 与 by: tag 必须同时填写")
        if self.burst is not None and self.burst < self.requests:
            raise refuse("burst must be at least requests", "burst 不能小于 requests")
        return self

    def rules(self, plugin: str, index: int, target: str, group: str, api: str) -> LimitRule:
        """``target`` is what the plugin is bound to, the group or ``group/api``."""
        # A group is counted as one, to whatever of it the plugin is bound; an API for itself.
        counted = {"api": f"{group}/{api}", "group": group}.get(self.by, target)
        scope = f"{plugin}@{counted}#{index}"
        return LimitRule(scope, self.by, self.requests, self.burst or self.requests, self.tag or "")


class RateLimit(Part):
    """The plugin of limits."""

    name: Name
    type: Literal["RateLimit"]
    description: Description = ""
    limits: Annotated[Items[Limit], Field(min_length=1, max_length=16)]
