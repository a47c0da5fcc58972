"""Signed login states and the APIs that take them."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey

from menshen.config.login_rules import CodeAt, RefreshRules, SessionRules
from menshen.config.snapshot import LoginPlugin, Route
from tests.envoy.samples import CLOUDRUN, SHOP, plugin, route, sample_routes

__all__ = ["IN_BODY", "KEY", "KEYS", "OTHER", "RENEWED", "SIGNED", "Key", "public", "signed_routes", "token"]

Key = tuple[str, str, ECKey | OKPKey]
"""kid, algorithm, key"""

KEY: Key = ("k1", "ES256", ECKey.generate_key("P-256"))
OTHER: Key = ("k2", "EdDSA", OKPKey.generate_key("Ed25519"))


def public(*keys: Key) -> str:
    """A JWK Set of the public halves."""
    return json.dumps(
        {"keys": [{**key.as_dict(private=False), "kid": kid, "alg": alg, "use": "sig"} for kid, alg, key in keys]}
    )


KEYS = public(KEY)


def token(signing: Key = KEY, **claims: Any) -> str:
    """A state that is good for two hours, but for ``claims``; None takes one out."""
    now = int(time.time())
    kid, alg, key = signing
    payload: dict[str, Any] = {
        "iss": "menshen/session",
        "aud": f"{SHOP.platform}/{SHOP.appid}",
        "sub": "u-1",
        "sid": "sid1",
        "app": SHOP.name,
        "platform": SHOP.platform,
        "appid": SHOP.appid,
        "iat": now,
        "exp": now + 7200,
        "auth": now,
        "end": now + 7200,
        "life": 7200,
        **claims,
    }
    present = {name: value for name, value in payload.items() if value is not None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # RFC 9864's new name, which Envoy does not know
        return jwt.encode({"alg": alg, "kid": kid, "typ": "JWT"}, present, key, algorithms=[alg])


def _rules(name: str, request_in: Any = "header", **more: Any) -> SessionRules:
    return SessionRules(name, "signed", 120, "header", request_in, **more)


IDENTITY = (
    ("user", "x-menshen-user"),
    ("session", "x-menshen-session"),
    ("platform", "x-menshen-platform"),
    ("appid", "x-menshen-appid"),
    ("app", "x-app-name"),
    ("source", "x-source"),
    ("openid", "x-menshen-openid"),
    ("unionid", "x-menshen-unionid"),
    ("assertion", "x-menshen-assertion"),
)

SIGNED: LoginPlugin = replace(
    plugin(
        "signed",
        CodeAt("header", "js_code"),
        _rules("state", refresh=RefreshRules("fresh_token", 10_000), claims=("level",)),
        IDENTITY,
    ),
    claims=(("level", "x-user-level"),),
)
BY_QUERY = plugin("signed-query", CodeAt("query", "code"), _rules("token", "query"), CLOUDRUN)
IN_BODY = plugin("signed-body", CodeAt("body", "code"), _rules("body_state"))
IN_COOKIE = plugin("signed-cookie", CodeAt("cookie", "mp_code"), _rules("cookie_state"))
RENEWED = plugin("signed-renewed", CodeAt("header", "js_code"), _rules("state2", idle=30))


def signed_routes() -> Iterable[Route]:
    return (
        *sample_routes(),
        route("app", "orders", "/orders/{id}", SIGNED, prefix="/app", methods=("GET", "POST")),
        route("app", "ws", "/ws", SIGNED, prefix="/app"),
        route("app", "open", "/open", SIGNED, prefix="/app", access="optional"),
        route("app", "free", "/free", None, prefix="/app", identity_headers=("x-menshen-user", "x-user-level")),
        route("find", "q", "/q", BY_QUERY, prefix="/find"),
        route("find", "open", "/open", BY_QUERY, prefix="/find", access="optional"),
        route("form", "send", "/send", IN_BODY, prefix="/form", methods=("POST",)),
        route("jar", "x", "/x", IN_COOKIE, prefix="/jar"),
        route("long", "x", "/x", RENEWED, prefix="/long"),
    )
