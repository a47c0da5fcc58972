"""The code book: one exchange per code among processes that share a database."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from menshen.errors import CodeInvalid, CodeUsed, PlatformSaysBusy, PlatformUnreachable, Refusal
from menshen.gateway.codes import CodeBook, LoggedIn, Spend
from menshen.secret import Secret
from menshen.sessions.claims import SessionClaims
from menshen.storage.codes import finish_codes, prune_codes
from menshen.storage.database import Database
from menshen.storage.sealing import Sealer
from tests.storage.conftest import opened

KEY = secrets.token_bytes(32)
CLAIMS = SessionClaims("u1", "s1", "wechat", "wx1", "o1", "", 1, 2)


class Exchange:
    """Counts how often it is asked; answers late, or refuses."""

    def __init__(self, database: Database, refusal: Refusal | None = None, takes: float = 0.05) -> None:
        self.asked = 0
        self._database = database
        self._refusal = refusal
        self._takes = takes

    async def __call__(self, spend: Spend) -> LoggedIn:
        self.asked += 1
        await asyncio.sleep(self._takes)
        if self._refusal:
            raise self._refusal
        login = LoggedIn(CLAIMS, Secret("planted-session-key"), True)
        await self._database.write(finish_codes, spend(login))
        return login


def book(database: Database) -> CodeBook:
    return CodeBook(database, Sealer(KEY, "code-outcome"), time.time, secrets.token_bytes)


def with_books(where: Path | str, work: Callable[[CodeBook, CodeBook, Database], Awaitable[Any]]) -> Any:
    """Two books on two connections to one database: two worker processes, as far as the database knows."""

    async def main() -> Any:
        async with opened(where) as first, opened(where) as second:
            return await work(book(first), book(second), first)

    return asyncio.run(main())


def test_parallel_requests_share_one_exchange_within_and_between_processes(database_url: str) -> None:
    async def work(one: CodeBook, two: CodeBook, database: Database) -> None:
        exchange, now = Exchange(database), time.time()
        outcomes = await asyncio.gather(*(b.once("wechat/wx1", "c", now, exchange) for b in [one, two] * 10))
        assert exchange.asked == 1
        assert {outcome.claims for outcome in outcomes} == {CLAIMS}
        assert all(outcome.session_key == Secret("planted-session-key") for outcome in outcomes)

    with_books(database_url, work)


def test_a_request_that_envoy_received_before_the_outcome_shares_it_and_a_later_one_does_not(database_url: str) -> None:
    async def work(one: CodeBook, two: CodeBook, database: Database) -> None:
        exchange, before = Exchange(database), time.time()
        await one.once("wechat/wx1", "c", before, exchange)
        for b in (one, two):
            assert (await b.once("wechat/wx1", "c", before, exchange)).claims == CLAIMS
            with pytest.raises(CodeUsed):
                await b.once("wechat/wx1", "c", time.time(), exchange)
        assert exchange.asked == 1

    with_books(database_url, work)


@pytest.mark.parametrize("refusal", [CodeInvalid, PlatformSaysBusy])
def test_a_refusal_is_shared_and_then_the_code_is_spent(refusal: type[Refusal], database_url: str) -> None:
    async def work(one: CodeBook, two: CodeBook, database: Database) -> None:
        exchange, now = Exchange(database, refusal()), time.time()
        outcomes = await asyncio.gather(
            *(b.once("wechat/wx1", "c", now, exchange) for b in [one, two] * 3), return_exceptions=True
        )
        assert {type(outcome) for outcome in outcomes} == {refusal}
        assert exchange.asked == 1
        with pytest.raises(CodeUsed):
            await two.once("wechat/wx1", "c", time.time(), exchange)
        assert exchange.asked == 1

    with_books(database_url, work)


def test_a_code_that_was_never_sent_can_be_tried_again(database_url: str) -> None:
    async def work(one: CodeBook, two: CodeBook, database: Database) -> None:
        unsent = Exchange(database, PlatformUnreachable())
        with pytest.raises(PlatformUnreachable):
            await one.once("wechat/wx1", "c", time.time(), unsent)
        assert (await two.once("wechat/wx1", "c", time.time(), Exchange(database))).claims == CLAIMS

    with_books(database_url, work)


def test_codes_of_two_apps_are_two_codes(database_url: str) -> None:
    async def work(one: CodeBook, _two: CodeBook, database: Database) -> None:
        exchange = Exchange(database)
        await one.once("wechat/wx1", "c", time.time(), exchange)
        await one.once("wechat/wx2", "c", time.time(), exchange)
        assert exchange.asked == 2

    with_books(database_url, work)


def test_a_client_that_hangs_up_does_not_spoil_it_for_the_others(database_url: str) -> None:
    async def work(one: CodeBook, _two: CodeBook, database: Database) -> None:
        exchange, now = Exchange(database, takes=0.2), time.time()
        first = asyncio.create_task(one.once("wechat/wx1", "c", now, exchange))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(one.once("wechat/wx1", "c", now, exchange))
        await asyncio.sleep(0.05)
        first.cancel()
        assert (await second).claims == CLAIMS
        assert exchange.asked == 1

    with_books(database_url, work)


class Telling:
    """What is made of a code that nobody shares."""

    def __init__(self, refusal: Refusal | None = None) -> None:
        self.asked = 0
        self.begun = asyncio.Event()
        self._refusal = refusal

    async def __call__(self) -> str:
        self.asked += 1
        self.begun.set()
        await asyncio.sleep(0.05)
        if self._refusal:
            raise self._refusal
        return "told"


def test_a_code_for_one_alone_is_told_to_the_first_and_nobody_logs_in_with_it(database_url: str) -> None:
    async def work(one: CodeBook, two: CodeBook, database: Database) -> None:
        telling, exchange, before = Telling(), Exchange(database), time.time()
        told = await asyncio.gather(
            *(b.alone("wechat/wx1", "c", telling) for b in [one, two] * 5), return_exceptions=True
        )
        assert sorted(map(str, told)).count("told") == 1
        assert {type(each) for each in told} == {str, CodeUsed}
        assert telling.asked == 1
        for received in (before, time.time()):
            with pytest.raises(CodeUsed):
                await two.once("wechat/wx1", "c", received, exchange)
        assert exchange.asked == 0

    with_books(database_url, work)


def test_a_code_that_logged_in_is_told_to_nobody(database_url: str) -> None:
    async def work(one: CodeBook, two: CodeBook, database: Database) -> None:
        await one.once("wechat/wx1", "c", time.time(), Exchange(database))
        for b in (one, two):
            with pytest.raises(CodeUsed):
                await b.alone("wechat/wx1", "c", Telling())

    with_books(database_url, work)


@pytest.mark.parametrize("refusal", [CodeInvalid, PlatformSaysBusy])
def test_a_refusal_for_one_alone_spends_the_code(refusal: type[Refusal], database_url: str) -> None:
    async def work(one: CodeBook, two: CodeBook, _: Database) -> None:
        telling = Telling(refusal())
        with pytest.raises(refusal):
            await one.alone("wechat/wx1", "c", telling)
        with pytest.raises(CodeUsed):
            await two.alone("wechat/wx1", "c", telling)
        assert telling.asked == 1

    with_books(database_url, work)


def test_a_code_for_one_alone_that_was_never_sent_can_be_tried_again(database_url: str) -> None:
    async def work(one: CodeBook, two: CodeBook, _: Database) -> None:
        with pytest.raises(PlatformUnreachable):
            await one.alone("wechat/wx1", "c", Telling(PlatformUnreachable()))
        assert await two.alone("wechat/wx1", "c", Telling()) == "told"

    with_books(database_url, work)


def test_who_hangs_up_has_spent_the_code(database_url: str) -> None:
    async def work(one: CodeBook, two: CodeBook, database: Database) -> None:
        telling = Telling()
        asking = asyncio.create_task(one.alone("wechat/wx1", "c", telling))
        await telling.begun.wait()
        asking.cancel()
        with pytest.raises(CodeUsed):  # it waits for the outcome
            await two.once("wechat/wx1", "c", time.time(), Exchange(database))

    with_books(database_url, work)


def test_neither_code_nor_session_key_is_in_the_database_file(tmp_path: Path) -> None:
    async def work(one: CodeBook, _two: CodeBook, database: Database) -> None:
        await one.once("wechat/wx1", "planted-login-code", time.time(), Exchange(database))

    with_books(tmp_path, work)
    for file in tmp_path.iterdir():
        assert b"planted" not in file.read_bytes()


def test_old_codes_are_forgotten(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as database:
            moment = [1000.0]
            codes = CodeBook(database, Sealer(KEY, "code-outcome"), lambda: moment[0], secrets.token_bytes)
            exchange = Exchange(database)
            await codes.once("wechat/wx1", "c", 1000.0, exchange)
            moment[0] += 901
            async with database.writing() as connection:
                await prune_codes(connection, moment[0])
            await codes.once("wechat/wx1", "c", moment[0], exchange)
            assert exchange.asked == 2

    asyncio.run(main())
