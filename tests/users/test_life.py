"""Ban, close, merge: what ends, what moves, what is erased, and what is written down of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import update

from menshen.errors import ClaimInvalid, UserInvalid, UserUnknown
from menshen.storage.log_tables import audit, login_log
from menshen.storage.merging import Moved
from menshen.storage.revocations import CHANGED
from menshen.storage.tables import accounts, identities, phones, sessions, users
from menshen.users.life import MOST_REASON, Doer
from tests.storage.conftest import opened
from tests.storage.session_samples import NOW
from tests.users.people import BY, HOOK, People, on_people

DAY = 86_400


def test_a_ban_ends_the_sessions_and_says_why_and_until_when(database_url: str) -> None:
    async def work(people: People) -> None:
        await people.add("u1")
        await people.add("u2")
        mine = [await people.log_in("u1", kind=kind) for kind in ("sealed", "signed", "reference")]
        other = await people.log_in("u2")
        assert await people.life.ban("u1", BY, reason="spam", until=NOW + DAY) == 3
        row = await people.user("u1")
        assert (row["status"], row["status_reason"], row["banned_until"]) == ("banned", "spam", NOW + DAY)
        assert await people.why(*mine, other) == ["banned"] * 3 + [""]
        assert sorted(await people.revoked()) == sorted(mine)
        [written] = await people.rows(audit)
        assert (written["actor"], written["action"], written["uid"]) == ("test", "user.ban", "u1")
        assert json.loads(written["detail"]) == {"reason": "spam", "until": NOW + DAY, "sessions": 3}
        [body] = await people.told()
        told = json.loads(body)
        assert (told["type"], told["data"]["uid"], told["data"]["reason"]) == ("ban", "u1", "spam")
        assert told["data"]["request_id"] == "request-1"

    on_people(database_url, work)


def test_a_second_ban_counts_and_an_unban_lets_in_again(database_url: str) -> None:
    async def work(people: People) -> None:
        await people.add("u1")
        await people.life.ban("u1", BY, reason="spam", until=NOW + DAY)
        await people.life.ban("u1", BY, reason="fraud")
        row = await people.user("u1")
        assert (row["status_reason"], row["banned_until"]) == ("fraud", 0)
        await people.life.unban("u1", BY)
        row = await people.user("u1")
        assert (row["status"], row["status_reason"], row["banned_until"]) == ("active", "", 0)
        with pytest.raises(UserInvalid, match="not banned"):
            await people.life.unban("u1", BY)
        assert [row["action"] for row in await people.rows(audit)] == ["user.ban", "user.ban", "user.unban"]

    on_people(database_url, work)


@pytest.mark.parametrize("until", [NOW, NOW - 1, -5, 1_700_000_000_000])
def test_a_ban_that_is_over_or_in_milliseconds_is_none(database_url: str, until: int) -> None:
    async def work(people: People) -> None:
        await people.add("u1")
        sid = await people.log_in("u1")
        with pytest.raises(UserInvalid):
            await people.life.ban("u1", BY, until=until)
        assert (await people.user("u1"))["status"] == "active"
        assert await people.why(sid) == [""]
        assert await people.told() == []

    on_people(database_url, work)


@pytest.mark.parametrize("reason", ["two\nlines", "\x1b[31mred", "x" * (MOST_REASON + 1), "zero\0", "half \ud800"])
def test_a_reason_is_one_line_of_text(database_url: str, reason: str) -> None:
    async def work(people: People) -> None:
        await people.add("u1")
        for refused in (people.life.ban("u1", BY, reason=reason), people.life.close("u1", BY, reason=reason)):
            with pytest.raises(UserInvalid, match="one line"):
                await refused
        assert (await people.user("u1"))["status"] == "active"

    on_people(database_url, work)


def test_closing_erases_the_person_and_frees_what_was_bound(database_url: str) -> None:
    canaries = ("canary-openid", "canary-account", "canary-phone", "canary-nick", "canary-note", "10.9.8.7", "Canary/1")

    async def work(people: People) -> None:
        await people.add(
            "u1",
            openids=("canary-openid",),
            account="canary-account",
            phone="canary-phone-digest",
            nickname="canary-nick",
            avatar="face.png",
            profile='{"city":"canary-nick"}',
            vouched='{"nickname":"canary-nick"}',
            claims='{"role":"canary-note"}',
            metadata='{"note":"canary-note"}',
        )
        await people.add("u2", openids=("other-openid",))
        sid = await people.log_in(
            "u1", ip="10.9.8.7", user_agent="Canary/1", claims={"role": "canary-note"}, tags={"city": "canary-nick"}
        )
        over = await people.log_in("u1", ip="10.9.8.7", user_agent="Canary/1")
        await people.records.end([over], "logout")
        await people.log("u1", ip="10.9.8.7", user_agent="Canary/1", request_id="r", detail="canary-note")
        await people.log("u2", ip="10.1.1.1")
        assert await people.life.close("u1", BY) == 1
        assert await people.why(sid, over) == ["closed", "logout"]
        for table in (identities, accounts, phones):
            assert await people.rows(table, uid="u1") == []
        everything = [row for table in (users, sessions, login_log, audit) for row in await people.rows(table)]
        left = repr(everything) + repr(await people.told())
        assert [canary for canary in canaries if canary in left] == []
        assert "open-u1" not in left
        row = await people.user("u1")
        assert (row["status"], row["claims"], row["metadata"], row["profile"]) == ("closed", "{}", "{}", "{}")
        assert row["vouched"] == "{}"
        assert [row["openid"] for row in await people.rows(identities)] == ["other-openid"]
        assert [row["ip"] for row in await people.rows(login_log)] == ["", "10.1.1.1"]
        assert people.erased == ["face.png"]
        assert [json.loads(body)["type"] for body in await people.told()] == ["close"]

    on_people(database_url, work)


def test_a_closed_user_is_never_changed_again(database_url: str) -> None:
    async def work(people: People) -> None:
        await people.add("u1")
        await people.add("u2")
        await people.life.close("u1", BY)
        life = people.life
        for refused in (
            life.ban("u1", BY),
            life.unban("u1", BY),
            life.close("u1", BY),
            life.merge("u1", "u2", BY),
            life.merge("u2", "u1", BY),
            life.set_metadata("u1", {"a": 1}, BY),
            life.set_claims("u1", {"a": "1"}, BY),
        ):
            with pytest.raises(UserInvalid, match="closed"):
                await refused
        assert (await people.user("u1"))["metadata"] == "{}"
        assert len(await people.rows(audit)) == 1

    on_people(database_url, work)


def test_nobody_is_unknown_everywhere(database_url: str) -> None:
    async def work(people: People) -> None:
        await people.add("u1")
        life = people.life
        for refused in (
            life.ban("u9", BY),
            life.unban("u9", BY),
            life.close("u9", BY),
            life.merge("u9", "u1", BY),
            life.merge("u1", "u9", BY),
            life.set_metadata("u9", {"a": 1}, BY),
            life.set_claims("u9", {"a": "1"}, BY),
        ):
            with pytest.raises(UserUnknown):
                await refused
        assert await people.rows(audit) == []
        assert (await people.user("u1"))["status"] == "active"

    on_people(database_url, work)


def test_a_merge_moves_what_finds_the_user_and_the_references(database_url: str) -> None:
    async def work(people: People) -> None:
        await people.add("u1", openids=("o1", "o2"), account="anna", logins=3, last_login_at=NOW - 5, avatar="old.png")
        await people.add("u2", openids=("o3",), phone="digest-1234", logins=4, last_login_at=NOW - 50, nickname="Ann")
        sealed = await people.log_in("u1", kind="sealed")
        signed = await people.log_in("u1", kind="signed")
        reference = await people.log_in("u1", kind="reference", digest="d1")
        over = await people.log_in("u1", kind="reference", digest="d2")
        await people.records.end([over], "logout")
        kept = await people.log_in("u2")
        moved = await people.life.merge("u1", "u2", BY)
        assert moved == Moved(identities=2, accounts=1, phones=0, sessions=1, ended=2)
        assert {row["openid"]: row["uid"] for row in await people.rows(identities)} == {
            "o1": "u2",
            "o2": "u2",
            "o3": "u2",
        }
        assert [row["uid"] for row in (*await people.rows(accounts), *await people.rows(phones))] == ["u2", "u2"]
        assert await people.why(sealed, signed, reference, over, kept) == ["merged", "merged", "", "logout", ""]
        assert ((await people.get(reference)).uid, (await people.get(over)).uid) == ("u2", "u1")
        changed = [item.sid for item in await people.records.revocations() if item.kind == CHANGED]
        assert changed == [reference]
        gone, stays = await people.user("u1"), await people.user("u2")
        assert (gone["status"], gone["merged_into"], gone["avatar"]) == ("closed", "u2", "")
        assert (stays["status"], stays["logins"], stays["last_login_at"]) == ("active", 7, NOW - 5)
        assert stays["nickname"] == "Ann"
        assert people.erased == ["old.png"]
        written = {row["uid"]: json.loads(row["detail"]) for row in await people.rows(audit)}
        assert written["u1"]["into"] == "u2"
        assert written["u2"]["gone"] == "u1"
        assert {row["actor"] for row in await people.rows(audit)} == {"test"}
        [body] = await people.told()
        assert json.loads(body)["data"] | {"request_id": ""} == {
            "uid": "u1",
            "app": "",
            "platform": "",
            "request_id": "",
            "reason": "merged into u2",
        }

    on_people(database_url, work)


def test_a_session_that_changes_hands_carries_no_right_of_the_old_user(database_url: str) -> None:
    async def work(people: People) -> None:
        await people.add("u1", claims='{"role":"admin","level":"9"}')
        await people.add("u2", claims='{"level":"1","team":"a"}')
        rights = {"role": "admin", "level": "9"}
        many = [await people.log_in("u1", kind="reference", digest=f"d{n}", claims=rights) for n in range(3)]
        none = await people.log_in("u1", kind="reference", digest="none")
        await people.life.merge("u1", "u2", BY)
        assert [dict((await people.get(sid)).claims) for sid in (*many, none)] == [{"level": "1"}] * 3 + [{}]

    on_people(database_url, work)


def test_what_platforms_say_of_one_is_true_of_the_other(database_url: str) -> None:
    async def work(people: People) -> None:
        await people.add("u1", vouched='{"city":"Beijing","nickname":"Ann"}')
        await people.add("u2", vouched='{"city":"Shenzhen","gender":"2"}')
        tags = {"city": "Beijing", "new_user": "true"}
        sids = [await people.log_in("u1", kind="reference", digest=f"d{n}", tags=t) for n, t in enumerate((tags, {}))]
        await people.life.merge("u1", "u2", BY)
        assert [json.loads((await people.user(uid))["vouched"]) for uid in ("u1", "u2")] == [
            {},
            {"city": "Shenzhen", "gender": "2", "nickname": "Ann"},
        ]
        told = [(await people.get(sid)).tags for sid in sids]
        assert told == [{"city": "Shenzhen", "new_user": "true"}, {}]

    on_people(database_url, work)


@pytest.mark.parametrize(("what", "name"), [({"account": "a"}, "an account"), ({"phone": "digest-1"}, "a phone")])
def test_two_accounts_or_two_numbers_are_not_merged(database_url: str, what: dict[str, str], name: str) -> None:
    async def work(people: People) -> None:
        await people.add("u1", openids=("o1",), **what)  # type: ignore[arg-type]
        await people.add("u2", **{key: f"{value}2" for key, value in what.items()})  # type: ignore[arg-type]
        with pytest.raises(UserInvalid, match=name):
            await people.life.merge("u1", "u2", BY)
        assert [row["uid"] for row in await people.rows(identities)] == ["u1"]
        assert (await people.user("u1"))["status"] == "active"
        assert await people.rows(audit) == []

    on_people(database_url, work)


def test_a_ban_is_not_got_rid_of_by_a_merge(database_url: str) -> None:
    async def work(people: People) -> None:
        await people.add("u1", openids=("o1",))
        await people.add("u2")
        await people.life.ban("u1", BY, until=NOW + DAY)
        for pair in (("u1", "u2"), ("u2", "u1")):
            with pytest.raises(UserInvalid, match="banned"):
                await people.life.merge(*pair, BY)
        with pytest.raises(UserInvalid, match="itself"):
            await people.life.merge("u2", "u2", BY)
        people.now += DAY + 1  # the ban has run out, though the row still says it
        assert (await people.life.merge("u1", "u2", BY)).identities == 1

    on_people(database_url, work)


def test_metadata_and_claims_are_set_and_taken_away_by_name(database_url: str) -> None:
    async def work(people: People) -> None:
        await people.add("u1")
        life = people.life
        await life.set_metadata("u1", {"a": {"b": [1, None]}, "c": "canary-note"}, BY)
        assert await life.set_metadata("u1", {"c": None, "d": True}, BY) == {"a": {"b": [1, None]}, "d": True}
        with pytest.raises(UserInvalid, match="4096 bytes"):
            await life.set_metadata("u1", {"e": "x" * 4096}, BY)
        assert await life.set_claims("u1", {"role": "vip"}, BY) == {"role": "vip"}
        with pytest.raises(ClaimInvalid):
            await life.set_claims("u1", {"Role": "vip"}, BY)
        row = await people.user("u1")
        assert json.loads(row["metadata"]) == {"a": {"b": [1, None]}, "d": True}
        assert json.loads(row["claims"]) == {"role": "vip"}
        written = await people.rows(audit)
        assert [each["action"] for each in written] == ["user.metadata", "user.metadata", "user.claims"]
        assert "canary-note" not in repr(written)

    on_people(database_url, work)


def test_webhooks_hear_only_what_they_want(database_url: str) -> None:
    async def work(people: People) -> None:
        await people.add("u1")
        deaf = Doer("test", (type(HOOK)("logins", HOOK.url, HOOK.secret, ("login",)),))
        await people.life.ban("u1", deaf)
        assert await people.told() == []

    on_people(database_url, work)


@pytest.mark.parametrize("first", ["login", "ban"])
def test_a_login_at_the_same_moment_does_not_slip_past_a_ban(database_url: str, first: str) -> None:
    """Two processes: whoever has the user's row first, in the end the user has no live session.

    The login does what every login does: it writes to its user's row, reads how the user stands, and opens a session.
    """
    outcome: list[str] = []

    async def log_in(people: People, has_row: asyncio.Event, go_on: asyncio.Event) -> None:
        async with people.database.writing() as connection:
            counted = update(users).where(users.c.uid == "u1").values(logins=users.c.logins + 1)
            status = (await connection.execute(counted.returning(users.c.status))).scalar_one()
            has_row.set()
            await go_on.wait()
            outcome.append(status)
            if status == "active":
                await people.records.open_all(connection, [people.new("u1")])

    async def ban(people: People) -> None:
        await people.life.ban("u1", BY)

    async def main() -> None:
        async with opened(database_url) as one, opened(database_url) as other:
            await together(People(one, prefix="a"), People(other, prefix="b"))

    async def together(one: People, other: People) -> None:
        await one.add("u1")
        has_row, go_on = asyncio.Event(), asyncio.Event()
        if first == "login":
            logging_in = asyncio.create_task(log_in(one, has_row, go_on))
            await has_row.wait()
            banning = asyncio.create_task(ban(other))
            await asyncio.sleep(0.3)
            assert not banning.done()
            go_on.set()
            await asyncio.gather(logging_in, banning)
            assert outcome == ["active"]
            assert [row["ended_why"] for row in await one.rows(sessions)] == ["banned"]
        else:
            go_on.set()
            await asyncio.gather(ban(other), log_in(one, has_row, go_on))
            assert await one.live() == []
        assert (await one.user("u1"))["status"] == "banned"

    asyncio.run(main())


def test_bans_logins_and_merges_at_once_never_wait_for_each_other_for_ever(database_url: str) -> None:
    """Locks are taken in one order: revocations, users by uid, then what is theirs."""

    async def main() -> None:
        async with opened(database_url) as one, opened(database_url) as other:
            await together(People(one, prefix="a"), People(other, prefix="b"))

    async def together(one: People, other: People) -> None:
        for number in range(8):
            await one.add(f"u{number}", openids=(f"o{number}",))
        work: list[Any] = []
        for number in range(0, 8, 2):
            work += [
                one.life.merge(f"u{number}", f"u{number + 1}", BY),
                other.life.merge(f"u{number + 1}", f"u{number}", BY),
                other.life.ban(f"u{number}", BY),
                one.log_in(f"u{number}", max_sessions=1),
                other.log_in(f"u{number + 1}", max_sessions=1),
            ]
        done = await asyncio.wait_for(asyncio.gather(*work, return_exceptions=True), 90)
        assert {type(each) for each in done} <= {int, str, Moved, UserInvalid}, done
        states = {row["uid"]: row["status"] for row in await one.rows(users)}
        for number in range(0, 8, 2):
            assert sorted((states[f"u{number}"], states[f"u{number + 1}"])) != ["active", "active"]

    asyncio.run(main())


def test_a_change_that_fails_leaves_nothing_behind(database_url: str) -> None:
    async def work(people: People) -> None:
        await people.add("u1", openids=("o1",))
        sid = await people.log_in("u1")
        broken = Doer("test", (type(HOOK)("x" * 5000, HOOK.url, HOOK.secret, HOOK.events),))
        if people.database.engine.dialect.name == "sqlite":
            broken = Doer("test", (type(HOOK)(None, HOOK.url, HOOK.secret, HOOK.events),))  # type: ignore[arg-type]
        with pytest.raises(Exception, match=r"(?i)null|too long|value"):
            await people.life.close("u1", broken)
        assert await people.why(sid) == [""]
        assert (await people.user("u1"))["status"] == "active"
        assert [row["openid"] for row in await people.rows(identities)] == ["o1"]
        assert await people.rows(audit) == []
        assert people.erased == []

    on_people(database_url, work)
