"""Tokens that the team's own service judges (TSF's OAuth plugin)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from menshen.config.own_network import PLAIN_HTTP, is_guarded
from menshen.config.part import Part
from menshen.config.plugins.token import Token
from menshen.config.plugins.values import RedirectUrl
from menshen.config.route_rules import OAuthRules
from menshen.config.values import BaseUrl, Description, HeaderName, Name
from menshen.config.wording import refuse

__all__ = ["OAuth"]

Verb = Literal["GET", "POST"]


def _checker_url(value: str) -> str:
    """Who could answer in its place would let in whom he likes, and read every token."""
    if not is_guarded(value):
        raise refuse(*PLAIN_HTTP)
    return value


class OAuth(Part):
    """``url`` gets the token where the client sent it and answers ``{"result": true, "payload": "…"}``. Seconds."""

    name: Name
    type: Literal["OAuth"]
    description: Description = ""
    url: Annotated[BaseUrl, AfterValidator(_checker_url)]
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
