"""Nonces: each is good once, whoever asks, and forgotten when no signature with it can be good."""

from __future__ import annotations

import asyncio

from sqlalchemy import select

from menshen.storage.database import Database
from menshen.storage.nonces import Nonce, claim_nonces, prune_nonces
from menshen.storage.tables import nonces
from tests.storage.conftest import Run, opened

NOW = 1_800_000_000


def nonce(text: str = "one", key_id: str = "erp", until: int = NOW + 960) -> Nonce:
    return Nonce(key_id, text, until)


def test_a_nonce_is_new_once_for_each_key(run: Run) -> None:
    async def work(database: Database) -> None:
        assert await database.write(claim_nonces, nonce())
        assert not await database.write(claim_nonces, nonce())
        assert not await database.write(claim_nonces, nonce(until=NOW + 5000))
        assert await database.write(claim_nonces, nonce(key_id="crm"))
        assert await database.write(claim_nonces, nonce("ONE")), "case counts"

    run(work)


def test_of_one_batch_the_first_gets_it(run: Run) -> None:
    async def work(database: Database) -> None:
        async with database.writing() as connection:
            claims = [nonce("b"), nonce("a"), nonce("b"), nonce("a", "crm"), nonce("b"), nonce("a")]
            assert await claim_nonces(connection, claims) == [True, True, False, True, False, False]
        async with database.writing() as connection:
            assert await claim_nonces(connection, [nonce("a"), nonce("c")]) == [False, True]

    run(work)


def test_of_two_nodes_that_ask_at_once_one_gets_it(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as one, opened(database_url) as two:
            for number in range(10):
                claim = nonce(f"n{number}")
                found = await asyncio.gather(*(each.write(claim_nonces, claim) for each in (one, two) * 10))
                assert sum(found) == 1

    asyncio.run(main())


def test_two_nodes_that_ask_for_several_in_other_orders_do_not_wait_for_each_other(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as one, opened(database_url) as two:
            for number in range(10):
                claims = [nonce(f"{number}-{letter}") for letter in "abcdef"]
                both = ((one, claims), (two, claims[::-1]))
                asked = [database.write(claim_nonces, claim) for database, some in both for claim in some]
                assert sum(await asyncio.gather(*asked)) == len(claims)

    asyncio.run(main())


def test_what_is_too_old_is_forgotten_in_pieces_and_nothing_else(run: Run) -> None:
    async def work(database: Database) -> None:
        for text, until in (("a", NOW - 9), ("b", NOW), ("c", NOW + 1), ("d", NOW - 1)):
            assert await database.write(claim_nonces, nonce(text, until=until))
        async with database.writing() as connection:
            assert await prune_nonces(connection, NOW + 0.5, 2) == 2
            assert await prune_nonces(connection, NOW + 0.5, 2) == 1
            assert await prune_nonces(connection, NOW + 0.5, 2) == 0
            assert (await connection.execute(select(nonces.c.nonce))).scalars().all() == ["c"]

    run(work)
