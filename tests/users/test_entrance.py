"""Logins entering the pool: together in one batch, and against each other from several processes."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import event, func, insert, select, update

from menshen.errors import AccountRefused, AccountTaken, AlreadyBound, IdentityConflict, PhoneTaken, UserBanned
from menshen.secret import Secret
from menshen.storage.database import Database, sqlite_url
from menshen.storage.identities import IdentityKey, SeenIdentity
from menshen.storage.sealing import Sealer
from menshen.storage.tables import accounts, identities, phones, users
from menshen.users.entering import Entered, Entry, ProvenAccount, ProvenPhone
from menshen.users.life import Doer, UserLife
from menshen.users.pool import UserPool
from menshen.users.profiles import Profiles
from tests.storage.conftest import opened

AT = 1_000_000
ZHANG = ProvenAccount("own", "zhang", "Zhang")
ERP = ProvenAccount("verifier", "E-1024", "E-1024")


class People:
    """A pool on a database of its own connection, whose uids tell it from another's."""

    def __init__(self, database: Database, prefix: str = "u") -> None:
        self.database = database
        numbers = itertools.count(1)
        self.pool = UserPool(database, Sealer(b"k" * 32, "session-key"), lambda: f"{prefix}{next(numbers)}")

    def seen(self, openid: str, unionid: str = "", *, appid: str = "wx1", platform: str = "wechat") -> SeenIdentity:
        return self.pool.seen(IdentityKey(platform, appid, openid), unionid, Secret("key"), AT)

    def entry(self, openid: str = "", unionid: str = "", *, appid: str = "wx1", at: int = AT, **parts: Any) -> Entry:
        return Entry(at, seen=self.seen(openid, unionid, appid=appid) if openid else None, **parts)

    async def enter(self, *entries: Entry, match_unionid: bool = True) -> list[Any]:
        async with self.database.writing() as connection:
            return await self.pool.enter_all(connection, entries, match_unionid)

    async def one(self, openid: str = "", unionid: str = "", **parts: Any) -> Any:
        (answer,) = await self.enter(self.entry(openid, unionid, **parts))
        return answer

    async def count(self, table: Any) -> int:
        async with self.database.reading() as connection:
            return (await connection.execute(select(func.count()).select_from(table))).scalar_one()

    async def user(self, uid: str) -> Any:
        async with self.database.reading() as connection:
            return (await connection.execute(select(users).where(users.c.uid == uid))).one()

    async def add_account(self, name: str, uid: str | None = None) -> None:
        row = {"source": "own", "name": name, "uid": uid, "shown": name, "password_hash": "x"}
        async with self.database.writing() as connection:
            await connection.execute(insert(accounts), [row | {"created_at": 1, "changed_at": 1}])

    async def set(self, uid: str, **columns: Any) -> None:
        async with self.database.writing() as connection:
            await connection.execute(update(users).where(users.c.uid == uid).values(columns))


def phone(number: str) -> ProvenPhone:
    return ProvenPhone(f"digest-{number}", f"sealed-{number}", number[-4:])


def on(url: str, work: Callable[[People], Awaitable[None]]) -> None:
    async def main() -> None:
        async with opened(url) as database:
            await work(People(database))

    asyncio.run(main())


def on_many(url: str, work: Callable[[list[People]], Awaitable[None]], many: int = 5) -> None:
    """As many databases as there would be worker processes."""

    async def main() -> None:
        async with AsyncExitStack() as stack:
            them = [await stack.enter_async_context(opened(url)) for _ in range(many)]
            await work([People(database, f"p{number}-") for number, database in enumerate(them)])

    asyncio.run(main())


def test_the_first_login_makes_a_user_and_later_ones_find_it(database_url: str) -> None:
    async def work(people: People) -> None:
        assert await people.one("o1") == Entered("u1", True)
        assert await people.one("o1", at=AT + 5) == Entered("u1", False)
        row = await people.user("u1")
        assert (row.logins, row.created_at, row.last_login_at) == (2, AT, AT + 5)

    on(database_url, work)


