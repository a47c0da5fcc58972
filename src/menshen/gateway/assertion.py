"""The signed assertion: a short JWT that tells a backend who calls, for backends that must not trust the network.

ES256, ``aud`` is the upstream's name, valid five minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from menshen.sessions.claims import SessionClaims

__all__ = ["ISSUER", "LIFETIME", "REUSE", "Asserter"]

ISSUER = "menshen"
LIFETIME = 300
"""Seconds from ``iat`` to ``exp``."""

REUSE = 240
"""Seconds in which one may be used again. At least a minute of its life is left when it arrives."""


class Asserter:
    """Signs with the first key of the ring."""

    def __init__(self, keys: Sequence[ECKey]) -> None:
        self._key = keys[0]

    def assertion(self, claims: SessionClaims, app: str, upstream: str, now: float) -> str:
        """The assertion for these claims at this upstream; ``now`` in Unix seconds."""
        payload: dict[str, Any] = {
            "iss": ISSUER,
            "aud": upstream,
            "sub": claims.sub,
            "sid": claims.sid,
            "platform": claims.platform,
            "app": app,
            "appid": claims.appid,
            "openid": claims.openid,
            "iat": int(now),
            "exp": int(now) + LIFETIME,
        }
        if claims.unionid:
            payload["unionid"] = claims.unionid
        if claims.account:
            payload["account"] = claims.account
        if claims.claims:
            payload["claims"] = dict(claims.claims)
        return jwt.encode({"alg": "ES256", "kid": self._key.kid, "typ": "JWT"}, payload, self._key)
