"""When sessions were last used, coarsely: noted in memory on each check, written now and then by one transaction.

A write per request would make the database as busy as the gateway. A session is noted at most once in
:data:`STEP` seconds; a renewal is always noted, for it moves the session's end.
"""

from __future__ import annotations

from menshen.sessions.claims import SessionClaims
from menshen.sessions.records import Seen

__all__ = ["STEP", "SeenLog"]

STEP = 300.0
"""Seconds. "Last seen" in a list of sessions is at most this much behind."""

_MOST = 100_000


class SeenLog:
    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._due: dict[str, Seen] = {}

    def used(self, claims: SessionClaims, now: float) -> None:
        """A request was let through."""
        last = self._last.get(claims.sid)
        if last is None:
            # The state's own age tells when the session was noted elsewhere: no write for a login of a moment ago.
            last = float(claims.iat)
        elif now - last < STEP:
            return
        self._last[claims.sid] = now
        if now - last >= STEP:
            self._note(claims, now)

    def renewed(self, claims: SessionClaims, now: float) -> None:
        """The client was given a state with these claims."""
        self._last[claims.sid] = now
        self._note(claims, now)

    def take(self) -> list[Seen]:
        """What is to be written, handed over once."""
        due, self._due = self._due, {}
        if len(self._last) > _MOST:
            self._last.clear()
        return list(due.values())

    def _note(self, claims: SessionClaims, now: float) -> None:
        self._due[claims.sid] = Seen(claims.sid, int(now), claims.iat, claims.exp, claims.end or claims.exp)
