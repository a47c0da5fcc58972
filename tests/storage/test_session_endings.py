"""Ending sessions: one, some, a user's; and for how long a revocation is remembered."""

from __future__ import annotations

import asyncio

from menshen.sessions.records import Seen
from menshen.storage.session_rows import GRACE
from tests.storage.session_samples import APP, HOUR, NOW, Sessions, on_sessions, on_two


def test_an_ended_session_is_marked_and_revoked_until_its_state_is_too_old(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        one, other = await sessions.log_in(refresh=10 * HOUR), await sessions.log_in()
        sessions.now += 7.5
        assert await sessions.records.end([one], "logout") == 1
        record = await sessions.get(one)
        assert (record.ended_at, record.ended_why, record.expires_at) == (NOW + 7, "logout", NOW + 7)
        assert not record.live(sessions.now)
        assert await sessions.live() == [other]
        [revocation] = await sessions.records.revocations()
        assert (revocation.sid, revocation.platform, revocation.appid, revocation.kind) == (one, *APP, "sealed")
        assert (revocation.until, revocation.before) == (NOW + HOUR + GRACE, 0)

    on_sessions(database_url, work)


def test_states_that_are_renewed_are_remembered_for_their_whole_lifetime(database_url: str) -> None:
    """A state renewed a moment ago, and not noted yet, ends by now + lifetime at the latest."""

    async def work(sessions: Sessions) -> None:
        sid = await sessions.log_in(life=HOUR, idle=600)
        sessions.now += 100
        await sessions.records.end([sid], "revoked")
        assert await sessions.revoked() == {sid: NOW + 100 + HOUR}

    on_sessions(database_url, work)


def test_ending_again_ends_nothing(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        sid = await sessions.log_in()
        assert await sessions.records.end([sid, sid, "nobody"], "logout") == 1
        sessions.now += 5
        assert await sessions.records.end([sid], "revoked") == 0
        assert await sessions.records.end([], "revoked") == 0
        record = await sessions.get(sid)
        assert (record.ended_why, record.ended_at) == ("logout", NOW)
        assert len(await sessions.records.revocations()) == 1

    on_sessions(database_url, work)


def test_a_session_whose_states_are_dead_needs_no_revocation(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        sid = await sessions.log_in(life=10, refresh=HOUR)
        sessions.now += 10 + GRACE
        assert await sessions.records.end([sid], "logout") == 1
        assert await sessions.revoked() == {}
        assert await sessions.why(sid) == ["logout"]

    on_sessions(database_url, work)


def test_what_is_too_old_is_not_ended(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        sid = await sessions.log_in(life=10)
        sessions.now += 10
        assert await sessions.records.end([sid], "logout") == 0
        assert await sessions.records.end_user("u1", "revoked") == 0
        assert await sessions.why(sid) == [""]

    on_sessions(database_url, work)


def test_a_renewal_that_was_never_noted_does_not_save_a_session(database_url: str) -> None:
    """The record looks over; a worker that was killed may have renewed the state all the same."""

    async def work(sessions: Sessions) -> None:
        sid = await sessions.log_in(life=HOUR, idle=600)
        sessions.now += 700
        assert await sessions.live() == []
        assert await sessions.records.end_user("u1", "revoked") == 0
        assert await sessions.revoked() == {sid: NOW + 700 + HOUR}
        assert await sessions.why(sid) == ["revoked"]

    on_sessions(database_url, work)


def test_a_renewal_that_is_noted_after_the_end_is_revoked_as_well(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        sid = await sessions.log_in(life=100)
        await sessions.records.end([sid], "logout")
        [first] = await sessions.records.revocations()
        # The document had become one with renewals, and one happened just before the end.
        late = Seen(sid, NOW, NOW, NOW + 500, NOW + 500)
        await sessions.records.seen([late])
        await sessions.records.seen([late])
        again = await sessions.records.revocations(after=first.id)
        assert [(r.sid, r.until) for r in again] == [(sid, NOW + 500 + GRACE)]
        record = await sessions.get(sid)
        assert (record.ended_at, record.expires_at, record.last_seen_at) == (NOW, NOW, NOW)

    on_sessions(database_url, work)


def test_a_user_ends_everywhere(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        mine = [await sessions.log_in(app=app) for app in (APP, APP, ("qq", "q1"))]
        other = await sessions.log_in("u2")
        await sessions.records.end([mine[0]], "logout")
        assert await sessions.records.end_user("u1", "revoked") == 2
        assert await sessions.why(*mine, other) == ["logout", "revoked", "revoked", ""]
        assert set(await sessions.revoked()) == set(mine)
        assert await sessions.records.end_user("nobody", "revoked") == 0
        assert await sessions.records.end_user("", "revoked") == 0

    on_sessions(database_url, work)


def test_more_sessions_than_fit_in_one_query(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        sids = await asyncio.gather(*(sessions.log_in() for _ in range(1201)))
        assert await sessions.records.end(sids, "logout") == 1201
        assert len(await sessions.records.revocations()) == 1201
        assert await sessions.live() == []

    on_sessions(database_url, work)


def test_a_session_is_ended_once_whoever_ends_it(database_url: str) -> None:
    async def work(one: Sessions, other: Sessions) -> None:
        sids = await asyncio.gather(*(one.log_in() for _ in range(20)))
        calls = [s.records.end([sid], "logout") for sid in sids for s in (one, other)]
        ended = await asyncio.gather(*calls, one.records.end_user("u1", "revoked"))
        assert sum(ended) == 20
        found = await other.records.revocations()
        assert sorted(r.sid for r in found) == sorted(sids)
        assert [r.id for r in found] == sorted({r.id for r in found})

    on_two(database_url, work)


def test_revocations_are_followed_by_their_ids(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        short, long, later = await sessions.log_in(life=10), await sessions.log_in(), await sessions.log_in()
        await sessions.records.end([short], "logout")
        await sessions.records.end([long], "logout")
        seen = await sessions.records.revocations()
        assert [r.sid for r in seen] == [short, long]
        await sessions.records.end([later], "logout")
        assert [r.sid for r in await sessions.records.revocations(after=seen[-1].id)] == [later]
        sessions.now += 10 + GRACE
        assert [r.sid for r in await sessions.records.revocations()] == [long, later]

    on_sessions(database_url, work)
