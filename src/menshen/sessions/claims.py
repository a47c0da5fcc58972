"""What a login state says, whatever its kind."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["RandomBytes", "SessionClaims", "new_id"]

RandomBytes = Callable[[int], bytes]
"""A source of OS randomness: ``secrets.token_bytes`` in the program, a seeded one in a test."""


@dataclass(frozen=True, slots=True)
class SessionClaims:
    """Who holds the login state, since when and until when.

    ``sub`` is the stable user id, ``sid`` the session id, both lower-case letters and digits. ``iat`` and ``exp`` are
    Unix seconds; a state is too old from ``exp`` on. ``unionid`` is "" where the platform gave none. ``session_key``
    is never here: it stays on the server.
    """

    sub: str
    sid: str
    platform: str
    appid: str
    openid: str
    unionid: str
    iat: int
    exp: int


def new_id(random: RandomBytes) -> str:
    """26 characters of ``a-z2-7`` over 128 random bits: not guessable, and fit for Envoy's matchers."""
    return base64.b32encode(random(16)).rstrip(b"=").lower().decode()
