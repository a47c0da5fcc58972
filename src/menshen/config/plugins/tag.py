"""Tags: request parameters that routing, limits and tracing use by name (TSF's 请求参数转 Tag)."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from menshen.config.part import Items, Part
from menshen.config.paths import path_fault
from menshen.config.plugins.values import TagName, tag_name
from menshen.config.route_rules import ClientTag, IdentityTag, Parameter, Position
from menshen.config.values import Description, Name
from menshen.config.wording import refuse

__all__ = ["MAX_TAGS", "LoginTags", "RequestTag", "Tag", "parameter_fault"]

MAX_TAGS = 16
"""Tags of one route, all plugins and login's together (TSF's limit)."""

_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PLAIN = re.compile(r"[A-Za-z0-9!#$&'*+.^_`|~-]{1,64}")


def parameter_fault(position: Position, name: str) -> tuple[str, str] | None:
    """What is wrong with the name of a request parameter."""
    if position == "path":
        fault = path_fault(name)
        if fault is None and len(_PARAMETER.findall(name)) == 0:
            return "must have a parameter, such as /orders/{id}", "必须包含参数，例如 /orders/{id}"
        return fault
    if not _PLAIN.fullmatch(name):
        return (
            "must be 1 to 64 characters that a header name may have",
            "必须是 1 到 64 个 HTTP 头名称允许的字符",
        )
    return None


class RequestTag(Part):
    """A request parameter as a tag. Without ``tag`` it is called like the parameter.

    For a path ``name`` is a template, ``/orders/{id}``, of the path behind the group's prefix; its first parameter is
    the value.
    """

    position: Position = Field(alias="in")
    name: str
    tag: TagName | None = None
    trace_id: bool = False

    @model_validator(mode="after")
    def _named(self) -> RequestTag:
        fault = parameter_fault(self.position, self.name)
        if fault is not None:
            raise refuse(*fault)
        if self.tag is None:
            tag_name(self.called)
        return self

    @property
    def called(self) -> str:
        """The tag's name."""
        if self.tag is not None:
            return self.tag
        return _PARAMETER.findall(self.name)[0].lower() if self.position == "path" else self.name.lower()

    def rules(self) -> ClientTag:
        name = self.name.lower() if self.position == "header" else self.name
        return ClientTag(self.called, Parameter(self.position, name), self.trace_id)


class LoginTags(Part):
    """The tags of a login plugin: ``identity`` ticks what the gateway knows of the user, ``request`` lifts the rest."""

    identity: Annotated[Items[IdentityTag], Field(max_length=MAX_TAGS)] = ()
    request: Annotated[Items[RequestTag], Field(max_length=MAX_TAGS)] = ()


class Tag(Part):
    """The Tag plugin."""

    name: Name
    type: Literal["Tag"]
    description: Description = ""
    tags: Annotated[Items[RequestTag], Field(min_length=1, max_length=MAX_TAGS)]
