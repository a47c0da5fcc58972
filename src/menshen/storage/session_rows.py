"""What a session record says, and how a row of the table becomes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, or_, select

from menshen.storage.claim_texts import read_claims
from menshen.storage.tables import revocations, sessions

__all__ = ["SessionRow", "covered", "live", "select_sessions", "session_row", "state_bound", "tags_of_login"]


GRACE = 60
"""Seconds that a revocation outlives the last state it could meet."""

_OF_LOGIN = frozenset({"new_user"})


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One login. Times are Unix seconds, spans are seconds.

    ``id`` orders logins and is for paging alone; ``sid`` is what the outside calls a session by. ``auth`` is the login.
    ``state_*`` are those of the newest state that is known of; ``lifetime`` is how long after its making
    a state may end, 0 where states are never renewed. ``protect_until`` is the latest end of any state so far: one
    that a refresh replaced by a shorter one must not come back when its revocation is forgotten. ``digest`` finds a
    session of kind ``reference``. ``tags`` are what of identity tags is in its states. ``refresh_generation``
    counts refresh tokens from 1, 0 where there are none; ``refreshed_at`` is when the newest replaced the one before
    it. The record is over at ``expires_at``.

    ``ended_at`` is None until somebody ends the session; ``ended_why`` then says why.
    """

    id: int
    sid: str
    uid: str
    platform: str
    appid: str
    plugin: str
    kind: str
    openid: str
    unionid: str
    claims: Mapping[str, str]
    account: str
    tags: Mapping[str, str]
    digest: str | None
    auth: int
    state_issued_at: int
    state_expires_at: int
    state_end_at: int
    lifetime: int
    protect_until: int
    refresh_generation: int
    refreshed_at: float | None
    refresh_expires_at: int
    last_seen_at: int
    expires_at: int
    ip: str
    user_agent: str
    ended_at: int | None
    ended_why: str

    def live(self, now: float) -> bool:
        """Whether it is neither ended nor too old."""
        return self.ended_at is None and self.expires_at > now

    def state_bound(self, now: float) -> int:
        """Until when a revocation of this session must be remembered."""
        return state_bound(self.protect_until, self.lifetime, now)


def state_bound(protect_until: int, lifetime: int, now: float) -> int:
    """No state of a session is good from then on (Unix seconds), if none is renewed after ``now``.

    With :data:`GRACE`: Envoy takes a state two seconds longer, and clocks are set back now and then.
    """
    return GRACE + (max(protect_until, int(now) + lifetime) if lifetime else protect_until)


def tags_of_login(tags: Mapping[str, str]) -> dict[str, str]:
    """Those that tell of the login: they stay as they are, whatever becomes of the user."""
    return {name: value for name, value in tags.items() if name in _OF_LOGIN}


def covered() -> ColumnElement[bool]:
    """Whether a revocation of the session's app, or of every app, meets the session."""
    return exists(select(1).where(_rule_meets()).correlate(sessions))


def live(now: float) -> ColumnElement[bool]:
    """``SessionRow.live`` in SQL."""
    return and_(sessions.c.ended_at.is_(None), _not_too_old(now), ~covered())


def _not_too_old(now: float) -> ColumnElement[bool]:
    # The sum keeps SQLite from walking the index of expires_at, which would find nearly every row and sort them.
    return (sessions.c.expires_at + 0) > int(now)


def select_sessions() -> Select[Any]:
    """Rows for :func:`session_row`."""
    since = select(func.min(revocations.c.created_at)).where(_rule_meets()).correlate(sessions).scalar_subquery()
    return select(sessions, since.label("covered_at"))


def session_row(row: Row[Any]) -> SessionRow:
    """The record. One that a revocation of its app meets is ended, whether or not the row has been marked yet."""
    values = dict(row._mapping)
    values |= {name: read_claims(values[name]) for name in ("claims", "tags")}
    covered_at = values.pop("covered_at")
    if covered_at is not None and values["ended_at"] is None and values["expires_at"] > covered_at:
        ended_at = max(values["auth"], int(covered_at))
        values |= {"ended_at": ended_at, "ended_why": "revoked", "expires_at": ended_at}
    return SessionRow(**values)


def _rule_meets() -> ColumnElement[bool]:
    return and_(
        revocations.c.sid == "",
        revocations.c.before > sessions.c.auth,
        or_(
            revocations.c.platform == "",
            and_(revocations.c.platform == sessions.c.platform, revocations.c.appid == sessions.c.appid),
        ),
    )
