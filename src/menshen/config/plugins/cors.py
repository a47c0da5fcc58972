"""Pages of other origins (CORS, the Fetch standard)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from menshen.config.part import Items, Part
from menshen.config.plugins.values import Origin
from menshen.config.route_rules import CorsRules
from menshen.config.values import Description, HeaderName, Method, Name
from menshen.config.wording import refuse

__all__ = ["Cors"]


def _header(value: str) -> str:
    if "*" in value:
        raise refuse('must be the name of a header; "*" would be every header', '必须是具体的头名称，不能使用 "*"')
    return value


Header = Annotated[HeaderName, AfterValidator(_header)]


class Cors(Part):
    """``max_age`` in seconds: how long a browser may keep the answer to its preflight."""

    name: Name
    type: Literal["Cors"]
    description: Description = ""
    origins: Annotated[Items[Origin], Field(min_length=1, max_length=100)]
    methods: Annotated[Items[Method], Field(min_length=1)] = ("GET", "HEAD", "POST")
    request_headers: Annotated[Items[Header], Field(max_length=50)] = ("content-type",)
    expose_headers: Annotated[Items[Header], Field(max_length=50)] = ()
    credentials: bool = False
    max_age: Annotated[int, Field(ge=0, le=86_400)] = 600

    @model_validator(mode="after")
    def _agree(self) -> Cors:
        if "*" in self.origins and (len(self.origins) > 1 or self.credentials):
            raise refuse(
                '"*" stands alone, and never with credentials: every page could act as the user',
                '"*" 只能单独使用，且不能与 credentials 同时开启',
            )
        return self

    def rules(self) -> CorsRules:
        return CorsRules(
            self.name,
            self.origins,
            tuple(dict.fromkeys(self.methods)),
            self.request_headers,
            self.expose_headers,
            self.credentials,
            self.max_age,
        )
