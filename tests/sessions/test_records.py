"""Session records as the rest of the program sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from menshen.errors import DatabaseUnavailable
from menshen.sessions.claims import SessionClaims
from menshen.sessions.records import NewSession, Seen, SessionRecords
from menshen.sessions.revocation import Revocations
from menshen.storage.database import Database, sqlite_url
from tests.storage.session_samples import APP, HOUR, NOW, TERMS, Sessions, on_sessions


def test_what_a_client_sent_is_cut_to_what_is_kept(tmp_path: Path) -> None:
    async def work(sessions: Sessions) -> None:
        await sessions.log_in(user_agent="x" * 5000, ip="y" * 100)
        record = await sessions.get("s1")
        assert (len(record.user_agent), len(record.ip)) == (200, 45)

    on_sessions(tmp_path, work)


def test_claims_of_before_there_were_records_are_understood(tmp_path: Path) -> None:
    """``auth``, ``end`` and ``life`` of 0: a state that an older version made."""

    async def work(sessions: Sessions) -> None:
        claims = SessionClaims("u1", "old", *APP, "o", "", iat=NOW, exp=NOW + HOUR)
        await sessions.records.open(NewSession(claims, "sealed", "p"))
        record = await sessions.get("old")
        assert (record.auth, record.state_end_at, record.lifetime) == (NOW, NOW + HOUR, 0)

    on_sessions(tmp_path, work)


def test_an_app_is_ended_up_to_the_whole_second_after_now(tmp_path: Path) -> None:
    async def work(sessions: Sessions) -> None:
        for now, before in ((NOW, NOW + 1), (NOW + 1.001, NOW + 2), (NOW + 2.999, NOW + 3)):
            sessions.now = now
            await sessions.records.end_app(*APP)
            assert [r.before for r in await sessions.records.revocations()] == [before]

    on_sessions(tmp_path, work)


def test_the_set_in_memory_and_the_records_agree(tmp_path: Path) -> None:
    async def work(sessions: Sessions) -> None:
        news = [sessions.new(f"u{n % 2}", app=APP if n < 4 else ("qq", "q1")) for n in range(6)]
        await asyncio.gather(*(sessions.records.open(new) for new in news))
        sessions.now += 2
        await sessions.records.end(["s1"], "logout")
        await sessions.records.end_user("u1", "revoked")
        await sessions.records.end_app("qq", "q1")
        revocations = Revocations()
        revocations.add(await sessions.records.revocations())
        live = set(await sessions.live())
        assert live == {"s3"}
        assert {new.claims.sid for new in news if not revocations.revoked(new.claims)} == live

    on_sessions(tmp_path, work)


CALLS: dict[str, Callable[[SessionRecords], Awaitable[object]]] = {
    "open": lambda r: r.open(NewSession(SessionClaims("u", "s", *APP, "o", "", NOW, NOW), "sealed", "p")),
    "find": lambda r: r.find("d"),
    "get": lambda r: r.get("s"),
    "seen": lambda r: r.seen([Seen("s", NOW, NOW, NOW, NOW)]),
    "rotate": lambda r: r.rotate("s", 1, NOW, replace(TERMS, claims=("role",)), NOW),
    "end": lambda r: r.end(["s"], "logout"),
    "end_user": lambda r: r.end_user("u", "revoked"),
    "end_app": lambda r: r.end_app(*APP),
    "end_before": lambda r: r.end_before(NOW),
    "list": lambda r: r.list(),
    "revocations": lambda r: r.revocations(0),
    "tidy": lambda r: r.tidy(NOW),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_database_that_does_not_answer_is_told_of(tmp_path: Path, name: str) -> None:
    """Who asks whether a session was ended must never take silence for a no."""

    async def main() -> None:
        database = Database(sqlite_url(tmp_path))  # never migrated: every statement fails
        try:
            with pytest.raises(DatabaseUnavailable):
                await CALLS[name](SessionRecords(database, lambda: NOW))
        finally:
            await database.close()

    asyncio.run(main())
