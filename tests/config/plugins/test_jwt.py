"""What an operator may write about another issuer's tokens."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as rsa_key
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from menshen.config.route_rules import Jwks, JwtRules, TokenAt
from tests.config.samples import load, sound, the_problem

URL = "https://issuer.example/.well-known/jwks.json"
P256 = ECKey.generate_key("P-256")


def public(key: Any, **more: Any) -> dict[str, Any]:
    return {**key.as_dict(private=False), "kid": "k", **more}


def rsa(bits: int, length: int) -> dict[str, Any]:
    """A key of so many bits, zeros in front of whose modulus make it ``length`` bytes long."""
    modulus = rsa_key(65537, bits).public_key().public_numbers().n
    return {"kty": "RSA", "e": "AQAB", "n": urlsafe_b64encode(modulus.to_bytes(length)).rstrip(b"=").decode()}


def document(*, login: bool = False, **keys: Any) -> dict[str, Any]:
    plugin = {"name": "partner", "type": "Jwt", "issuer": "https://issuer.example", "jwks_url": URL, **keys}
    raw = sound()
    raw["plugins"].append({key: value for key, value in plugin.items() if value is not None})
    raw["bindings"].append({"plugin": "partner", "group": "mall" if login else "open"})
    return raw


def rules(raw: dict[str, Any], route: str = "open/news") -> JwtRules:
    (found,) = (each for each in load(raw).snapshot.routes if each.id == route)
    assert found.jwt is not None
    return found.jwt


def test_the_least_that_can_be_written() -> None:
    assert rules(document()) == JwtRules(
        plugin="partner",
        issuer="https://issuer.example",
        audiences=(),
        token=TokenAt("header", "authorization", "Bearer "),
        keys=Jwks(url=URL),
        claims=(),
        skew=30,
    )


def test_claims_become_headers_that_every_api_of_the_group_has() -> None:
    raw = document(login=True, claims={"sub": "X-Partner-User", "realm.name": "x-realm"})
    snapshot = load(raw).snapshot
    assert rules(raw, "mall/order").claims == (("sub", "x-partner-user"), ("realm.name", "x-realm"))
    for route in snapshot.routes:
        assert ("x-partner-user" in route.identity_headers) == (route.group == "mall")
        assert (route.jwt is None) == (route.group != "mall" or route.access == "public")


@pytest.mark.parametrize(
    ("token", "at"),
    [
        ({"name": "X-Token"}, TokenAt("header", "x-token", "")),
        ({"name": "X-Token", "prefix": "Token "}, TokenAt("header", "x-token", "Token ")),
        ({"prefix": ""}, TokenAt("header", "authorization", "")),
        ({"in": "query", "name": "accessToken"}, TokenAt("query", "accessToken", "")),
    ],
)
def test_where_the_token_is(token: dict[str, str], at: TokenAt) -> None:
    assert rules(document(token=token)).token == at


GOOD_KEYS = {
    "P-256": public(P256),
    "P-384": public(ECKey.generate_key("P-384"), alg="ES384", use="sig"),
    "P-521": public(ECKey.generate_key("P-521")),
    "Ed25519": public(OKPKey.generate_key("Ed25519"), alg="EdDSA"),
    "RSA": public(RSAKey.generate_key(2048), alg="PS256"),
}


@pytest.mark.parametrize("kind", GOOD_KEYS)
def test_keys_that_verify(kind: str) -> None:
    keys = rules(document(jwks_url=None, jwks={"keys": [GOOD_KEYS[kind]]})).keys
    assert json.loads(keys.inline) == {"keys": [GOOD_KEYS[kind]]}
    assert not keys.url


BAD_KEYS: dict[str, Any] = {
    "none": {},
    "an empty set": {"keys": []},
    "no list": {"keys": {"a": 1}},
    "no key": {"keys": ["a"]},
    "a shared key": {"keys": [OctKey.generate_key(256).as_dict(private=True)]},
    "a private key": {"keys": [P256.as_dict(private=True)]},
    "one bad key of two": {"keys": [public(P256), P256.as_dict(private=True)]},
    "a key to encrypt with": {"keys": [public(P256, use="enc")]},
    "a curve that signs nothing": {"keys": [public(OKPKey.generate_key("X25519"))]},
    "a curve that Envoy does not know": {"keys": [public(ECKey.generate_key("secp256k1"))]},
    "an algorithm that Envoy does not know": {"keys": [public(P256, alg="ES256K")]},
    "HMAC": {"keys": [public(P256, alg="HS256")]},
    "short RSA": {"keys": [{**public(RSAKey.generate_key(2048)), "n": "A" * 171}]},
    "short RSA with zeros in front": {"keys": [rsa(1024, 256)]},
    "half a key": {"keys": [{"kty": "EC", "crv": "P-256", "x": "AAAA"}]},
    "a kid that is no text": {"keys": [{**public(P256), "kid": 1}]},
    "too many": {"keys": [public(P256)] * 33},
}


@pytest.mark.parametrize("kind", BAD_KEYS)
def test_class_22_keys_that_could_sign_or_verify_nothing(kind: str) -> None:
    problem = the_problem(document(jwks_url=None, jwks=BAD_KEYS[kind]))
    assert problem.path == "plugins[2]"
    assert "jwks must be a JWK Set" in problem.message


@pytest.mark.parametrize("keys", [{"jwks_url": None}, {"jwks": {"keys": [public(P256)]}}])
def test_keys_are_in_one_place(keys: dict[str, Any]) -> None:
    assert "jwks or jwks_url" in the_problem(document(**keys)).message


@pytest.mark.parametrize(
    "url",
    [
        "https://issuer.example/keys?policy=b2c&x=%20",
        "https://issuer.example:8443/keys/",
        "http://127.0.0.1:9000/keys",
        "http://[::1]:9000/keys",
        "http://keycloak/realms/shop/keys",
        "http://issuer.internal/keys",
    ],
)
def test_where_keys_may_be(url: str) -> None:
    assert rules(document(jwks_url=url)).keys.url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example/keys",
        "http://8.8.8.8/keys",
        "ftp://issuer.example/keys",
        "https://",
        "https://user:word@issuer.example/keys",
        "https://issuer.example/keys#a",
        "https://issuer.example/keys?a#b",
        "https://issuer.example/a b",
        "https://issuer.example/keys?a b",
        "https://issuer.example:0/keys",
        "issuer.example",
    ],
)
def test_where_keys_may_not_be(url: str) -> None:
    """Over plain http somebody on the way could answer with keys of his own."""
    assert the_problem(document(jwks_url=url)).path == "plugins[2].jwks_url"


@pytest.mark.parametrize(
    ("claims", "path"),
    [
        ({"": "x-a"}, "plugins[2].claims"),
        ({".a": "x-a"}, "plugins[2].claims"),
        ({"a..b": "x-a"}, "plugins[2].claims"),
        ({"https://issuer.example/role": "x-a"}, "plugins[2].claims"),
        ({"a b": "x-a"}, "plugins[2].claims"),
        ({"sub": "x a"}, "plugins[2].claims.sub"),
        ({"sub": "x-menshen-user"}, "plugins[2].claims.sub"),
        ({"sub": "Authorization"}, "plugins[2].claims.sub"),
        ({"sub": "Cookie"}, "plugins[2].claims.sub"),
        ({"sub": "x-a", "role": "X_A"}, "plugins[2]"),
    ],
)
def test_claims_that_cannot_be_told(claims: dict[str, str], path: str) -> None:
    assert the_problem(document(claims=claims)).path.startswith(path)


@pytest.mark.parametrize(
    ("token", "path"),
    [
        ({"name": "x-menshen-token"}, "plugins[2].token.name"),
        ({"name": "secret"}, "plugins[2].token.name"),
        ({"in": "query", "name": "a+b"}, "plugins[2].token.name"),
        ({"in": "cookie", "name": "a"}, "plugins[2].token.in"),
        ({"name": "X-Token", "prefix": "a,"}, "plugins[2].token.prefix"),
        ({"name": "X-Token", "prefix": "门 "}, "plugins[2].token.prefix"),
        ({"name": "X-Token", "prefix": "a  "}, "plugins[2].token.prefix"),
    ],
)
def test_where_a_token_cannot_be(token: dict[str, str], path: str) -> None:
    assert the_problem(document(token=token)).path == path


@pytest.mark.parametrize("skew", [0, 301, "30", 1.5])
def test_the_clock_may_differ_by_a_little(skew: object) -> None:
    assert the_problem(document(clock_skew=skew)).path == "plugins[2].clock_skew"


def test_a_login_and_a_token_cannot_have_one_header() -> None:
    raw = document(login=True, token={"name": "user_session"})
    assert the_problem(raw).path == "plugins[2].token.name"


def test_class_53_no_claim_is_told_under_a_name_of_the_logins() -> None:
    raw = document(login=True, claims={"sub": "x-user"})
    raw["plugins"][0]["identity"] = {"headers": {"user": "X-User"}}
    assert "already" in the_problem(raw).message