def test_one_batch_may_hold_the_same_person_twice(database_url: str) -> None:
    async def work(people: People) -> None:
        answers = await people.enter(*(people.entry(openid) for openid in ("o1", "o2", "o1")))
        assert [answer.uid for answer in answers] == ["u1", "u2", "u1"]
        assert [answer.new_user for answer in answers] == [True, True, False]
        assert (await people.user("u1")).logins == 2
        assert await people.count(users) == 2

    on(database_url, work)


def test_the_same_openid_at_two_apps_is_two_people(database_url: str) -> None:
    async def work(people: People) -> None:
        one, two = await people.enter(people.entry("o1"), people.entry("o1", appid="wx2"))
        assert one.uid != two.uid

    on(database_url, work)


def test_a_unionid_finds_its_user_in_another_app(database_url: str) -> None:
    async def work(people: People) -> None:
        first = await people.one("o1", "n1")
        second = await people.one("o2", "n1", appid="wx2")
        assert second == Entered(first.uid, False, bound=("identity",))
        assert await people.one("o2", "n1", appid="wx2") == Entered(first.uid, False)

    on(database_url, work)


def test_one_unionid_in_two_apps_is_one_user_within_a_batch_too(database_url: str) -> None:
    async def work(people: People) -> None:
        one, two = await people.enter(people.entry("o1", "n1"), people.entry("o2", "n1", appid="wx2"))
        assert (one.uid, one.new_user, two.uid, two.new_user) == ("u1", True, "u1", False)

    on(database_url, work)


def test_unionids_do_not_count_where_the_operator_says_so_nor_between_platforms(database_url: str) -> None:
    async def work(people: People) -> None:
        await people.one("o1", "n1")
        (apart,) = await people.enter(people.entry("o2", "n1", appid="wx2"), match_unionid=False)
        assert apart.new_user
        qq = Entry(AT, seen=people.seen("o3", "n2", platform="qq"))
        await people.one("o4", "n2")
        assert (await people.enter(qq))[0].new_user

    on(database_url, work)


def test_an_openid_and_a_unionid_of_two_users_are_a_conflict_and_nothing_changes(database_url: str) -> None:
    async def work(people: People) -> None:
        old = await people.one("o1")  # before the app was bound to the open platform: without a unionid
        other = await people.one("o2", "n1", appid="wx2")
        for _ in range(2):
            conflict = await people.one("o1", "n1")
            assert isinstance(conflict, IdentityConflict)
            assert set(conflict.detail.split()) == {old.uid, other.uid}
        assert (await people.user(old.uid)).logins == 1
        assert await people.one("o1") == Entered(old.uid, False)  # both are as they were

    on(database_url, work)


def test_one_refusal_leaves_the_rest_of_its_batch_alone(database_url: str) -> None:
    async def work(people: People) -> None:
        banned = await people.one("o1")
        await people.set(banned.uid, status="banned")
        answers = await people.enter(*(people.entry(openid) for openid in ("o0", "o1", "o2")))
        assert [type(answer) for answer in answers] == [Entered, UserBanned, Entered]
        assert (await people.user(banned.uid)).logins == 1

    on(database_url, work)


def test_a_ban_that_is_over_is_lifted_by_the_login(database_url: str) -> None:
    async def work(people: People) -> None:
        user = await people.one("o1")
        await people.set(user.uid, status="banned", banned_until=AT + 60, status_reason="spam")
        assert isinstance(await people.one("o1", at=AT + 59), UserBanned)
        assert await people.one("o1", at=AT + 60) == Entered(user.uid, False)
        row = await people.user(user.uid)
        assert (row.status, row.banned_until, row.status_reason, row.status_at) == ("active", 0, "", AT + 60)

    on(database_url, work)


