"""Refresh tokens: sealed like a login state, with keys of their own, and good for nothing but a new state.

A refresh token opens as no login state and a login state as no refresh token (attack class 23): the keys differ, and
should an operator ever put one key into both rings, so do the fields. That a token works once is the record's affair
(``generation``), not this module's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from menshen.errors import RefreshInvalid, SessionExpired, SessionInvalid
from menshen.sessions.box import Box
from menshen.sessions.claims import RandomBytes
from menshen.sessions.keys import SymmetricKey
from menshen.sessions.reference import new_reference

__all__ = ["RefreshClaims", "RefreshTokens"]


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """Which session a token renews, for which app and by which plugin's rules.

    ``generation`` counts the tokens of a session from 1; ``exp`` is Unix seconds, too old from then on. ``seed`` is
    the same in every token of a session of kind ``reference``, "" for the other kinds: the session's later ids come of
    it, so that two requests in parallel can both be told the same one, though the database has its digest alone.
    """

    sid: str
    platform: str
    appid: str
    plugin: str
    generation: int
    exp: int
    seed: str = ""


class RefreshTokens:
    """Seals with the first key of the ring, opens with any."""

    def __init__(self, keys: Iterable[SymmetricKey], random: RandomBytes) -> None:
        self._random = random
        self._box = Box(keys, random, RefreshClaims, kept=0)  # a token comes once

    def mint(self, claims: RefreshClaims) -> str:
        return self._box.seal(claims)

    def new_seed(self) -> str:
        return new_reference(self._random)

    def open(self, token: bytes, now: float) -> RefreshClaims:
        """What a token says. Raises ``RefreshInvalid`` for anything this ring did not make, ``SessionExpired`` for a
        genuine token that is too old (``now`` in Unix seconds)."""
        try:
            claims = self._box.open(token)
        except SessionInvalid as error:
            raise RefreshInvalid(error.detail) from None
        if now >= claims.exp:
            raise SessionExpired
        return claims
