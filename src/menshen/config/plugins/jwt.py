"""Tokens of other issuers (RFC 7519), checked by Envoy."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from typing import Annotated, Any, Final, Literal

from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, model_validator

from menshen.config.own_network import PLAIN_HTTP, is_guarded
from menshen.config.part import Items, Part
from menshen.config.plugins.token import Token
from menshen.config.reserved import fold
from menshen.config.route_rules import Jwks, JwtRules
from menshen.config.values import BaseUrl, Description, HeaderName, Name
from menshen.config.wording import refuse

__all__ = ["Jwt"]

MAX_KEYS: Final = 32
LEAST_RSA: Final = 2048
"""Bits."""

_CURVES: Final = frozenset({"P-256", "P-384", "P-521", "Ed25519"})
_ALGORITHMS: Final = frozenset(
    {"ES256", "ES384", "ES512", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
)
"""What Envoy verifies with. A key that it does not know would make it drop the whole set without a word."""

_CLAIM: Final = re.compile(r"[A-Za-z0-9_:/-]+(?:\.[A-Za-z0-9_:/-]+)*")
_BASE_URL: Final[TypeAdapter[str]] = TypeAdapter(BaseUrl)
_QUERY: Final = re.compile(r"[!-~]*")


def _claim(value: str) -> str:
    if len(value) > 128 or not _CLAIM.fullmatch(value) or "://" in value:
        raise refuse(
            "must be the name of a claim; a dot leads into an object (realm.role), so a claim with a dot in its own"
            " name, such as one that is a URL, cannot be had",
            "必须是声明名称；点号表示进入对象（realm.role），因此名称本身带点的声明（例如 URL 形式）无法使用",
        )
    return value


def _keys_url(value: str) -> str:
    base, mark, query = value.partition("?")
    try:
        _BASE_URL.validate_python(base)
    except ValidationError:
        base = ""
    if not base or len(value) > 2048 or (mark and (not _QUERY.fullmatch(query) or set(query) & set('#\\"<>^`{|}'))):
        raise refuse(
            "must be an http:// or https:// URL without user and fragment",
            "必须是 http:// 或 https:// 地址，不含用户信息和片段",
        )
    if not is_guarded(value):
        raise refuse(*PLAIN_HTTP)
    return value


Claim = Annotated[str, AfterValidator(_claim)]
KeysUrl = Annotated[str, AfterValidator(_keys_url)]
Text = Annotated[str, Field(min_length=1, max_length=512)]


class Jwt(Part):
    """``jwks`` are public keys written here, ``jwks_url`` is where Envoy gets them; one of both. Seconds."""

    name: Name
    type: Literal["Jwt"]
    description: Description = ""
    issuer: Text
    audiences: Annotated[Items[Text], Field(max_length=16)] = ()
    jwks: dict[str, Any] | None = None
    jwks_url: KeysUrl | None = None
    token: Token = Token()
    claims: Annotated[dict[Claim, HeaderName], Field(max_length=16)] = Field(default_factory=dict)
    clock_skew: Annotated[int, Field(ge=1, le=300)] = 30

    @model_validator(mode="after")
    def _agree(self) -> Jwt:
        if (self.jwks is None) == (self.jwks_url is None):
            raise refuse("needs jwks or jwks_url, and not both", "jwks 与 jwks_url 必须且只能填一个")
        if self.jwks is not None and not _public(self.jwks):
            raise refuse(
                f"jwks must be a JWK Set of 1 to {MAX_KEYS} public keys that verify signatures: RSA of {LEAST_RSA} bits"
                " or more, P-256, P-384, P-521 or Ed25519; a shared or private key does not belong here",
                f"jwks 必须是 1 到 {MAX_KEYS} 个用于验签的公钥组成的 JWK Set：{LEAST_RSA} 位以上的 RSA、P-256、P-384、"
                "P-521 或 Ed25519，不能包含共享密钥或私钥",
            )
        headers = [fold(header) for header in self.claims.values()]
        if len(set(headers)) < len(headers):
            raise refuse("two claims cannot have one header", "两个声明不能使用同一个头")
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
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not 0 < len(keys) <= MAX_KEYS:
        return False
    return all(isinstance(key, dict) and _verifies(key) for key in keys)


def _verifies(jwk: dict[str, Any]) -> bool:
    """A key that verifies and cannot sign: with a shared one every backend could make tokens (attack class 22)."""
    try:
        if jwk.get("kty") == "RSA" and _modulus(jwk).bit_length() < LEAST_RSA:
            return False
        key: Key = JWKRegistry.import_key(jwk)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return False
    named = isinstance(jwk.get("kid", ""), str) and jwk.get("alg") in (None, *_ALGORITHMS)
    kind = key.key_type == "RSA" or (key.key_type in ("EC", "OKP") and jwk.get("crv") in _CURVES)
    return named and kind and jwk.get("use", "sig") == "sig" and not key.is_private


def _modulus(jwk: dict[str, Any]) -> int:
    """As a number: zeros in front make a short one look long."""
    return int.from_bytes(urlsafe_b64decode(f"{jwk.get('n')}=="))
