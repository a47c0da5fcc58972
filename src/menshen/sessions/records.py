"""The server's side of sessions: a record of every login, whatever the kind of its state.

A state may be good without anybody asking the database; the record is what can be listed, refreshed and ended. What
ends a session here also revokes its states, in the same transaction. Whatever fails in the database is raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.sessions.claims import SessionClaims
from menshen.sessions.revocation import Revocation
from menshen.storage.batching import Batcher
from menshen.storage.database import Database
from menshen.storage.paging import Page
from menshen.storage.refreshes import Refresh, Refreshed, refresh_sessions
from menshen.storage.revocations import add_rule, read_revocations
from menshen.storage.session_endings import Ending, end_all
from menshen.storage.session_openings import OpenSession, open_sessions
from menshen.storage.session_rows import SessionRow
from menshen.storage.sessions import SessionUse, find_by_digest, find_by_sid, list_sessions, note_uses, page_sessions
from menshen.storage.tidying import tidy

__all__ = [
    "NewSession",
    "Record",
    "RefreshRefused",
    "RefreshTerms",
    "Rotated",
    "Rotation",
    "Seen",
    "SessionRecords",
    "Why",
]

Why = Literal["logout", "revoked", "replaced", "max_sessions", "refresh_reuse", "banned", "closed", "merged", "unbound"]

Record = SessionRow
"""One login: every column of the table as a field, and ``live(now)``."""

Seen = SessionUse
"""A session was used: ``Seen(sid, at, issued_at, expires_at, end_at)``, of the state that its client now has."""

_MOST_IP, _MOST_USER_AGENT = 45, 200
_REST_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class NewSession:
    """A login that was let in.

    ``digest`` finds a session of kind ``reference``, "" for the other kinds. ``refresh_expires_at`` (Unix seconds) is
    0 where there is no refresh token. ``max_sessions`` is for one
    user at one app, 0 is no limit. ``replaces`` is the ``sid`` that the client held until now, or "".
    """

    claims: SessionClaims
    kind: str
    plugin: str
    digest: str = ""
    refresh_expires_at: int = 0
    max_sessions: int = 0
    replaces: str = ""
    ip: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class RefreshTerms:
    """What a refresh gives. Spans in seconds, ``idle`` 0 is not used.

    ``claims`` names what to take over of the user's claims as they are now, ``tags`` what of the word of platforms;
    ``digest`` finds the new reference, "" for the other kinds. ``kind`` is that of the new state, "" where it cannot
    have changed since the login. ``account_source`` is whose accounts are told, "": any.
    """

    expires_in: int
    idle: int
    renewable: bool
    refresh_expires_in: int
    claims: tuple[str, ...] = ()
    digest: str = ""
    kind: str = ""
    account_source: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rotated:
    """The token of this ``generation`` is good; ``again``: a parallel request had rotated to it."""

    outcome: Literal["rotated", "again"]
    generation: int
    record: Record


@dataclass(frozen=True, slots=True)
class RefreshRefused:
    """``reused``: the session was ended for it. ``over``: it was so before, or there is none (``record`` None)."""

    outcome: Literal["reused", "over"]
    generation: int
    record: Record | None


Rotation = Rotated | RefreshRefused


class SessionRecords:
    """``clock`` gives Unix seconds. Every method raises what the database raises."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._finds: Batcher[str, Record | None] = Batcher(self._find_all)

    @property
    def database(self) -> Database:
        return self._database

    async def open(self, new: NewSession) -> None:
        """Store a login; end what it replaces and what is one too many."""
        await self._database.write(self.open_all, new)

    async def open_all(self, connection: AsyncConnection, new: Sequence[NewSession]) -> Sequence[None]:
        """As :meth:`open`, within the caller's transaction."""
        now = self._clock()
        return await open_sessions(connection, [_row(each, now) for each in new])

    async def find(self, digest: str) -> Record | None:
        """The record behind a reference, over or not. Those that are looked for at the same time share one read."""
        return await self._finds.call(digest)

    async def _find_all(self, digests: Sequence[str]) -> Sequence[Record | None]:
        async with self._database.reading() as connection:
            found = await find_by_digest(connection, digests)
        return [found.get(digest) for digest in digests]

    async def get(self, sid: str) -> Record | None:
        """The record, over or not."""
        async with self._database.reading() as connection:
            return await find_by_sid(connection, sid)

    async def seen(self, items: Sequence[Seen]) -> None:
        """Carry records on. Nothing is ever taken back, so late and repeated items do no harm."""
        if items:
            async with self._database.writing() as connection:
                await note_uses(connection, items, self._clock())

    async def rotate(self, sid: str, generation: int, received: float, terms: RefreshTerms, now: float) -> Rotation:
        """Trade in the refresh token of this generation, which is genuine and not too old.

        ``received`` is when Envoy had the request, ``now`` the time of the answer, both in Unix seconds.
        """
        refresh = Refresh(
            sid=sid,
            generation=generation,
            received=received,
            at=now,
            expires_in=terms.expires_in,
            idle=terms.idle,
            renewable=terms.renewable,
            refresh_expires_in=terms.refresh_expires_in,
            claims=terms.claims,
            digest=terms.digest,
            kind=terms.kind,
            account_source=terms.account_source,
            tags=terms.tags,
        )
        refreshed = await self._database.write(self._refresh_all, refresh)
        row = refreshed.row
        match refreshed.outcome:
            case "rotated" | "again" as outcome if row is not None:
                return Rotated(outcome, row.refresh_generation, row)
            case "reused" as outcome:
                return RefreshRefused(outcome, generation, row)
        return RefreshRefused("over", generation, row)

    async def end(self, sids: Sequence[str], why: Why) -> int:
        """End these sessions; how many were live."""
        return await self._database.write(end_all, Ending(why, self._clock(), sids=tuple(sids))) if sids else 0

    async def end_user(self, uid: str, why: Why) -> int:
        """End every session of a user, at every app; how many were live."""
        return await self._database.write(end_all, Ending(why, self._clock(), uid=uid)) if uid else 0

    async def end_app(self, platform: str, appid: str, before: int | None = None) -> None:
        """End the sessions of an app that logged in before ``before``, without it all up to now."""
        if not platform or not appid:
            raise ValueError("an app has a platform and an appid")
        await self._end_before(platform, appid, before)

    async def end_before(self, before: int | None = None) -> None:
        """End the sessions of every app that logged in before ``before``, without it all up to now."""
        await self._end_before("", "", before)

    async def _end_before(self, platform: str, appid: str, before: int | None) -> None:
        now = self._clock()
        # Logins carry whole seconds: one of this second may have come a moment ago.
        moment = floor(now) + 1 if before is None else before
        async with self._database.writing() as connection:
            await add_rule(connection, platform, appid, moment, now)

    async def known_app(self, name: str, apps: Mapping[str, tuple[str, str]]) -> tuple[str, str] | None:
        """Platform and appid of an app as an operator writes it: by its name among ``apps``, or platform/appid.

        None for a text that is no app of now nor of any record: in another spelling it would end nothing, and say
        nothing (attack class 32).
        """
        if name in apps:
            return apps[name]
        platform, _, appid = name.partition("/")
        if not platform or not appid:
            return None
        known = (platform, appid) in apps.values() or await self.list(app=(platform, appid), live=False, limit=1)
        return (platform, appid) if known else None

    async def revocations(self, after: int = 0) -> list[Revocation]:
        """Those with a higher id that can still meet a state, in the order of their ids."""
        async with self._database.reading() as connection:
            rows = await read_revocations(connection, after, self._clock())
        return [Revocation(r.id, r.sid, r.platform, r.appid, r.before, r.until, r.kind) for r in rows]

    async def tidy(self, now: float) -> int:
        """Mark what revocations of apps met, delete what is long over; how many rows that were.

        For the background: between two transactions it leaves the database to others.
        """
        return await tidy(self._database, now, lambda: asyncio.sleep(_REST_SECONDS))

    async def _refresh_all(self, connection: AsyncConnection, refreshes: Sequence[Refresh]) -> Sequence[Refreshed]:
        return await refresh_sessions(connection, refreshes, self._clock)

    async def list(
        self,
        *,
        uid: str | None = None,
        app: tuple[str, str] | None = None,
        live: bool = True,
        limit: int = 50,
        below: int | None = None,
        before: int | None = None,
    ) -> list[Record]:
        """The newest first; the next page is ``below`` the ``id`` of the last one. ``app`` is (platform, appid).

        ``before`` (Unix seconds) is for logins that came earlier.
        """
        async with self._database.reading() as connection:
            return await list_sessions(
                connection, self._clock(), uid=uid, app=app, only_live=live, limit=limit, below=below, before=before
            )

    async def page(
        self,
        *,
        uid: str | None = None,
        app: tuple[str, str] | None = None,
        live: bool = True,
        limit: int = 50,
        below: int | None = None,
    ) -> Page[Record, int]:
        """As :meth:`list`, of so many rows as one page looks at."""
        async with self._database.reading() as connection:
            return await page_sessions(
                connection, self._clock(), uid=uid, app=app, only_live=live, limit=limit, below=below
            )


def _row(new: NewSession, now: float) -> OpenSession:
    claims = new.claims
    return OpenSession(
        sid=claims.sid,
        uid=claims.sub,
        platform=claims.platform,
        appid=claims.appid,
        plugin=new.plugin,
        kind=new.kind,
        openid=claims.openid,
        unionid=claims.unionid,
        claims=claims.claims,
        account=claims.account,
        tags=claims.tags,
        digest=new.digest,
        auth=claims.auth or claims.iat,
        state_issued_at=claims.iat,
        state_expires_at=claims.exp,
        state_end_at=claims.end or claims.exp,
        lifetime=claims.life,
        refresh_expires_at=new.refresh_expires_at,
        ip=new.ip[:_MOST_IP],
        user_agent=new.user_agent[:_MOST_USER_AGENT],
        max_sessions=new.max_sessions,
        replaces=new.replaces,
        at=now,
    )
