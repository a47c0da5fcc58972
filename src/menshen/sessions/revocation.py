"""Which login states are good no more though their time has not come.

One set a worker, in memory, asked on every check. It holds only what can still matter: a revocation is forgotten when
every state it could meet has died of age.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from menshen.sessions.claims import SessionClaims
from menshen.storage.revocations import CHANGED

__all__ = ["Revocation", "Revocations"]


@dataclass(frozen=True, slots=True)
class Revocation:
    """One session (``sid``), or with ``sid`` "" every session of an app whose login came before ``before``.

    ``platform`` and ``appid`` "" mean every app. ``before`` and ``until`` are Unix seconds; from ``until`` on no state
    is left that it could meet, 0 where that is not known yet. ``kind`` is of the session; kind ``changed`` revokes
    nothing, it says that the session's record is another than it was (:meth:`References.changed`).
    """

    id: int
    sid: str
    platform: str
    appid: str
    before: int
    until: int
    kind: str


class Revocations:
    """What was revoked, as far as it is known here."""

    def __init__(self) -> None:
        self._sids: dict[str, int] = {}
        self._apps: dict[tuple[str, str], tuple[int, int]] = {}
        self._ours: dict[str, int] = {}
        self._next = float("inf")

    def revoked(self, claims: SessionClaims) -> bool:
        """Whether the session of these claims was ended."""
        if claims.sid in self._sids:
            return True
        if not self._apps:
            return False
        for app in ((claims.platform, claims.appid), ("", "")):
            rule = self._apps.get(app)
            if rule is not None and (claims.auth or claims.iat) < rule[0]:
                return True
        return False

    def add(self, items: Iterable[Revocation]) -> None:
        """Know these as well."""
        for item in items:
            if item.kind == CHANGED:
                continue
            if item.sid:
                self._sids[item.sid] = _later(self._sids.get(item.sid, item.until), item.until)
                self._ours.pop(item.sid, None)
            else:
                app = (item.platform, item.appid)
                # The later of two rules for an app says all that the earlier one says.
                before, until = self._apps.get(app, (item.before, item.until))
                self._apps[app] = (max(before, item.before), _later(until, item.until))
            self._due(item.until)

    def replace(self, items: Iterable[Revocation]) -> None:
        """Know these, and what this process ended itself and has not seen come round: it may be missing here."""
        self._sids = dict(self._ours)
        self._apps = {}
        self._next = float("inf")
        for until in self._ours.values():
            self._due(until)
        self.add(items)

    def end(self, sid: str, until: int) -> None:
        """This process ended a session: it counts here before it comes round through the database."""
        until = _later(self._sids.get(sid, until), until)
        self._sids[sid] = self._ours[sid] = until
        self._due(until)

    def forget(self, now: float) -> None:
        """Drop what is past its ``until``; ``now`` in Unix seconds. Cheap while nothing is."""
        if now < self._next:
            return
        self._sids = {sid: until for sid, until in self._sids.items() if not 0 < until <= now}
        self._ours = {sid: until for sid, until in self._ours.items() if sid in self._sids}
        self._apps = {app: rule for app, rule in self._apps.items() if not 0 < rule[1] <= now}
        self._next = float("inf")
        for until in self._sids.values():
            self._due(until)
        for _, until in self._apps.values():
            self._due(until)

    def __len__(self) -> int:
        return len(self._sids) + len(self._apps)

    def _due(self, until: int) -> None:
        if 0 < until < self._next:
            self._next = until


def _later(one: int, other: int) -> int:
    """The later of two ends; one that is not known is later than any."""
    return max(one, other) if one and other else 0
