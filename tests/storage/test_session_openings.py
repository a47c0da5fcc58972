"""Opening sessions: many at once, and what gives way to them."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import event

from menshen.sessions.records import NewSession
from tests.storage.session_samples import APP, HOUR, NOW, Sessions, on_sessions, on_two


def test_a_record_says_what_the_login_said(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        new = sessions.new(
            life=7200, idle=600, refresh=86_400, claims={"role": "vip"}, digest="d" * 64, ip="10.0.0.1", user_agent="ua"
        )
        await sessions.records.open(new)
        record = await sessions.get("s1")
        assert record == await sessions.records.find("d" * 64)
        assert (record.uid, record.platform, record.appid, record.openid) == ("u1", *APP, "open-u1")
        assert (record.plugin, record.kind, record.claims) == ("shop-login", "sealed", {"role": "vip"})
        assert (record.auth, record.state_issued_at, record.last_seen_at) == (NOW, NOW, NOW)
        assert (record.state_expires_at, record.state_end_at) == (NOW + 600, NOW + 7200)
        assert (record.lifetime, record.protect_until) == (7200, NOW + 600)
        assert (record.refresh_generation, record.refreshed_at) == (1, None)
        assert record.refresh_expires_at == record.expires_at == NOW + 86_400
        assert (record.ip, record.user_agent, record.ended_at, record.ended_why) == ("10.0.0.1", "ua", None, "")
        assert record.live(NOW)
        assert not record.live(NOW + 86_400)

    on_sessions(database_url, work)


def test_a_session_without_refresh_is_over_with_its_state(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        record = await sessions.get(await sessions.log_in(life=HOUR))
        assert (record.lifetime, record.refresh_generation, record.expires_at) == (0, 0, NOW + HOUR)
        assert record.digest is None
        sessions.now += HOUR
        assert await sessions.live() == []
        assert await sessions.live(live=False) == ["s1"]
        assert (await sessions.get("s1")).ended_at is None

    on_sessions(database_url, work)


def test_logins_that_come_together_share_a_transaction(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        await sessions.log_in()
        commits = []
        event.listen(sessions.database.engine.sync_engine, "commit", commits.append)
        await asyncio.gather(*(sessions.log_in(f"u{n}") for n in range(50)))
        assert len(await sessions.live(limit=100)) == 51
        assert len(commits) <= 2

    on_sessions(database_url, work)


def test_a_login_ends_the_session_it_replaces(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        old = await sessions.log_in()
        sessions.now += 10
        new = await sessions.log_in("u2", replaces=old)  # another user: a planted state must not live on either
        assert await sessions.live() == [new]
        record = await sessions.get(old)
        assert (record.ended_why, record.ended_at, record.expires_at) == ("replaced", NOW + 10, NOW + 10)
        assert await sessions.revoked() == {old: NOW + HOUR}

    on_sessions(database_url, work)


@pytest.mark.parametrize("app", [("wechat", "wx2"), ("qq", "wx1")])
def test_a_session_of_another_app_is_not_replaced(database_url: str, app: tuple[str, str]) -> None:
    async def work(sessions: Sessions) -> None:
        old = await sessions.log_in(app=app)
        new = await sessions.log_in(replaces=old)
        assert await sessions.live() == [new, old]
        assert await sessions.revoked() == {}

    on_sessions(database_url, work)


def test_what_is_over_or_unknown_is_not_replaced(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        ended, expired = await sessions.log_in(), await sessions.log_in(life=5)
        await sessions.records.end([ended], "logout")
        sessions.now += 10
        for replaces in (ended, expired, "nobody"):
            await sessions.log_in(replaces=replaces)
        assert await sessions.why(ended, expired) == ["logout", ""]

    on_sessions(database_url, work)


def test_the_oldest_beyond_the_most_end(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        for n in range(4):
            sessions.now = NOW + n
            await sessions.log_in(max_sessions=2)
        assert await sessions.live() == ["s4", "s3"]
        assert await sessions.why("s1", "s2") == ["max_sessions", "max_sessions"]
        assert (await sessions.get("s1")).ended_at == NOW + 2
        assert await sessions.revoked() == {"s1": NOW + HOUR, "s2": NOW + 1 + HOUR}

    on_sessions(database_url, work)


def test_other_users_other_apps_and_what_is_over_do_not_count(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        await sessions.log_in("u2")
        await sessions.log_in(app=("wechat", "wx2"))
        await sessions.log_in(app=("qq", "wx1"))
        await sessions.records.end([await sessions.log_in()], "logout")
        await sessions.log_in(life=5)
        sessions.now += 5
        first = await sessions.log_in(max_sessions=2)
        await sessions.log_in(max_sessions=2)
        assert first in await sessions.live()
        await sessions.log_in(max_sessions=2)
        assert await sessions.why(first) == ["max_sessions"]

    on_sessions(database_url, work)


def test_a_lower_most_ends_as_many_as_are_too_many(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        for _ in range(5):
            await sessions.log_in()
        await sessions.log_in(max_sessions=1)
        assert await sessions.live() == ["s6"]

    on_sessions(database_url, work)


def test_a_replaced_session_makes_room(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        first, second = await sessions.log_in(), await sessions.log_in()
        third = await sessions.log_in(max_sessions=2, replaces=second)
        assert await sessions.live() == [third, first]
        assert await sessions.why(second) == ["replaced"]

    on_sessions(database_url, work)


def test_many_logins_of_one_user_in_one_batch_leave_the_newest(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        await sessions.log_in()
        await asyncio.gather(*(sessions.log_in(max_sessions=3) for _ in range(10)))
        assert await sessions.live() == ["s11", "s10", "s9"]
        assert set(await sessions.why(*(f"s{n}" for n in range(1, 9)))) == {"max_sessions"}
        assert set(await sessions.revoked()) == {f"s{n}" for n in range(1, 9)}

    on_sessions(database_url, work)


def test_two_in_one_batch_that_replace_the_same_session_end_it_once(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        old = await sessions.log_in()
        await asyncio.gather(*(sessions.log_in(replaces=old, max_sessions=2) for _ in range(2)))
        assert await sessions.live() == ["s3", "s2"]
        assert await sessions.why(old) == ["replaced"]
        assert list(await sessions.revoked()) == [old]

    on_sessions(database_url, work)


def test_two_processes_never_leave_more_than_the_most(database_url: str) -> None:
    async def work(one: Sessions, other: Sessions) -> None:
        def logins(sessions: Sessions) -> list[NewSession]:
            return [sessions.new(f"u{n % 3}", max_sessions=2) for n in range(30)]

        await asyncio.gather(
            *(s.records.open(new) for s in (one, other) for new in logins(s)),
        )
        for n in range(3):
            assert len(await one.live(uid=f"u{n}")) == 2
        everything = await one.records.list(live=False, limit=100)
        assert len(everything) == 60
        assert set(await one.revoked()) == {record.sid for record in everything if record.ended_why}

    on_two(database_url, work)
