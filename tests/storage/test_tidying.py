"""Revocations of an app: one row that counts at once. Marking, deleting and forgetting come later, in pieces."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import event, func, select

from menshen.sessions.records import Seen
from menshen.storage import tidying
from menshen.storage.session_rows import GRACE
from menshen.storage.tables import sessions as table
from menshen.storage.tidying import KEEP_SECONDS, SETTLE_SECONDS
from tests.storage.session_samples import APP, HOUR, NOW, Sessions, on_sessions, on_two

OTHER = ("wechat", "wx2")


async def marked(sessions: Sessions) -> int:
    """Rows that say themselves that they ended."""
    async with sessions.database.reading() as connection:
        query = select(func.count()).select_from(table).where(table.c.ended_at.is_not(None))
        return int((await connection.execute(query)).scalar_one())


async def settle(sessions: Sessions) -> None:
    sessions.now += SETTLE_SECONDS + 1
    await sessions.records.tidy(sessions.now)


def test_an_app_ends_at_once_and_touches_no_session(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        old, other = await sessions.log_in(digest="d" * 64), await sessions.log_in(app=OTHER)
        sessions.now += 5.5
        statements: list[str] = []
        engine = sessions.database.engine.sync_engine
        event.listen(engine, "before_cursor_execute", lambda *said: statements.append(said[2]))
        await sessions.records.end_app(*APP)
        assert [s for s in statements if "sessions" in s] == []
        assert await marked(sessions) == 0
        assert await sessions.live() == [other]
        found = await sessions.records.find("d" * 64)
        for record in (await sessions.get(old), found, (await sessions.records.list(live=False))[-1]):
            assert record is not None
            assert (record.ended_why, record.ended_at, record.expires_at) == ("revoked", NOW + 5, NOW + 5)
            assert not record.live(sessions.now)
        [rule] = await sessions.records.revocations()
        assert (rule.sid, rule.platform, rule.appid, rule.before, rule.until, rule.kind) == ("", *APP, NOW + 6, 0, "")

    on_sessions(database_url, work)


def test_a_later_login_is_not_met(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        await sessions.log_in()
        await sessions.records.end_app(*APP)
        same_second = await sessions.log_in()  # auth is in whole seconds: nobody can tell
        sessions.now += 1
        later = await sessions.log_in()
        assert await sessions.live() == [later]
        await settle(sessions)
        assert await sessions.live() == [later]
        record = await sessions.get(same_second)
        assert (record.ended_why, record.ended_at) == ("revoked", NOW)

    on_sessions(database_url, work)


def test_a_moment_can_be_given_and_every_app_can_be_meant(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        first = await sessions.log_in()
        sessions.now += 10
        second, third = await sessions.log_in(), await sessions.log_in(app=OTHER)
        sessions.now += 10
        await sessions.records.end_app(*APP, NOW + 10)
        assert await sessions.live() == [third, second]
        await sessions.records.end_before()
        assert await sessions.live() == []
        assert await sessions.why(first, second, third) == ["revoked"] * 3
        with pytest.raises(ValueError, match="app"):
            await sessions.records.end_app("", "")

    on_sessions(database_url, work)


def test_sessions_that_are_met_do_not_count_and_are_not_ended_again(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        old = [await sessions.log_in(refresh=HOUR) for _ in range(3)]
        await sessions.records.end_app(*APP)
        sessions.now += 1
        assert await sessions.records.end(old, "logout") == 0
        assert await sessions.records.end_user("u1", "logout") == 0
        for _ in range(3):
            await sessions.log_in(max_sessions=3, replaces=old[0])
        assert await sessions.why(*old) == ["revoked"] * 3
        assert len(await sessions.live()) == 3

    on_sessions(database_url, work)


def test_tidying_marks_what_was_met_and_learns_how_long_it_matters(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        await sessions.log_in(life=500)
        longest = await sessions.log_in(life=HOUR)
        ended = await sessions.log_in(life=5 * HOUR)
        await sessions.log_in(app=OTHER, life=7 * HOUR)
        await sessions.records.end([ended], "logout")
        await sessions.records.end_app(*APP)
        assert await sessions.records.tidy(sessions.now) == 2
        assert await marked(sessions) == 3
        assert (await sessions.get(longest)).ended_why == "revoked"
        assert (await sessions.revoked())["wx1"] == 0  # a login that was on its way may be stored yet
        await settle(sessions)
        assert await sessions.revoked() == {ended: NOW + 5 * HOUR, "wx1": NOW + HOUR}
        sessions.now = NOW + HOUR + GRACE
        await sessions.records.tidy(sessions.now)
        assert list(await sessions.revoked()) == [ended]

    on_sessions(database_url, work)


def test_renewed_states_count_with_their_lifetime(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        await sessions.log_in(life=HOUR, idle=600)
        await sessions.records.end_app(*APP)
        await settle(sessions)
        assert await sessions.revoked() == {"wx1": int(sessions.now) + HOUR}

    on_sessions(database_url, work)


def test_a_session_that_only_looks_over_is_met_too(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        await sessions.log_in(life=HOUR, idle=600)
        sessions.now += 700
        await sessions.records.end_app(*APP)
        await settle(sessions)
        assert await sessions.revoked() == {"wx1": int(sessions.now) + HOUR}

    on_sessions(database_url, work)


def test_what_was_over_before_stays_what_it_was(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        sid = await sessions.log_in(life=10)
        sessions.now += 20
        await sessions.records.end_app(*APP)
        for _ in range(2):
            record = await sessions.get(sid)
            assert (record.ended_why, record.ended_at, record.expires_at) == ("", None, NOW + 10)
            await settle(sessions)

    on_sessions(database_url, work)


def test_a_rule_with_nothing_left_to_protect_is_deleted(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        await sessions.records.end_app(*APP)
        await sessions.records.tidy(sessions.now)
        assert await sessions.revoked() == {"wx1": 0}
        await settle(sessions)
        assert await sessions.revoked() == {}

    on_sessions(database_url, work)


def test_a_login_stored_late_is_marked_before_the_rule_is_settled(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        late = sessions.new(life=2 * HOUR)
        sessions.now += 5
        await sessions.records.end_app(*APP)
        await sessions.records.tidy(sessions.now)
        sessions.now += 20
        await sessions.records.open(late)
        assert await sessions.live() == []
        await settle(sessions)
        assert await marked(sessions) == 1
        assert await sessions.revoked() == {"wx1": NOW + 2 * HOUR}

    on_sessions(database_url, work)


def test_a_renewal_noted_after_the_sweep_is_revoked_by_itself(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        sid = await sessions.log_in(life=100)
        await sessions.records.end_app(*APP)
        await settle(sessions)
        await sessions.records.seen([Seen(sid, NOW, NOW, NOW + 900, NOW + 900)])
        assert await sessions.revoked() == {"wx1": NOW + 100, sid: NOW + 900}

    on_sessions(database_url, work)


def test_a_newer_rule_takes_the_place_of_what_it_covers(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        async def rules() -> list[tuple[str, int]]:
            return [(r.appid, r.before) for r in await sessions.records.revocations()]

        end_app, end_before = sessions.records.end_app, sessions.records.end_before
        await end_app(*APP, 100)
        await end_app(*APP, 200)
        await end_app(*APP, 150)
        await end_app(*OTHER, 300)
        assert await rules() == [("wx1", 200), ("wx2", 300)]
        await end_before(250)
        assert await rules() == [("wx2", 300), ("", 250)]
        await end_app(*APP, 250)
        await end_before(240)
        assert await rules() == [("wx2", 300), ("", 250)]
        await end_app(*APP, 251)
        assert await rules() == [("wx2", 300), ("", 250), ("wx1", 251)]
        await end_before(400)
        assert await rules() == [("", 400)]

    on_sessions(database_url, work)


def test_the_same_revocation_again_changes_nothing(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        await sessions.records.end_app(*APP)
        [first] = await sessions.records.revocations()
        await sessions.records.end_app(*APP)
        assert await sessions.records.revocations() == [first]

    on_sessions(database_url, work)


def test_a_newer_rule_remembers_what_the_older_one_had_marked(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        await sessions.log_in(life=HOUR)
        await sessions.records.end_app(*APP)
        await sessions.records.tidy(sessions.now)
        sessions.now += 5
        await sessions.records.end_before()
        await settle(sessions)
        assert await sessions.revoked() == {"*": NOW + HOUR}

    on_sessions(database_url, work)


def test_ids_are_never_given_twice(database_url: str) -> None:
    """Who follows by id would never see the second one."""

    async def work(sessions: Sessions) -> None:
        await sessions.records.end_app(*APP, 100)
        [first] = await sessions.records.revocations()
        await sessions.records.end_app(*APP, 200)
        [second] = await sessions.records.revocations(after=first.id)
        assert second.id > first.id

    on_sessions(database_url, work)


def test_records_stay_a_day_and_revocations_until_they_are_spent(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        await sessions.log_in(life=100)
        kept = await sessions.log_in(life=5 * KEEP_SECONDS)
        logged_out = await sessions.log_in(life=5 * KEEP_SECONDS)
        sessions.now += 50
        await sessions.records.end([logged_out], "logout")
        sessions.now = NOW + KEEP_SECONDS + 49
        assert await sessions.records.tidy(sessions.now) == 0
        sessions.now += 1
        assert await sessions.records.tidy(sessions.now) == 1
        assert await sessions.records.get(logged_out) is None
        sessions.now += 50
        assert await sessions.records.tidy(sessions.now) == 1
        assert await sessions.live(live=False) == [kept]
        assert list(await sessions.revoked()) == [logged_out]  # its states outlive the record
        sessions.now = NOW + 5 * KEEP_SECONDS + GRACE
        await sessions.records.tidy(sessions.now)
        assert await sessions.revoked() == {}

    on_sessions(database_url, work)


def test_tidying_goes_in_chunks(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidying, "CHUNK", 10)

    async def work(sessions: Sessions) -> None:
        await asyncio.gather(*(sessions.log_in(life=60) for _ in range(35)))
        await sessions.records.end_app(*APP)
        commits: list[object] = []
        event.listen(sessions.database.engine.sync_engine, "commit", commits.append)
        assert await sessions.records.tidy(sessions.now) == 35
        assert len(commits) >= 4
        sessions.now += KEEP_SECONDS
        assert await sessions.records.tidy(sessions.now) == 35
        assert await sessions.live(live=False) == []

    on_sessions(database_url, work)


def test_a_rule_that_is_replaced_while_it_is_swept_loses_nothing(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidying, "CHUNK", 5)

    async def work(one: Sessions, other: Sessions) -> None:
        await asyncio.gather(*(one.log_in(life=HOUR) for _ in range(40)))
        await one.records.end_app(*APP)
        rests = 0

        async def rest() -> None:
            nonlocal rests
            rests += 1
            if rests == 3:
                other.now += 5
                await other.records.end_before()

        assert await tidying.tidy(one.database, one.now, rest) == 15
        await settle(other)
        assert await marked(one) == 40
        assert await one.revoked() == {"*": NOW + HOUR}

    on_two(database_url, work)


def test_two_processes_tidy_at_once_while_users_log_in(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidying, "CHUNK", 10)

    async def work(one: Sessions, other: Sessions) -> None:
        await asyncio.gather(*(one.log_in(life=HOUR) for _ in range(60)))
        await one.records.end_app(*APP)
        one.now = other.now = NOW + SETTLE_SECONDS + 1
        done = await asyncio.gather(
            one.records.tidy(one.now), other.records.tidy(other.now), *(one.log_in() for _ in range(20))
        )
        assert done[0] + done[1] == 60
        assert len(await other.live()) == 20
        assert await one.revoked() == {"wx1": NOW + HOUR}

    on_two(database_url, work)
