"""What Envoy makes of a signed state: the rules of its filters, over a JWT library that is not the gateway's code."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import KeySet

from menshen.envoy import Denied

__all__ = ["CLOCK_SKEW", "EnvoyJudge", "verified"]

CLOCK_SKEW = 1
"""Seconds, as ``envoy/states.py`` configures it."""


class EnvoyJudge:
    """``keys`` and ``denied`` are what it was told last."""

    def __init__(self, keys: dict[str, Any], denied: Denied, clock: Callable[[], float]) -> None:
        self.keys = keys
        self.denied = denied
        self._clock = clock

    def says(self, text: str, platform: str, appid: str, skew: int = -1) -> str:
        """A state is too old when the clock, in whole seconds, is later than ``exp + skew``: Envoy's own comparison.

        -1 is what the brain's clock means by too old; Envoy itself grants :data:`CLOCK_SKEW`.
        """
        payload = verified(text, msgspec.json.encode(self.keys))
        if payload is None or payload["iss"] != "menshen/session" or payload["aud"] != f"{platform}/{appid}":
            return "session_invalid"
        if int(self._clock()) > payload["exp"] + skew:
            return "session_expired"
        if payload["sid"] in self.denied.sids:
            return "session_revoked"
        for rule_platform, rule_appid, before in self.denied.apps:
            if (not rule_platform or payload["aud"] == f"{rule_platform}/{rule_appid}") and payload["auth"] < before:
                return "session_revoked"
        return "allowed"


@lru_cache(4096)
def verified(text: str, keys: bytes) -> dict[str, Any] | None:
    """The claims of a JWT that one of these keys signed; None for any other text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # RFC 9864's new name, which Envoy does not know
            ring = KeySet.import_key_set(msgspec.json.decode(keys))
            return dict(jwt.decode(text, ring, algorithms=["ES256", "EdDSA"]).claims)
    except (JoseError, ValueError):
        return None
