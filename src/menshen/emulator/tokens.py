"""Access tokens of one app, as a platform gives and judges them (``reference/platform-apis.md`` 1.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from menshen.emulator.identifiers import RandomBytes, access_token

__all__ = ["FORCED_A_DAY", "FORCE_PAUSE", "LIFETIME", "OVERLAP", "Standing", "Tokens"]

LIFETIME: Final = 7200
"""Seconds."""

OVERLAP: Final = 300
"""Seconds. In the last of a token's life ``stable_token`` gives the next one, and for so long both are good."""

FORCED_A_DAY: Final = 20
FORCE_PAUSE: Final = 30
"""Seconds between two forced ones; what comes sooner, or is too much for a day, gets the present token."""

_MOST = 32  # tokens of one app that are remembered

Standing = Literal["good", "expired", "superseded", "unknown"]


@dataclass(slots=True)
class _Token:
    text: str
    expires: float
    good_until: float


class Tokens:
    """The tokens of one app that one API gave. WeChat has two such APIs, whose tokens know nothing of each other."""

    __slots__ = ("_forced", "_forced_at", "_given", "_random")

    def __init__(self, random: RandomBytes) -> None:
        self._random = random
        self._given: list[_Token] = []  # the present one is the last
        self._forced_at = -math.inf
        self._forced: dict[int, int] = {}

    def stable(self, now: float, *, force: bool) -> tuple[str, int]:
        """The token and its seconds, as ``stable_token`` gives them."""
        present = self._given[-1] if self._given else None
        if present is None or present.good_until <= now:
            return self._next(now)
        if force and self._may_force(now):
            present.good_until = now
            return self._next(now)
        if present.expires - now <= OVERLAP:
            present.good_until = min(present.expires, now + OVERLAP)
            return self._next(now)
        return present.text, int(present.expires - now)

    def plain(self, now: float) -> tuple[str, int]:
        """As ``token`` gives them: a new one every time, after which the old one lasts for the overlap."""
        if self._given:
            present = self._given[-1]
            present.good_until = min(present.good_until, now + OVERLAP)
        return self._next(now)

    def standing(self, text: str, now: float) -> Standing:
        for token in reversed(self._given):
            if token.text == text:
                if now < token.good_until:
                    return "good"
                return "expired" if token.expires <= now else "superseded"
        return "unknown"

    def revoke(self, now: float) -> None:
        """The present token is good no more, and the next call for one gives another: somebody else has forced it."""
        if self._given:
            self._given[-1].good_until = min(self._given[-1].good_until, now)

    def _next(self, now: float) -> tuple[str, int]:
        self._given.append(_Token(access_token(self._random), now + LIFETIME, now + LIFETIME))
        del self._given[:-_MOST]
        return self._given[-1].text, LIFETIME

    def _may_force(self, now: float) -> bool:
        day = int(now // 86_400)
        if now - self._forced_at < FORCE_PAUSE or self._forced.get(day, 0) >= FORCED_A_DAY:
            return False
        self._forced_at = now
        self._forced = {day: self._forced.get(day, 0) + 1}
        return True