def test_a_banned_user_gains_nothing(database_url: str) -> None:
    async def work(people: People) -> None:
        user = await people.one("o1", "n1")
        await people.add_account("zhang")
        await people.set(user.uid, status="banned")
        answers = await people.enter(
            people.entry("o2", "n1", appid="wx2"), people.entry("o1", account=ZHANG, phone=phone("13580006666"))
        )
        assert [type(answer) for answer in answers] == [UserBanned, UserBanned]
        assert await people.count(identities) == 1
        assert await people.count(phones) == 0

    on(database_url, work)


def test_an_account_that_is_nobodys_becomes_the_users_and_is_told_from_then_on(database_url: str) -> None:
    async def work(people: People) -> None:
        await people.add_account("zhang")
        await people.one("o1")
        assert await people.one("o1", account=ZHANG) == Entered("u1", False, account="zhang", bound=("account",))
        assert await people.one("o1") == Entered("u1", False, account="zhang")
        assert await people.one(account=ZHANG) == Entered("u1", False, account="zhang")

    on(database_url, work)


def test_a_new_identity_joins_the_user_of_a_proven_account(database_url: str) -> None:
    async def work(people: People) -> None:
        await people.add_account("zhang")
        first = await people.one("o1", account=ZHANG)
        assert (first.new_user, first.bound) == (True, ("account",))
        second = await people.one("o2", appid="wx2", account=ZHANG)
        assert second == Entered(first.uid, False, account="zhang", bound=("identity",))

    on(database_url, work)


def test_an_account_of_another_user_is_taken_and_a_second_one_refused(database_url: str) -> None:
    async def work(people: People) -> None:
        for name in ("zhang", "li"):
            await people.add_account(name)
        await people.one("o1", account=ZHANG)
        await people.one("o2")
        assert isinstance(await people.one("o2", account=ZHANG), AccountTaken)
        assert isinstance(await people.one("o1", account=ProvenAccount("own", "li", "li")), AlreadyBound)

    on(database_url, work)


def test_an_account_of_the_verifier_is_kept_at_its_first_login(database_url: str) -> None:
    async def work(people: People) -> None:
        first = await people.one("o1", account=ERP)
        assert (first.account, first.bound) == ("E-1024", ("account",))
        assert (await people.one(account=ERP)).uid == first.uid
        own = ProvenAccount("own", "e-1024", "E-1024")  # another source is another account
        await people.add_account("e-1024")
        assert (await people.one(account=own)).uid != first.uid

    on(database_url, work)


def test_an_own_account_that_was_deleted_meanwhile_is_none(database_url: str) -> None:
    async def work(people: People) -> None:
        assert isinstance(await people.one("o1", account=ZHANG), AccountRefused)

    on(database_url, work)


def test_registering_makes_the_account_with_its_user_or_neither(database_url: str) -> None:
    async def work(people: People) -> None:
        answers = await people.enter(*(people.entry(account=ZHANG, password_hash=f"hash{n}") for n in range(3)))
        assert [type(answer) for answer in answers] == [Entered, AccountTaken, AccountTaken]
        await people.add_account("li")
        refused = await people.one("o2", account=ProvenAccount("own", "li", "li"), password_hash="hash")
        assert isinstance(refused, AccountTaken)
        second = await people.one(account=ProvenAccount("own", "wang", "wang"), uid="u1", password_hash="hash")
        assert isinstance(second, AlreadyBound)
        assert await people.count(users) == 1
        assert await people.count(accounts) == 2

    on(database_url, work)


