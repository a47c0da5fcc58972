"""What a login state says, whatever its kind."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

__all__ = ["RandomBytes", "SessionClaims", "new_id"]

RandomBytes = Callable[[int], bytes]
"""A source of OS randomness: ``secrets.token_bytes`` in the program, a seeded one in a test."""


@dataclass(frozen=True, slots=True)
class SessionClaims:
    """Who holds the login state, since when and until when.

    ``sub`` is the stable user id, ``sid`` the session id, both lower-case letters and digits. Times are Unix seconds:
    ``auth`` is the login, the same in every state of a session; ``iat`` is when this state was made; it is too old from
    ``exp`` on. ``end`` is where use alone cannot carry the session (``exp`` is earlier where a session may idle out),
    ``life`` is the most seconds that a renewal gives from its making, 0: it is never renewed. ``unionid`` is "" where
    the platform gave none, ``openid`` too after a login that the platform had no part in. ``account`` is the business
    account of the user, or "". ``claims`` are the user record's own. ``tags`` are those of its plugin's identity tags
    that the rest does not say, name -> value as headers and baggage have it. ``session_key`` is never here: it stays on
    the server.
    """

    sub: str
    sid: str
    platform: str
    appid: str
    openid: str
    unionid: str
    iat: int
    exp: int
    auth: int = 0
    end: int = 0
    life: int = 0
    claims: Mapping[str, str] = field(default_factory=dict, hash=False)
    account: str = ""
    tags: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)


def new_id(random: RandomBytes) -> str:
    """26 characters of ``a-z2-7`` over 128 random bits: not guessable, and fit for Envoy's matchers."""
    return base64.b32encode(random(16)).rstrip(b"=").lower().decode()
