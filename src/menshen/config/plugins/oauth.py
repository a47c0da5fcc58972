"""Tokens that the team's own service judges (TSF's OAuth plugin)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from menshen.config.part import Part
from menshen.config.plugins.token import Token
from menshen.config.plugins.values import RedirectUrl
from menshen.config.route_rules import OAuthRules
from menshen.config.values import BaseUrl, Description, HeaderName, Name

__all__ = ["OAuth"]

Verb = Literal["GET", "POST"]


class OAuth(Part):
    """``url`` gets the token where the client sent it and answers ``{"result": true, "payload": "…"}``. Seconds."""

    name: Name
    type: Literal["OAuth"]
    description: Description = ""
    url: BaseUrl
    method: Verb = "POST"
    token: Token = Token()
    timeout: Annotated[float, Field(gt=0, le=30, allow_inf_nan=False)] = 5.0
    payload: HeaderName | None = None
    redirect: RedirectUrl | None = None
    forward_authorization: bool = False

    def rules(self) -> OAuthRules:
        return OAuthRules(
            plugin=self.name,
            url=self.url,
            method=self.method,
            token=self.token.rules(),
            timeout=self.timeout,
            payload=self.payload or "",
            redirect=self.redirect or "",
            forward_authorization=self.forward_authorization,
        )