def test_a_phone_is_filled_in_kept_and_refused(database_url: str) -> None:
    async def work(people: People) -> None:
        one = await people.one("o1", phone=phone("13580006666"))
        assert (one.new_user, one.bound) == (True, ("phone",))
        assert await people.one("o1", phone=phone("13580007777")) == Entered(one.uid, False)  # he has one
        assert await people.count(phones) == 1
        await people.one("o2")
        assert isinstance(await people.one("o2", phone=phone("13580006666")), PhoneTaken)
        assert isinstance(await people.one("o3", phone=phone("13580006666")), PhoneTaken)
        signed_in = await people.one("o2", phone=phone("13580006666"), phone_owned="sign_in")
        assert signed_in == Entered(one.uid, False)
        joined = await people.one("o3", phone=phone("13580006666"), phone_owned="sign_in")
        assert joined == Entered(one.uid, False, bound=("identity",))
        assert (await people.one(phone=phone("13580006666"))).uid == one.uid  # by text message

    on(database_url, work)


def test_verified_open_data_fills_what_is_empty(database_url: str) -> None:
    async def work(people: People) -> None:
        await people.one("o1", profile={"nickname": "小王", "city": "广州"})
        await people.one("o1", profile={"nickname": "大王", "city": "深圳", "country": "中国"})
        row = await people.user("u1")
        assert row.nickname == "小王"
        assert "广州" in row.profile
        assert "中国" in row.profile

    on(database_url, work)


def test_a_closed_users_identity_belongs_to_nobody(database_url: str) -> None:
    async def work(people: People) -> None:
        await people.one("o1")
        await people.set("u1", status="closed")
        assert isinstance(await people.one(uid="u1"), AccountRefused)

    on(database_url, work)


def test_50_parallel_logins_of_one_new_user_make_one_user(database_url: str) -> None:
    async def work(them: list[People]) -> None:
        answers = await asyncio.gather(*(them[n % len(them)].one("new", "n1") for n in range(50)))
        assert len({answer.uid for answer in answers}) == 1
        assert sum(answer.new_user for answer in answers) == 1
        assert await them[0].count(users) == await them[0].count(identities) == 1
        assert (await them[0].user(answers[0].uid)).logins == 50

    on_many(database_url, work)


def test_one_new_person_in_two_apps_at_once_is_one_user(database_url: str) -> None:
    """No key of a table sees this: two identities, one unionid."""

    async def work(them: list[People]) -> None:
        for person in range(8):
            answers = await asyncio.gather(
                *(
                    people.one(f"o{person}-{n % 2}", f"n{person}", appid=f"wx{n % 2}")
                    for n, people in enumerate(them * 4)
                )
            )
            assert len({answer.uid for answer in answers}) == 1
            assert sum(answer.new_user for answer in answers) == 1
        assert await them[0].count(users) == 8

    on_many(database_url, work)


def test_one_account_proven_by_two_new_people_at_once_is_one_user(database_url: str) -> None:
    async def work(them: list[People]) -> None:
        await them[0].add_account("zhang")
        answers = await asyncio.gather(*(them[n % 5].one(f"o{n}", account=ZHANG) for n in range(20)))
        assert len({answer.uid for answer in answers}) == 1
        assert await them[0].count(users) == 1
        assert await them[0].count(identities) == 20

    on_many(database_url, work)


def test_batches_of_the_same_people_in_other_orders_do_not_wait_for_each_other(database_url: str) -> None:
    async def work(them: list[People]) -> None:
        everybody = [f"o{n}" for n in range(40)]
        batches = []
        for n, people in enumerate(them * 4):
            order = everybody[n:] + everybody[:n]
            batches.append(people.enter(*(people.entry(o, f"n-{o}") for o in (order if n % 2 else reversed(order)))))
        answers = await asyncio.gather(*batches)
        assert all(isinstance(answer, Entered) for batch in answers for answer in batch)
        assert await them[0].count(users) == 40

    on_many(database_url, work)


