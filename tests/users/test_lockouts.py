"""Lock-outs: counted in advance, over all processes, for names that are nobody's as well."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from sqlalchemy import select

from menshen.config.user_rules import AccountRules
from menshen.errors import AccountLocked, AccountRefused, Overloaded, VerifierUnavailable
from menshen.storage.database import Database
from menshen.storage.digests import KeyedDigest
from menshen.storage.tables import account_failures
from menshen.users.lockouts import Lockouts
from tests.storage.conftest import opened

NOW = 1_800_000_000.5
RULES = AccountRules(lock_after=3, lock_minutes=10)


def lockouts(database: Database) -> Lockouts:
    return Lockouts(database, KeyedDigest(b"k" * 32, "account-failures"))


class Tries:
    """A password check that counts how often it is asked."""

    def __init__(self, answer: str | None) -> None:
        self.answer = answer
        self.asked = 0

    async def __call__(self) -> str | None:
        self.asked += 1
        await asyncio.sleep(0.01)
        return self.answer


def on_database(url: str, work: Callable[[Database], Awaitable[None]]) -> None:
    async def main() -> None:
        async with opened(url) as database:
            await work(database)

    asyncio.run(main())


async def refused(locks: Lockouts, tries: Tries, username: str = "alice", now: float = NOW) -> type[Exception]:
    with pytest.raises((AccountRefused, AccountLocked)) as raised:
        await locks.attempt(RULES, "own", username, now, tries)
    return raised.type


def test_after_so_many_wrong_passwords_nobody_looks_at_one(database_url: str) -> None:
    async def work(database: Database) -> None:
        locks, wrong, right = lockouts(database), Tries(None), Tries("alice")
        assert [await refused(locks, wrong) for _ in range(5)] == [AccountRefused] * 3 + [AccountLocked] * 2
        assert wrong.asked == 3
        with pytest.raises(AccountLocked) as raised:
            await locks.attempt(RULES, "own", "alice", NOW + 60, right)
        assert raised.value.retry_after == 540
        assert right.asked == 0
        assert await locks.attempt(RULES, "own", "alice", NOW + 600, right) == "alice"
        assert await locks.attempt(RULES, "own", "bob", NOW, right) == "alice"
        assert await locks.attempt(RULES, "verifier", "alice", NOW, right) == "alice"

    on_database(database_url, work)


@pytest.mark.parametrize("spellings", [["alice", "Alice", "ＡLICE"], ["nobody", "no\u200bbody", "NOBODY"]])
def test_no_spelling_of_a_name_is_another_three_tries(database_url: str, spellings: list[str]) -> None:
    async def work(database: Database) -> None:
        locks, wrong = lockouts(database), Tries(None)
        for spelling in spellings:
            assert await refused(locks, wrong, spelling) is AccountRefused
        for spelling in spellings:
            assert await refused(locks, wrong, spelling) is AccountLocked

    on_database(database_url, work)


def test_a_right_password_wipes_the_slate(database_url: str) -> None:
    async def work(database: Database) -> None:
        locks, wrong = lockouts(database), Tries(None)
        for _ in range(3):
            await refused(locks, wrong)
            await refused(locks, wrong)
            assert await locks.attempt(RULES, "own", "alice", NOW, Tries("alice")) == "alice"
        assert wrong.asked == 6

    on_database(database_url, work)


def test_parallel_tries_at_several_processes_are_three(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as one, opened(database_url) as two:
            wrong, both = Tries(None), [lockouts(one), lockouts(two)]
            kinds = await asyncio.gather(*(refused(both[n % 2], wrong) for n in range(20)))
            assert wrong.asked == 3
            assert kinds.count(AccountLocked) == 17

    asyncio.run(main())


def test_the_owner_may_log_in_many_times_at_once(database_url: str) -> None:
    """His own right passwords, counted in advance, must not lock him out."""

    async def work(database: Database) -> None:
        locks, right = lockouts(database), Tries("alice")
        found = await asyncio.gather(*(locks.attempt(RULES, "own", "alice", NOW, right) for _ in range(12)))
        assert found == ["alice"] * 12
        assert locks._turns == {}

    on_database(database_url, work)


def test_what_nobody_could_check_does_not_count(database_url: str) -> None:
    async def work(database: Database) -> None:
        locks = lockouts(database)

        async def away() -> None:
            raise VerifierUnavailable

        for _ in range(5):
            with pytest.raises(VerifierUnavailable):
                await locks.attempt(RULES, "verifier", "alice", NOW, away)
        # Also not the lock that it would have brought.
        with pytest.raises(VerifierUnavailable):
            await locks.attempt(replace(RULES, lock_after=1), "verifier", "alice", NOW, away)
        assert await locks.attempt(RULES, "verifier", "alice", NOW, Tries("E1")) == "E1"

    on_database(database_url, work)


def test_a_check_that_hangs_gathers_no_crowd(database_url: str) -> None:
    async def work(database: Database) -> None:
        locks, goes_on = lockouts(database), asyncio.Event()

        async def hangs() -> str:
            await goes_on.wait()
            return "alice"

        waiting = asyncio.gather(
            *(locks.attempt(RULES, "verifier", "alice", NOW, hangs) for _ in range(40)), return_exceptions=True
        )
        await asyncio.sleep(0.05)
        assert await locks.attempt(RULES, "verifier", "bob", NOW, Tries("bob")) == "bob"
        goes_on.set()
        kinds = [type(each) for each in await waiting]
        assert kinds == [str] * 32 + [Overloaded] * 8

    on_database(database_url, work)


def test_hanging_up_buys_no_try(database_url: str) -> None:
    async def work(database: Database) -> None:
        locks, begun = lockouts(database), asyncio.Event()

        async def slow() -> None:
            begun.set()
            await asyncio.sleep(30)

        for _ in range(3):
            begun.clear()
            task = asyncio.create_task(locks.attempt(RULES, "own", "alice", NOW, slow))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await refused(locks, Tries("alice")) is AccountLocked

    on_database(database_url, work)


def test_an_operator_unlocks(database_url: str) -> None:
    async def work(database: Database) -> None:
        locks = lockouts(database)
        for _ in range(4):
            kind = await refused(locks, Tries(None))
        assert kind is AccountLocked
        await locks.unlock("own", "ALICE")
        assert await locks.attempt(RULES, "own", "alice", NOW, Tries("alice")) == "alice"

    on_database(database_url, work)


def test_no_name_in_the_database(database_url: str) -> None:
    """People type passwords where the name belongs."""

    async def work(database: Database) -> None:
        await refused(lockouts(database), Tries(None), "canary-name")
        async with database.reading() as connection:
            (row,) = (await connection.execute(select(account_failures))).all()
        assert "canary" not in str(tuple(row))

    on_database(database_url, work)
