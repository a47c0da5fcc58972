"""Is this text an assertion of the gateway, for this upstream, now? Pure: the key is asked for by name.

Nothing in the token chooses how it is verified but ``kid``, and that only among the gateway's own keys. All of the
header that RFC 7515 offers a forger (``jwk``, ``jku``, ``x5u``, ``crit``, ``b64``) is refused by being there.
"""

from __future__ import annotations

import json
import re
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64decode

from menshen.backend.caller import Caller
from menshen.backend.keys import KID
from menshen.backend.refusals import AssertionInvalid

__all__ = ["ISSUER", "LEEWAY", "kid_of", "verified"]

ISSUER = "menshen"

LEEWAY = 30
"""Seconds that the clocks of gateway and backend may differ."""

LIFETIME = 300
"""Seconds from ``iat`` to ``exp`` at the most."""

MOST_CHARACTERS = 8 * 1024
"""Of an assertion; nothing of a longer one is read."""

_MOST_HEADER = 512

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]\Z", re.ASCII)
"""Three parts, the last of 64 bytes in their one spelling. Two headers joined by a comma do not fit."""


def kid_of(assertion: str) -> str:
    """The name of the key that must have signed it; not a word of it is believed yet. Raises ``AssertionInvalid``."""
    if len(assertion) > MOST_CHARACTERS:
        raise AssertionInvalid("too long")
    compact = _COMPACT.match(assertion)
    if compact is None or len(compact[1]) > _MOST_HEADER:
        raise AssertionInvalid("not a JWT of 64 bytes of signature")
    header = _members(compact[1])
    if header.keys() != {"alg", "kid", "typ"} or header["alg"] != "ES256" or header["typ"] != "JWT":
        raise AssertionInvalid("the header is not that of an assertion")
    kid = header["kid"]
    if not isinstance(kid, str) or KID.match(kid) is None:
        raise AssertionInvalid("the kid is none of a key")
    return kid


def verified(assertion: str, key: ECKey, audience: str, now: float) -> Caller:
    """The caller; ``now`` in Unix seconds. ``kid_of`` has passed before. Raises ``AssertionInvalid``."""
    try:
        payload = jws.deserialize_compact(assertion, key, algorithms=["ES256"]).payload
    except (JoseError, ValueError) as error:
        raise AssertionInvalid(f"the signature is not good ({type(error).__name__})") from None
    claims = _object(payload)
    if claims.get("iss") != ISSUER:
        raise AssertionInvalid("of another issuer")
    if claims.get("aud") != audience:
        raise AssertionInvalid("for another upstream")
    issued, expires = _seconds(claims, "iat"), _seconds(claims, "exp")
    if issued > now + LEEWAY:
        raise AssertionInvalid("made in the future: compare the clocks")
    if now >= expires + LEEWAY:
        raise AssertionInvalid("expired")
    if expires - issued > LIFETIME:
        raise AssertionInvalid("good for longer than an assertion is")
    custom = claims.get("claims", {})
    if not isinstance(custom, dict) or not all(isinstance(value, str) for value in custom.values()):
        raise AssertionInvalid("claims that are not texts")
    if not claims.get("sub") or not claims.get("sid"):
        raise AssertionInvalid("of nobody")
    return Caller(
        uid=_text(claims, "sub"),
        session=_text(claims, "sid"),
        platform=_text(claims, "platform"),
        app=_text(claims, "app"),
        appid=_text(claims, "appid"),
        openid=_text(claims, "openid"),
        unionid=_text(claims, "unionid") if "unionid" in claims else "",
        account=_text(claims, "account") if "account" in claims else "",
        claims=custom,
    )


def _members(part: str) -> dict[str, Any]:
    try:
        return _object(urlsafe_b64decode(part.encode()))
    except ValueError as error:
        raise AssertionInvalid("a part is not base64url") from error


def _object(written: bytes) -> dict[str, Any]:
    try:
        members = json.loads(written)
    except (ValueError, RecursionError):
        raise AssertionInvalid("a part is not JSON") from None
    if not isinstance(members, dict):
        raise AssertionInvalid("a part is no JSON object")
    return members


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str):
        raise AssertionInvalid(f"no {name}")
    return value


def _seconds(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    if not isinstance(value, int):
        raise AssertionInvalid(f"no {name}")
    return value
