"""Tokens of other issuers (RFC 7519), checked by Envoy."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import Field, model_validator

from menshen.config.part import Items, Part
from menshen.config.plugins.token import Token
from menshen.config.route_rules import Jwks, JwtRules
from menshen.config.values import BaseUrl, Description, HeaderName, Name
from menshen.config.wording import refuse

__all__ = ["Jwt"]

Claim = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.:/-]+$")]
Text = Annotated[str, Field(min_length=1, max_length=512)]


class Jwt(Part):
    """``jwks`` are public keys written here, ``jwks_url`` is where Envoy gets them; one of both. Seconds."""

    name: Name
    type: Literal["Jwt"]
    description: Description = ""
    issuer: Text
    audiences: Annotated[Items[Text], Field(max_length=16)] = ()
    jwks: dict[str, Any] | None = None
    jwks_url: BaseUrl | None = None
    token: Token = Token()
    claims: Annotated[dict[Claim, HeaderName], Field(max_length=16)] = Field(default_factory=dict)
    clock_skew: Annotated[int, Field(ge=1, le=300)] = 30

    @model_validator(mode="after")
    def _keys(self) -> Jwt:
        if (self.jwks is None) == (self.jwks_url is None):
            raise refuse("needs jwks or jwks_url, and not both", "jwks 与 jwks_url 必须且只能填一个")
        if self.jwks is not None and not _public(self.jwks):
            raise refuse(
                "jwks must be a JWK Set of public keys; a shared or private key does not belong here",
                "jwks 必须是公钥组成的 JWK Set，不能包含共享密钥或私钥",
            )
        return self

    def rules(self) -> JwtRules:
        keys = Jwks(inline="" if self.jwks is None else json.dumps(self.jwks, sort_keys=True), url=self.jwks_url or "")
        return JwtRules(
            plugin=self.name,
            issuer=self.issuer,
            audiences=self.audiences,
            token=self.token.rules(),
            keys=keys,
            claims=tuple(self.claims.items()),
            skew=self.clock_skew,
        )


def _public(jwks: dict[str, Any]) -> bool:
    """Only keys that verify and cannot sign: with a shared one every backend could make tokens (attack class 22)."""
    try:
        keys = KeySet.import_key_set(jwks).keys  # type: ignore[arg-type]
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return False
    return bool(keys) and all(key.key_type != "oct" and not key.is_private for key in keys)
