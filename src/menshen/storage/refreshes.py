"""Trading a refresh token in: each one once, and whoever uses one again ends the session."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import and_, case, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.claim_texts import named_claims, read_claims
from menshen.storage.revocations import in_order, tell_changed
from menshen.storage.session_endings import end_sessions
from menshen.storage.session_rows import SessionRow, covered, tags_of_login
from menshen.storage.sessions import find_by_sid
from menshen.storage.tables import accounts, sessions, users

__all__ = ["Refresh", "Refreshed", "Unchanged", "refresh_sessions", "unchanged_because"]

Unchanged = Literal["again", "reused", "over"]


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh token that was presented, and what its session shall get for it.

    ``received`` is when Envoy had the request, ``at`` when it is answered, in Unix seconds; spans are in seconds.
    ``claims`` names what to take over of the user's claims, ``tags`` what of the word of platforms. ``kind`` "" leaves
    the kind as it is. ``account_source`` is whose accounts are told, "": any.
    """

    sid: str
    generation: int
    received: float
    at: float
    expires_in: int
    idle: int
    renewable: bool
    refresh_expires_in: int
    claims: tuple[str, ...]
    digest: str
    kind: str
    account_source: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _User:
    """What a session takes over of its user. ``tags`` are of the user and, where they tell of the login, its own."""

    claims: Mapping[str, str] = field(default_factory=dict)
    account: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refreshed:
    """``row`` is the session afterwards, None where there is none of that ``sid``."""

    outcome: Literal["rotated"] | Unchanged
    row: SessionRow | None


async def refresh_sessions(
    connection: AsyncConnection, refreshes: Sequence[Refresh], clock: Callable[[], float]
) -> list[Refreshed]:
    """Give each session its next generation, or end it where the token was used before."""
    await in_order(connection)
    return [await _refresh(connection, item, clock) for item in refreshes]


async def _refresh(connection: AsyncConnection, item: Refresh, clock: Callable[[], float]) -> Refreshed:
    user = await _user_of(connection, item.sid, item.account_source)
    # Its turn to write may have come late. A duplicate sent in the meantime is as innocent as one sent before.
    if await _rotate(connection, item, user, max(item.at, clock())):
        if item.digest:
            # The reference that this one replaces is good nowhere any more, also not where it is kept.
            await tell_changed(connection, item.sid, int(item.at))
        return Refreshed("rotated", await find_by_sid(connection, item.sid))
    row = await find_by_sid(connection, item.sid)
    outcome = unchanged_because(row, item.generation, item.received, item.at)
    if outcome == "reused":
        await end_sessions(connection, {item.sid: "refresh_reuse"}, item.at)
        row = await find_by_sid(connection, item.sid)
    return Refreshed(outcome, row)


def unchanged_because(row: SessionRow | None, generation: int, received: float, now: float) -> Unchanged:
    """Why a token did not rotate its session.

    A client may send two requests at once with one token: the second had reached Envoy before the first was answered,
    and gets the same answer. Any later use of an old token is one too many: either it is a thief's, or the one that
    rotated before it was. Nobody can tell which, so nobody keeps the session.
    """
    if row is None or row.ended_at is not None or row.refresh_expires_at <= now:
        return "over"
    if generation == row.refresh_generation - 1 and row.refreshed_at is not None and received <= row.refreshed_at:
        return "again"
    return "reused"


async def _user_of(connection: AsyncConnection, sid: str, source: str) -> _User:
    """The user as he is now."""
    told = and_(accounts.c.uid == users.c.uid, accounts.c.source == source if source else true())
    query = (
        select(users.c.claims, users.c.vouched, sessions.c.tags, accounts.c.name)
        .join(sessions, sessions.c.uid == users.c.uid)
        .outerjoin(accounts, told)
        .where(sessions.c.sid == sid)
    )
    row = (await connection.execute(query)).first()
    if row is None:
        return _User()
    tags = read_claims(row.vouched) | tags_of_login(read_claims(row.tags))
    return _User(read_claims(row.claims), row.name or "", tags)


async def _rotate(connection: AsyncConnection, item: Refresh, user: _User, refreshed_at: float) -> bool:
    """Whether this statement found the generation that it takes on: of any number of processes one does."""
    now = int(item.at)
    end = now + item.expires_in
    state_expires_at = min(now + item.idle, end) if item.idle else end
    refresh_expires_at = now + item.refresh_expires_in
    columns = sessions.c
    rotated = (
        update(sessions)
        .where(
            columns.sid == item.sid,
            columns.refresh_generation == item.generation,
            columns.ended_at.is_(None),
            columns.refresh_expires_at > item.at,
            ~covered(),
        )
        .values(
            refresh_generation=item.generation + 1,
            refreshed_at=refreshed_at,
            refresh_expires_at=refresh_expires_at,
            state_issued_at=now,
            state_expires_at=state_expires_at,
            state_end_at=end,
            lifetime=item.expires_in if item.renewable else 0,
            protect_until=case(
                (columns.protect_until < state_expires_at, state_expires_at), else_=columns.protect_until
            ),
            # Never told to Envoy, an ended signed session would live on there: once signed, always signed.
            kind=case((columns.kind == "signed", columns.kind), else_=item.kind) if item.kind else columns.kind,
            claims=named_claims(user.claims, item.claims),
            account=user.account,
            tags=named_claims(user.tags, item.tags),
            digest=item.digest or None,
            last_seen_at=now,
            expires_at=max(state_expires_at, refresh_expires_at),
        )
    )
    return bool((await connection.execute(rotated)).rowcount)
