"""Noting that sessions are in use, and listing them."""

from __future__ import annotations

import asyncio

from menshen.sessions.records import Seen
from tests.storage.session_samples import APP, HOUR, NOW, Sessions, on_sessions, on_two


def test_use_carries_a_record_on(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        one, other = await sessions.log_in(idle=600), await sessions.log_in(idle=600)
        await sessions.records.seen([Seen(one, NOW + 90, NOW + 80, NOW + 680, NOW + HOUR + 5)])
        record = await sessions.get(one)
        assert (record.last_seen_at, record.state_issued_at) == (NOW + 90, NOW + 80)
        assert (record.state_expires_at, record.state_end_at) == (NOW + 680, NOW + HOUR + 5)
        assert record.expires_at == record.protect_until == NOW + 680
        assert (await sessions.get(other)).expires_at == NOW + 600

    on_sessions(database_url, work)


def test_nothing_is_taken_back(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        sid = await sessions.log_in(idle=600, refresh=HOUR)
        newest = Seen(sid, NOW + 90, NOW + 90, NOW + 690, NOW + HOUR)
        await sessions.records.seen([newest, Seen(sid, NOW + 10, NOW, NOW + 600, NOW + 100)])
        record = await sessions.get(sid)
        assert (record.last_seen_at, record.state_issued_at, record.state_expires_at) == (
            NOW + 90,
            NOW + 90,
            NOW + 690,
        )
        assert (record.state_end_at, record.expires_at) == (NOW + HOUR, NOW + HOUR)
        await sessions.records.seen([])
        await sessions.records.seen([Seen("nobody", NOW, NOW, NOW + 5, NOW + 5)])

    on_sessions(database_url, work)


def test_a_record_that_looked_over_lives_again(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        sid = await sessions.log_in(idle=600)
        sessions.now += 700
        assert await sessions.live() == []
        await sessions.records.seen([Seen(sid, NOW + 590, NOW + 590, NOW + 1190, NOW + HOUR)])
        assert await sessions.live() == [sid]

    on_sessions(database_url, work)


def test_two_processes_note_the_newest(database_url: str) -> None:
    async def work(one: Sessions, other: Sessions) -> None:
        sids = await asyncio.gather(*(one.log_in(idle=600) for _ in range(10)))
        notes = [[Seen(sid, NOW + n, NOW + n, NOW + 600 + n, NOW + HOUR) for sid in sids] for n in range(1, 21)]
        await asyncio.gather(*((one, other)[n % 2].records.seen(items) for n, items in enumerate(reversed(notes))))
        for sid in sids:
            record = await one.get(sid)
            assert (record.last_seen_at, record.state_expires_at) == (NOW + 20, NOW + 620)

    on_two(database_url, work)


def test_lists_are_newest_first_and_paged(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        for n in range(7):
            await sessions.log_in(f"u{n % 2}")
        first = await sessions.records.list(limit=3)
        assert [r.sid for r in first] == ["s7", "s6", "s5"]
        assert await sessions.live(limit=3, below=first[-1].id) == ["s4", "s3", "s2"]
        assert await sessions.live(limit=3, below=1) == []
        mine = await sessions.records.list(uid="u0", limit=2)
        assert [r.sid for r in mine] == ["s7", "s5"]
        assert await sessions.live(uid="u0", below=mine[-1].id) == ["s3", "s1"]

    on_sessions(database_url, work)


def test_lists_of_a_user_of_an_app_and_of_both(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        other_app = ("wechat", "wx2")
        a, b = await sessions.log_in("u1"), await sessions.log_in("u1", app=other_app)
        c = await sessions.log_in("u2", app=other_app)
        assert await sessions.live(uid="u1") == [b, a]
        assert await sessions.live(app=other_app) == [c, b]
        assert await sessions.live(app=APP) == [a]
        assert await sessions.live(uid="u1", app=other_app) == [b]
        assert await sessions.live(app=("qq", "wx1")) == []

    on_sessions(database_url, work)


def test_what_ended_is_listed_when_asked_for(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        await sessions.records.end([await sessions.log_in()], "logout")
        await sessions.log_in()
        assert await sessions.live() == ["s2"]
        assert await sessions.live(live=False) == ["s2", "s1"]

    on_sessions(database_url, work)
