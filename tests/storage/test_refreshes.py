"""Refresh tokens: each trades once, a parallel duplicate gets the same, a stolen one ends the session."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from menshen.sessions.records import RefreshRefused, RefreshTerms, Rotated
from menshen.storage.account_owners import AccountOwner, own_accounts
from menshen.storage.refreshes import unchanged_because
from menshen.storage.vouched import set_vouched
from tests.storage.session_samples import APP, HOUR, NOW, TERMS, Sessions, on_sessions, on_two

DAY = 86_400


def test_a_rotation_gives_everything_in_full_again(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        sid = await sessions.log_in(life=60, refresh=DAY)
        sessions.now = NOW + 500.5
        rotation = await sessions.refresh(sid, 1)
        assert isinstance(rotation, Rotated)
        assert (rotation.outcome, rotation.generation) == ("rotated", 2)
        record = rotation.record
        assert record == await sessions.get(sid)
        assert (record.refresh_generation, record.refreshed_at) == (2, NOW + 500.5)
        assert record.refresh_expires_at == record.expires_at == NOW + 500 + 30 * DAY
        assert (record.state_issued_at, record.last_seen_at, record.lifetime) == (
            NOW + 500,
            NOW + 500,
            0,
        )
        assert record.state_expires_at == record.state_end_at == record.protect_until == NOW + 500 + HOUR
        assert (record.auth, record.ended_at) == (NOW, None)
        assert (await sessions.refresh(sid, 2)).outcome == "rotated"

    on_sessions(database_url, work)


def test_a_rotation_of_states_that_idle_out(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        sid = await sessions.log_in(refresh=DAY)
        terms = RefreshTerms(expires_in=HOUR, idle=600, renewable=True, refresh_expires_in=60)
        rotation = await sessions.refresh(sid, 1, terms=terms)
        assert isinstance(rotation, Rotated)
        record = rotation.record
        assert (record.state_expires_at, record.state_end_at, record.lifetime) == (NOW + 600, NOW + HOUR, HOUR)
        assert (record.refresh_expires_at, record.expires_at) == (NOW + 60, NOW + 600)
        assert record.protect_until == NOW + HOUR  # the state of the login lives longer than the new one
        await sessions.records.end([sid], "logout")
        assert await sessions.revoked() == {sid: NOW + HOUR}

    on_sessions(database_url, work)


def test_an_older_longer_state_is_revoked_for_as_long_as_it_lives(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        sid = await sessions.log_in(life=10 * HOUR, refresh=DAY)
        await sessions.refresh(sid, 1)
        assert (await sessions.get(sid)).state_expires_at == NOW + HOUR
        await sessions.records.end([sid], "revoked")
        assert await sessions.revoked() == {sid: NOW + 10 * HOUR}

    on_sessions(database_url, work)


def test_the_users_claims_are_read_again_by_name(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        await sessions.add_user("u1", role="vip", level="3", private="x")
        sid = await sessions.log_in(claims={"role": "guest", "gone": "x"}, refresh=DAY)
        await sessions.refresh(sid, 1, terms=replace(TERMS, claims=("role", "level", "missing")))
        assert (await sessions.get(sid)).claims == {"role": "vip", "level": "3"}
        await sessions.refresh(sid, 2)
        assert (await sessions.get(sid)).claims == {}

    on_sessions(database_url, work)


def test_the_users_account_is_read_again_where_those_of_its_source_count(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        await sessions.add_user("u1")
        sid = await sessions.log_in(refresh=DAY)
        async with sessions.database.writing() as connection:
            await own_accounts(connection, [AccountOwner("verifier", "E-1024", "E-1024", "u1", NOW)])
        told = []
        for generation, source in enumerate(("", "verifier", "own"), start=1):
            await sessions.refresh(sid, generation, terms=replace(TERMS, account_source=source))
            told.append((await sessions.get(sid)).account)
        assert told == ["E-1024", "E-1024", ""]

    on_sessions(database_url, work)


def test_tags_are_read_again_by_name_but_for_those_of_the_login(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        await sessions.add_user("u1", role="vip")
        sid = await sessions.log_in(tags={"city": "Beijing", "new_user": "true"}, refresh=DAY)
        assert (await sessions.get(sid)).tags == {"city": "Beijing", "new_user": "true"}
        async with sessions.database.writing() as connection:
            await set_vouched(connection, {"u1": {"city": "Shenzhen", "nickname": "%E7%8E%8B"}})
        told = []
        for generation, names in enumerate((("new_user", "city", "role"), ("nickname", "new_user"), (), ("new_user",))):
            await sessions.refresh(sid, generation + 1, terms=replace(TERMS, tags=names))
            told.append((await sessions.get(sid)).tags)
        assert told[:2] == [{"city": "Shenzhen", "new_user": "true"}, {"nickname": "%E7%8E%8B", "new_user": "true"}]
        assert told[2:] == [{}, {}], "what no plugin ticked at a refresh is forgotten"

    on_sessions(database_url, work)


def test_a_reference_is_replaced(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        sid = await sessions.log_in(kind="reference", digest="1" * 64, refresh=DAY)
        await sessions.refresh(sid, 1, terms=replace(TERMS, digest="2" * 64))
        assert await sessions.records.find("1" * 64) is None
        found = await sessions.records.find("2" * 64)
        assert found is not None
        assert found.sid == sid

    on_sessions(database_url, work)


@pytest.mark.parametrize(
    ("before", "given", "after"),
    [("sealed", "", "sealed"), ("sealed", "signed", "signed"), ("signed", "sealed", "signed")],
)
def test_a_session_that_was_ever_signed_stays_so(database_url: str, before: str, given: str, after: str) -> None:
    async def work(sessions: Sessions) -> None:
        sid = await sessions.log_in(kind=before, refresh=DAY)
        await sessions.refresh(sid, 1, terms=replace(TERMS, kind=given))
        await sessions.records.end([sid], "logout")
        assert [r.kind for r in await sessions.records.revocations()] == [after]

    on_sessions(database_url, work)


def test_a_parallel_duplicate_gets_the_same_generation(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        sid = await sessions.log_in(refresh=DAY)
        sessions.now += 10
        await sessions.refresh(sid, 1)
        sessions.now += 1
        again = await sessions.refresh(sid, 1, received=NOW + 10)
        assert isinstance(again, Rotated)
        assert (again.outcome, again.generation) == ("again", 2)
        assert again.record.refreshed_at == NOW + 10
        assert (await sessions.refresh(sid, 2)).outcome == "rotated"

    on_sessions(database_url, work)


def test_an_old_token_ends_the_session(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        sid = await sessions.log_in(refresh=DAY)
        sessions.now += 10
        await sessions.refresh(sid, 1)
        sessions.now += 1
        reused = await sessions.refresh(sid, 1, received=NOW + 10.001)
        assert isinstance(reused, RefreshRefused)
        assert (reused.outcome, reused.generation) == ("reused", 1)
        assert reused.record == await sessions.get(sid)
        assert (reused.record.ended_why, reused.record.ended_at) == ("refresh_reuse", NOW + 11)
        assert await sessions.revoked() == {sid: NOW + 10 + HOUR}
        # Nothing of the family is good any more, and nothing is ended twice.
        assert [(await sessions.refresh(sid, g)).outcome for g in (1, 2, 3)] == ["over", "over", "over"]
        assert len(await sessions.records.revocations()) == 1

    on_sessions(database_url, work)


def test_a_token_two_generations_old_is_never_a_duplicate(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        sid = await sessions.log_in(refresh=DAY)
        await sessions.refresh(sid, 1)
        await sessions.refresh(sid, 2)
        assert (await sessions.refresh(sid, 1, received=NOW - 5)).outcome == "reused"

    on_sessions(database_url, work)


def test_a_token_of_a_later_generation_than_the_records_is_not_believed(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        sid = await sessions.log_in(refresh=DAY)
        assert (await sessions.refresh(sid, 2)).outcome == "reused"

    on_sessions(database_url, work)


def test_what_is_over_is_not_refreshed(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        ended, expired, covered, without = (
            await sessions.log_in(refresh=DAY),
            await sessions.log_in(refresh=50),
            await sessions.log_in(refresh=DAY, app=("qq", "q1")),
            await sessions.log_in(),
        )
        await sessions.records.end([ended], "logout")
        await sessions.records.end_app("qq", "q1")
        sessions.now += 50
        for sid, generation in ((ended, 1), (expired, 1), (covered, 1), (without, 1), (without, 0)):
            refused = await sessions.refresh(sid, generation)
            assert isinstance(refused, RefreshRefused)
            assert refused.outcome == "over"
            assert refused.record == await sessions.get(sid)
        nobody = await sessions.refresh("nobody", 1)
        assert isinstance(nobody, RefreshRefused)
        assert (nobody.outcome, nobody.record) == ("over", None)
        assert await sessions.why(ended, expired, covered, without) == ["logout", "", "revoked", ""]

    on_sessions(database_url, work)


def test_a_duplicate_that_came_while_the_first_waited_for_its_turn(database_url: str) -> None:
    """The database was busy for two seconds: the second request was sent before anybody had an answer."""

    async def work(sessions: Sessions) -> None:
        sid = await sessions.log_in(refresh=DAY)
        began = sessions.now
        sessions.now = began + 2
        await sessions.records.rotate(sid, 1, began, TERMS, began)
        assert (await sessions.refresh(sid, 1, received=began + 1)).outcome == "again"

    on_sessions(database_url, work)


def test_parallel_uses_of_one_token_all_get_one_next_token(database_url: str) -> None:
    async def work(one: Sessions, other: Sessions) -> None:
        sid = await one.log_in(refresh=DAY)
        rotations = await asyncio.gather(*(s.refresh(sid, 1) for s in (one, other) * 10))
        assert sorted(r.outcome for r in rotations) == ["again"] * 19 + ["rotated"]
        assert {r.generation for r in rotations} == {2}
        assert (await one.get(sid)).live(NOW)

    on_two(database_url, work)


def test_a_thief_and_the_owner_end_the_session_whoever_is_first(database_url: str) -> None:
    async def work(one: Sessions, other: Sessions) -> None:
        sid = await one.log_in(refresh=DAY)
        one.now = other.now = NOW + 10
        await one.refresh(sid, 1)
        late = await asyncio.gather(*(s.refresh(sid, 1, received=NOW + 11) for s in (one, other) * 5))
        assert sorted(r.outcome for r in late) == ["over"] * 9 + ["reused"]
        assert [r.sid for r in await one.records.revocations()] == [sid]

    on_two(database_url, work)


def test_a_logout_and_a_refresh_at_once_leave_no_live_session(database_url: str) -> None:
    async def work(one: Sessions, other: Sessions) -> None:
        sids = await asyncio.gather(*(one.log_in(refresh=DAY) for _ in range(10)))
        calls = [one.refresh(sid, 1) for sid in sids]
        await asyncio.gather(*calls, *(other.records.end([sid], "logout") for sid in sids))
        assert await one.live() == []
        assert set(await one.revoked()) == set(sids)

    on_two(database_url, work)


def test_the_reason_is_decided_by_the_record_alone(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        record = replace(
            await sessions.get(await sessions.log_in(refresh=DAY)), refresh_generation=5, refreshed_at=100.0
        )
        assert unchanged_because(None, 5, 1.0, 1.0) == "over"
        assert unchanged_because(record, 4, 100.0, 100.0) == "again"
        assert unchanged_because(record, 4, 100.1, 100.2) == "reused"
        assert unchanged_because(record, 3, 1.0, 100.0) == "reused"
        assert unchanged_because(replace(record, refreshed_at=None), 4, 1.0, 100.0) == "reused"
        assert unchanged_because(record, 4, 1.0, record.refresh_expires_at) == "over"
        assert unchanged_because(replace(record, ended_at=7), 4, 1.0, 100.0) == "over"
        assert record.platform == APP[0]

    on_sessions(database_url, work)
