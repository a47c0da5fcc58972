"""The signed assertion: a short JWT that tells a backend who calls, for backends that must not trust the network.

ES256, ``aud`` is the upstream's name, valid five minutes. A signature costs more than the rest of a check together, so
an assertion is used again for the same claims and upstream for up to four minutes: at least one is left when it
arrives. Only the assertion is kept, never a verdict: each request is still checked (attack class 24).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from menshen.sessions.claims import SessionClaims

__all__ = ["ISSUER", "LIFETIME", "Asserter"]

ISSUER = "menshen"
LIFETIME = 300
"""Seconds from ``iat`` to ``exp``."""

_REUSE = 240
_CACHED = 10_000


@dataclass(frozen=True, slots=True)
class _Kept:
    claims: SessionClaims
    text: str
    until: float


class Asserter:
    """Signs with the first key of the ring."""

    def __init__(self, keys: Sequence[ECKey], cached: int = _CACHED) -> None:
        self._key = keys[0]
        self._cached = cached
        self._kept: OrderedDict[tuple[str, int, str, str], _Kept] = OrderedDict()

    def assertion(self, claims: SessionClaims, app: str, upstream: str, now: float) -> str:
        """The assertion for these claims at this upstream; ``now`` in Unix seconds."""
        key = (claims.sid, claims.iat, app, upstream)
        kept = self._kept.get(key)
        # The claims themselves too: a refresh within a second of the login may have brought others of the user's own.
        if kept is not None and now < kept.until and (kept.claims is claims or kept.claims == claims):
            return kept.text
        text = self._sign(claims, app, upstream, int(now))
        self._kept[key] = _Kept(claims, text, now + _REUSE)
        self._kept.move_to_end(key)
        if len(self._kept) > self._cached:
            self._kept.popitem(last=False)
        return text

    def _sign(self, claims: SessionClaims, app: str, upstream: str, now: int) -> str:
        payload: dict[str, Any] = {
            "iss": ISSUER,
            "aud": upstream,
            "sub": claims.sub,
            "sid": claims.sid,
            "platform": claims.platform,
            "app": app,
            "appid": claims.appid,
            "openid": claims.openid,
            "iat": now,
            "exp": now + LIFETIME,
        }
        if claims.unionid:
            payload["unionid"] = claims.unionid
        if claims.account:
            payload["account"] = claims.account
        if claims.claims:
            payload["claims"] = dict(claims.claims)
        return jwt.encode({"alg": "ES256", "kid": self._key.kid, "typ": "JWT"}, payload, self._key)
