"""Bindings that run at the same time, in several processes: what is one stays one, whoever comes first."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Sequence
from typing import Any

from sqlalchemy import select

from menshen.errors import AlreadyBound, IdentityConflict, PhoneTaken, Refusal
from menshen.gateway.codes import LoggedIn
from menshen.gateway.proofs import Proofs
from menshen.storage.bindings import find_bound
from menshen.storage.tables import accounts, identities, phones, sessions
from menshen.users.entering import ProvenAccount
from menshen.users.phone_number import parse_phone
from tests.gateway.crowd import DOER, Crowd, on_crowd

NUMBER = parse_phone("13580006666")
STAFF = ProvenAccount("verifier", "staff-7", "staff-7")


async def together(*calls: Awaitable[Any]) -> Sequence[Any]:
    """What came of each. Nothing but a refusal may go wrong."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    wrong = [answer for answer in answers if isinstance(answer, BaseException) and not isinstance(answer, Refusal)]
    assert wrong == []
    return answers


def test_twenty_parallel_bindings_of_one_number_make_one_owner(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        askings = [await crowd.comes(f"user-{n}") for n in range(20)]
        proven = crowd.numbers.proven(NUMBER)
        answers = await together(
            *(crowd.processes[n % 4].bindings.bind_phone(asking, proven) for n, asking in enumerate(askings))
        )
        assert Counter(type(answer) for answer in answers) == {LoggedIn: 1, PhoneTaken: 19}
        (row,) = await crowd.rows(phones)
        (owner,) = [answer.claims.sub for answer in answers if isinstance(answer, LoggedIn)]
        assert row.uid == owner
        for asking in askings:
            assert len(await crowd.live(asking.uid)) == 1
            assert (asking.bearer.claims.sid in await crowd.live(asking.uid)) == (asking.uid != owner)

    on_crowd(database_url, work, processes=4)


def test_twenty_phone_codes_of_one_number_make_one_owner(database_url: str) -> None:
    """The whole way, from the platform's phone code on."""

    async def work(crowd: Crowd) -> None:
        askings = [await crowd.comes(f"user-{n}") for n in range(20)]
        proofs = [
            Proofs("phone", time.time(), phone_code=crowd.phone_code(f"user-{n}", NUMBER.national)) for n in range(20)
        ]
        answers = await together(
            *(
                crowd.processes[n % 4].phones.bind(asking, brought)
                for n, (asking, brought) in enumerate(zip(askings, proofs, strict=True))
            )
        )
        assert Counter(type(answer) for answer in answers) == {LoggedIn: 1, PhoneTaken: 19}
        assert len(await crowd.rows(phones)) == 1

    on_crowd(database_url, work, processes=4)


def test_one_user_who_binds_twenty_numbers_at_once_has_one(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        askings = [await crowd.comes("alice") for _ in range(20)]
        answers = await together(
            *(
                crowd.processes[n % 4].bindings.bind_phone(
                    asking, crowd.numbers.proven(parse_phone(f"135800066{n:02d}"))
                )
                for n, asking in enumerate(askings)
            )
        )
        assert Counter(type(answer) for answer in answers) == {LoggedIn: 1, AlreadyBound: 19}
        assert len(await crowd.rows(phones)) == 1

    on_crowd(database_url, work, processes=4)


def test_an_account_that_twenty_bind_at_once_has_one_owner(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        askings = [await crowd.comes(f"user-{n}") for n in range(20)]
        answers = await together(
            *(crowd.processes[n % 4].bindings.bind_account(asking, STAFF) for n, asking in enumerate(askings))
        )
        (owner,) = [answer.claims.sub for answer in answers if isinstance(answer, LoggedIn)]
        (row,) = await crowd.rows(accounts)
        assert row.uid == owner

    on_crowd(database_url, work, processes=4)


def test_of_two_last_ways_in_that_go_at_once_one_stays(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        for n in range(8):
            first = await crowd.comes(f"user-{n}")
            proven = crowd.numbers.proven(parse_phone(f"1358000{n:04d}"))
            first = crowd.asking(await crowd.bindings.bind_phone(first, proven))
            second = await crowd.comes(f"user-{n}")
            _, bound = await crowd.bindings.user(first.uid)
            answers = await together(
                crowd.processes[0].bindings.unbind_phone(first),
                crowd.processes[1].bindings.unbind_identity(second, bound.identities[0].id),
            )
            refused = [answer for answer in answers if isinstance(answer, Refusal)]
            _, left = await crowd.bindings.user(first.uid)
            assert len(left.identities) + (left.phone is not None) == 1
            # The identity's going may have ended the first session, which carried it, before its turn came.
            assert len(refused) == 1

    on_crowd(database_url, work, processes=2)


def test_two_who_unbind_different_ways_of_three_leave_one(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        for n in range(6):
            asking = await crowd.comes(f"user-{n}")
            qq = crowd.code(f"user-{n}", "qq")
            asking = crowd.asking(await crowd.bindings.bind_identity(asking, crowd.plugin("qq"), qq, time.time()))
            proven = crowd.numbers.proven(parse_phone(f"1358000{n:04d}"))
            asking = crowd.asking(await crowd.bindings.bind_phone(asking, proven))
            by_qq = await crowd.comes(f"user-{n}", "qq")
            _, bound = await crowd.bindings.user(asking.uid)
            by_text = crowd.asking(await crowd.bindings.bind_phone(by_qq, proven), "qq")
            await together(
                *(
                    crowd.processes[number % 3].bindings.unbind_identity(who, each.id)
                    for number, (who, each) in enumerate(
                        (who, each) for who in (asking, by_text) for each in bound.identities
                    )
                ),
                crowd.processes[2].bindings.unbind_phone(asking),
            )
            _, left = await crowd.bindings.user(asking.uid)
            assert len(left.identities) + (left.phone is not None) >= 1

    on_crowd(database_url, work, processes=3)


def test_a_number_that_is_unbound_and_bound_at_once_is_in_one_hand(database_url: str) -> None:
    """Attack class 38: unbind and rebind."""

    async def work(crowd: Crowd) -> None:
        proven = crowd.numbers.proven(NUMBER)
        for n in range(8):
            owner = await crowd.comes(f"owner-{n}")
            owner = crowd.asking(await crowd.bindings.bind_phone(owner, proven))
            others = [await crowd.comes(f"other-{n}-{m}") for m in range(3)]
            freed, *bound = await together(
                crowd.processes[0].bindings.unbind_phone(owner),
                *(crowd.processes[m + 1].bindings.bind_phone(other, proven) for m, other in enumerate(others)),
            )
            assert isinstance(freed, LoggedIn)
            winners = [answer.claims.sub for answer in bound if isinstance(answer, LoggedIn)]
            assert len(winners) <= 1
            assert [row.uid for row in await crowd.rows(phones)] == winners
            async with crowd.database.writing() as connection:
                await connection.execute(phones.delete())

    on_crowd(database_url, work, processes=4)


def test_no_session_outlives_a_ban_that_runs_at_the_same_time(database_url: str) -> None:
    """Whether the binding or the ban is first: a new session in place of the old one must not slip past it."""

    async def work(crowd: Crowd) -> None:
        for n in range(8):
            askings = [await crowd.comes(f"user-{n}") for _ in range(4)]
            uid = askings[0].uid
            proven = crowd.numbers.proven(parse_phone(f"1358000{n:04d}"))
            await together(
                *(crowd.processes[m % 3].bindings.bind_phone(asking, proven) for m, asking in enumerate(askings)),
                crowd.processes[2].life.ban(uid, DOER, reason="spam", until=0),
                *(
                    crowd.processes[m % 3].bindings.bind_account(
                        asking, ProvenAccount("verifier", f"staff-{n}", f"staff-{n}")
                    )
                    for m, asking in enumerate(askings)
                ),
            )
            assert await crowd.live(uid) == set()

    on_crowd(database_url, work, processes=3)


def test_nothing_is_bound_to_a_user_who_is_closed_at_the_same_time(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        for n in range(8):
            asking = await crowd.comes(f"user-{n}")
            other = await crowd.comes(f"user-{n}")
            proven = crowd.numbers.proven(parse_phone(f"1358000{n:04d}"))
            code = crowd.code(f"user-{n}", "qq")
            await together(
                crowd.processes[0].bindings.bind_phone(asking, proven),
                crowd.processes[1].life.close(asking.uid, DOER, reason=""),
                crowd.processes[2].bindings.bind_identity(other, crowd.plugin("qq"), code, time.time()),
            )
            async with crowd.database.reading() as connection:
                bound = await find_bound(connection, asking.uid)
            assert (bound.identities, bound.account, bound.phone) == ((), None, None)
            assert await crowd.live(asking.uid) == set()

    on_crowd(database_url, work, processes=3)


def test_a_merge_at_the_same_time_loses_no_number(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        for n in range(8):
            goes, stays = await crowd.comes(f"goes-{n}"), await crowd.comes(f"stays-{n}", "qq")
            proven = crowd.numbers.proven(parse_phone(f"1358000{n:04d}"))
            bound, _ = await together(
                crowd.processes[0].bindings.bind_phone(goes, proven),
                crowd.processes[1].life.merge(goes.uid, stays.uid, DOER),
            )
            owners = [row.uid for row in await crowd.rows(phones, digest=proven.digest)]
            assert owners == ([stays.uid] if isinstance(bound, LoggedIn) else [])
            assert await crowd.live(goes.uid) == set()

    on_crowd(database_url, work, processes=2)


def test_one_person_who_binds_and_logs_in_at_two_apps_at_once_is_one_user(database_url: str) -> None:
    """Carol's two identities have one unionid. Alice, whom she lends her phone, would bind one of them meanwhile."""

    async def work(crowd: Crowd) -> None:
        for n in range(8):
            alice = await crowd.comes(f"alice-{n}", "qq")
            code, login = crowd.code(f"carol-{n}", "mall"), crowd.code(f"carol-{n}", "shop")
            answers = await together(
                crowd.processes[0].bindings.bind_identity(alice, crowd.plugin("mall"), code, time.time()),
                crowd.enters("shop", process=1, code=login),
            )
            bound = answers[0]
            assert isinstance(bound, LoggedIn | IdentityConflict)
            rows = [row for row in await crowd.rows(identities) if row.unionid]
            owners: dict[str, set[str]] = {}
            for row in rows:
                owners.setdefault(row.unionid, set()).add(row.uid)
            assert all(len(uids) == 1 for uids in owners.values())

    on_crowd(database_url, work, processes=2)


def test_no_login_keeps_an_identity_that_is_unbound_at_the_same_time(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        for n in range(12):
            asking = await crowd.comes(f"user-{n}", "qq")
            code = crowd.code(f"user-{n}", "shop")
            asking = crowd.asking(
                await crowd.bindings.bind_identity(asking, crowd.plugin("shop"), code, time.time()), "qq"
            )
            _, bound = await crowd.bindings.user(asking.uid)
            shop = next(each for each in bound.identities if each.platform == "wechat")
            await together(
                crowd.processes[0].bindings.unbind_identity(asking, shop.id),
                *(crowd.enters("shop", process=1 + m, code=crowd.code(f"user-{n}", "shop")) for m in range(2)),
            )
            async with crowd.database.reading() as connection:
                left = await find_bound(connection, asking.uid)
                carrying = select(sessions.c.sid).where(
                    sessions.c.uid == asking.uid, sessions.c.openid == shop.openid, sessions.c.ended_at.is_(None)
                )
                alive = (await connection.execute(carrying)).scalars().all()
            assert [each.platform for each in left.identities] == ["qq"]
            assert alive == []

    on_crowd(database_url, work, processes=3)


def test_the_refusals_of_a_race_are_refusals(database_url: str) -> None:
    """Everything at once, on one user and one number: no deadlock, no error of the database's, no lost way in."""

    async def work(crowd: Crowd) -> None:
        proven = crowd.numbers.proven(NUMBER)
        for n in range(4):
            askings = [await crowd.comes(f"user-{n}") for _ in range(6)]
            _, bound = await crowd.bindings.user(askings[0].uid)
            calls = [
                crowd.processes[0].bindings.bind_phone(askings[0], proven),
                crowd.processes[1].bindings.bind_account(askings[1], STAFF),
                crowd.processes[2].bindings.unbind_phone(askings[2]),
                crowd.processes[0].bindings.unbind_account(askings[3]),
                crowd.processes[1].bindings.unbind_identity(askings[4], bound.identities[0].id),
                crowd.processes[2].bindings.bind_phone(askings[5], proven),
                crowd.processes[0].life.ban(askings[0].uid, DOER, until=int(time.time()) + 3600),
                crowd.enters("shop", process=1, code=crowd.code(f"user-{n}")),
            ]
            await together(*calls)
            async with crowd.database.reading() as connection:
                left = await find_bound(connection, askings[0].uid)
            assert left.identities or left.phone

    on_crowd(database_url, work, processes=3)
