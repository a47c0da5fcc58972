"""Codes of text messages: replaced, tried, used once, dead after a few tries."""

from __future__ import annotations

import asyncio

from sqlalchemy import select

from menshen.storage.database import Database
from menshen.storage.sms_codes import (
    CodeTry,
    NewSmsCode,
    drop_sms_code,
    find_sent_at,
    prune_sms_codes,
    store_sms_codes,
    try_codes,
)
from menshen.storage.tables import sms_codes
from tests.storage.conftest import Run, opened

NOW = 1_800_000_000


def new(code: str = "right", at: int = NOW, place: str = "place") -> NewSmsCode:
    return NewSmsCode(place, code, at, at + 300, at - 60)


def typed(code: str, at: int = NOW + 1, place: str = "place") -> CodeTry:
    return CodeTry(place, code, at, 5)


async def tried(database: Database, *tries: CodeTry) -> list[bool]:
    async with database.writing() as connection:
        return await try_codes(connection, tries)


def test_a_code_is_good_once(run: Run) -> None:
    async def work(database: Database) -> None:
        assert await database.write(store_sms_codes, new())
        assert await tried(database, typed("wrong")) == [False]
        assert await tried(database, typed("right", place="elsewhere")) == [False]
        assert await tried(database, typed("right")) == [True]
        assert await tried(database, typed("right")) == [False]

    run(work)


def test_after_five_tries_the_right_one_is_wrong_too(run: Run) -> None:
    async def work(database: Database) -> None:
        await database.write(store_sms_codes, new())
        assert await tried(database, *[typed("wrong")] * 5, typed("right")) == [False] * 6
        assert await tried(database, typed("right")) == [False]

    run(work)


def test_the_fifth_try_may_be_right(run: Run) -> None:
    async def work(database: Database) -> None:
        await database.write(store_sms_codes, new())
        assert await tried(database, *[typed("wrong")] * 4, typed("right")) == [False] * 4 + [True]

    run(work)


def test_a_code_expires(run: Run) -> None:
    async def work(database: Database) -> None:
        await database.write(store_sms_codes, new())
        assert await tried(database, typed("right", NOW + 300)) == [False]
        assert await tried(database, typed("right", NOW + 299)) == [True]

    run(work)


def test_a_later_code_takes_the_place_of_one_that_is_not_too_new(run: Run) -> None:
    async def work(database: Database) -> None:
        assert await database.write(store_sms_codes, new("first"))
        assert not await database.write(store_sms_codes, new("second", NOW + 59))
        async with database.reading() as connection:
            assert await find_sent_at(connection, "place") == NOW
            assert await find_sent_at(connection, "elsewhere") is None
        await tried(database, *[typed("wrong")] * 5)
        assert await database.write(store_sms_codes, new("third", NOW + 60))
        assert await tried(database, typed("first", NOW + 61), typed("third", NOW + 61)) == [False, True]

    run(work)


def test_of_parallel_checks_one_wins(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as first, opened(database_url) as second:
            for n in range(10):
                await first.write(store_sms_codes, new(place=f"p{n}"))
            places = [f"p{n}" for n in range(10)] * 4
            tries = (
                database.write(try_codes, typed("right", place=place))
                for database, place in zip([first, second] * 20, places, strict=True)
            )
            answers = await asyncio.gather(*tries)
            won = [place for place, answer in zip(places, answers, strict=True) if answer]
            assert sorted(won) == sorted(set(places))

    asyncio.run(main())


def test_parallel_wrong_tries_are_five_at_most(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as first, opened(database_url) as second:
            await first.write(store_sms_codes, new())
            await asyncio.gather(*(d.write(try_codes, typed(f"wrong{n}")) for n, d in enumerate([first, second] * 10)))
            async with first.reading() as connection:
                assert (await connection.execute(select(sms_codes.c.attempts))).scalar_one() == 5

    asyncio.run(main())


def test_of_parallel_sends_one_is_stored(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as first, opened(database_url) as second:
            sends = (d.write(store_sms_codes, new(f"c{n}")) for n, d in enumerate([first, second] * 10))
            assert (await asyncio.gather(*sends)).count(True) == 1

    asyncio.run(main())


def test_dropped_and_pruned_codes_are_gone(run: Run) -> None:
    async def work(database: Database) -> None:
        await database.write(store_sms_codes, new())
        async with database.writing() as connection:
            await drop_sms_code(connection, "place", "another")
        assert not await database.write(store_sms_codes, new("second"))
        async with database.writing() as connection:
            await drop_sms_code(connection, "place", "right")
        assert await database.write(store_sms_codes, new("second"))
        async with database.writing() as connection:
            assert await prune_sms_codes(connection, NOW + 299) == 0
            assert await find_sent_at(connection, "place") == NOW
            assert await prune_sms_codes(connection, NOW + 300) == 1
            assert await find_sent_at(connection, "place") is None

    run(work)