def test_no_question_of_a_login_reads_a_whole_table(tmp_path: Path) -> None:
    """With a million users a login must find its own."""

    async def work(people: People) -> None:
        await people.add_account("zhang")
        sent: list[tuple[str, Any]] = []

        def keep(_c: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
            if statement.startswith(("SELECT", "UPDATE")):
                sent.append((statement, values[0] if many else values))

        engine = people.database.engine.sync_engine
        event.listen(engine, "before_cursor_execute", keep)
        for _ in range(2):
            await people.one("o1", "n1", account=ZHANG, phone=phone("13580006666"), profile={"city": "广州"})
        event.remove(engine, "before_cursor_execute", keep)
        plans = []
        async with people.database.reading() as connection:
            for statement, values in sent:
                rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
                plans.append(" | ".join(row.detail for row in rows))
        assert len(plans) > 15
        assert [plan for plan in plans if "SCAN" in plan.replace("SCAN CONSTANT ROW", "")] == []

    on(sqlite_url(tmp_path), work)


def test_a_merge_that_races_logins_leaves_nothing_with_the_one_who_went(database_url: str) -> None:
    """The login finds who it is, waits for the merge at the user's row, and must look again."""

    async def work(them: list[People]) -> None:
        async def erase(_: str) -> None:
            pass

        for n in range(8):
            gone, stays = await them[0].one(f"o{n}"), await them[0].one(f"o{n}", appid="wx2")
            life = UserLife(them[n % 3].database, lambda: AT + 1.0, erase)
            merge = life.merge(gone.uid, stays.uid, Doer("test", ()))
            tries = [people.one(f"o{n}", at=AT + 1) for people in them]
            answers = await asyncio.gather(*([*tries, merge] if n % 2 else [merge, *tries]))
            entered = [answer for answer in answers if isinstance(answer, Entered)]
            assert len(entered) == 3
            assert {answer.uid for answer in entered} <= {gone.uid, stays.uid}
            assert (await them[0].one(f"o{n}", at=AT + 2)).uid == stays.uid
            assert (await them[0].user(gone.uid)).status == "closed"
        assert await them[0].count(users) == 16

    on_many(database_url, work, 3)


def test_an_account_of_another_source_than_counts_is_told_to_nobody(database_url: str) -> None:
    """Who registered as E-1024 before the team changed over to its own verifier is not its employee E-1024."""

    async def work(people: People) -> None:
        mallory = ProvenAccount("own", "e-1024", "e-1024")
        assert (await people.one("o1", account=mallory, password_hash="hash", tells="own")).account == "e-1024"
        assert (await people.one("o1", tells="verifier")).account == ""
        assert (await people.one("o2", account=ERP, tells="verifier")).account == "E-1024"
        assert (await people.one("o2", tells="own")).account == ""

    on(database_url, work)


def test_what_a_platform_vouches_for_is_kept_apart_from_what_is_said(database_url: str) -> None:
    async def work(people: People) -> None:
        first = await people.one("o1", profile={"nickname": "老王", "city": "Beijing"})
        assert first.vouched == {"nickname": "%E8%80%81%E7%8E%8B", "city": "Beijing"}
        await Profiles(people.database).change("u1", {"nickname": "Boss", "city": "Shenzhen", "gender": 1})
        assert (await people.one("o1")).vouched == first.vouched
        moved = await people.one("o1", profile={"city": "Guangzhou"})
        assert moved.vouched == {**first.vouched, "city": "Guangzhou"}
        row = await people.user("u1")
        assert (row.nickname, json.loads(row.profile)["city"]) == ("Boss", "Shenzhen")
        assert json.loads(row.vouched) == moved.vouched
        assert (await people.one("o2")).vouched == {}

    on(database_url, work)


def test_a_batch_knows_what_its_earlier_logins_brought(database_url: str) -> None:
    async def work(people: People) -> None:
        entries = [people.entry("o1", profile={"city": city} if city else {}) for city in ("", "Beijing", "", "Xian")]
        told = [answer.vouched for answer in await people.enter(*entries)]
        assert told == [{}, {"city": "Beijing"}, {"city": "Beijing"}, {"city": "Xian"}]
        assert json.loads((await people.user("u1")).vouched) == {"city": "Xian"}

    on(database_url, work)
