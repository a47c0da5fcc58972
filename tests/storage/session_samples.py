"""Session records on a clock that stands still until it is moved."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from menshen.sessions.claims import SessionClaims
from menshen.sessions.records import NewSession, Record, RefreshTerms, Rotation, SessionRecords
from menshen.storage.claim_texts import written_claims
from menshen.storage.database import Database
from menshen.storage.session_rows import GRACE
from menshen.storage.tables import revocations, users
from tests.storage.conftest import opened

NOW = 1_000_000
APP = ("wechat", "wx1")
HOUR = 3600

TERMS = RefreshTerms(expires_in=HOUR, idle=0, renewable=False, refresh_expires_in=30 * 86_400)


class Sessions:
    """Records with their clock; ``log_in`` makes sessions with short ids s1, s2 ..."""

    def __init__(self, database: Database, at: float = NOW, prefix: str = "s") -> None:
        self.database = database
        self.now = at
        self.records = SessionRecords(database, lambda: self.now)
        self._numbers = itertools.count(1)
        self._prefix = prefix

    def new(
        self,
        uid: str = "u1",
        *,
        app: tuple[str, str] = APP,
        life: int = HOUR,
        idle: int = 0,
        refresh: int = 0,
        claims: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
        kind: str = "sealed",
        **options: Any,
    ) -> NewSession:
        at = int(self.now)
        made = SessionClaims(
            sub=uid,
            sid=f"{self._prefix}{next(self._numbers)}",
            platform=app[0],
            appid=app[1],
            openid=f"open-{uid}",
            unionid="",
            iat=at,
            exp=at + (idle or life),
            auth=at,
            end=at + life,
            life=life if idle else 0,
            claims=claims or {},
            tags=tags or {},
        )
        return NewSession(made, kind, "shop-login", refresh_expires_at=at + refresh if refresh else 0, **options)

    async def log_in(self, uid: str = "u1", **options: Any) -> str:
        new = self.new(uid, **options)
        await self.records.open(new)
        return new.claims.sid

    async def get(self, sid: str) -> Record:
        record = await self.records.get(sid)
        assert record is not None
        return record

    async def why(self, *sids: str) -> list[str]:
        """Why each ended, "" for what did not."""
        return [(await self.get(sid)).ended_why for sid in sids]

    async def live(self, **which: Any) -> list[str]:
        return [record.sid for record in await self.records.list(**which)]

    async def refresh(
        self, sid: str, generation: int, *, received: float | None = None, terms: RefreshTerms = TERMS
    ) -> Rotation:
        at = self.now if received is None else received
        return await self.records.rotate(sid, generation, at, terms, self.now)

    async def revoked(self) -> dict[str, int]:
        """sid -> until (less the grace), of the revocations in the table; an app's rule is under its appid or "*"."""
        async with self.database.reading() as connection:
            rows = await connection.execute(select(revocations).order_by(revocations.c.id))
            return {row.sid or row.appid or "*": row.until and row.until - GRACE for row in rows}

    async def add_user(self, uid: str, **claims: str) -> None:
        async with self.database.writing() as connection:
            await connection.execute(insert(users), [{"uid": uid, "created_at": 1, "claims": written_claims(claims)}])


def on_sessions(where: Path | str, work: Callable[[Sessions], Awaitable[None]]) -> None:
    """Run on a database of its own."""

    async def main() -> None:
        async with opened(where) as database:
            await work(Sessions(database))

    asyncio.run(main())


def on_two(where: Path | str, work: Callable[[Sessions, Sessions], Awaitable[None]]) -> None:
    """Run as two processes would be on one database."""

    async def main() -> None:
        async with opened(where) as one, opened(where) as other:
            await work(Sessions(one, prefix="a"), Sessions(other, prefix="b"))

    asyncio.run(main())
