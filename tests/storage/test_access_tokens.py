"""The row of an app's token: who may fetch, and whose result counts."""

from __future__ import annotations

import asyncio

import pytest

from menshen.storage.access_tokens import (
    TokenKey,
    TokenRow,
    claim_token,
    find_token,
    find_tokens,
    release_token,
    store_token,
)
from tests.storage.conftest import opened

KEY = TokenKey("wechat", "wx1")
NOW = 1_700_000_000.25


def test_one_of_many_claims_a_row(database_url):
    async def main():
        async with opened(database_url) as first, opened(database_url) as second:

            async def claim(database, name):
                async with database.writing() as connection:
                    return await claim_token(connection, KEY, name, 0.0, NOW, NOW + 5)

            databases = [first, second] * 10
            rows = await asyncio.gather(*(claim(database, f"c{n}") for n, database in enumerate(databases)))
            assert len({row.claim for row in rows}) == 1
            assert rows[0] == TokenRow("", 0.0, 0.0, rows[0].claim, NOW + 5)

    asyncio.run(main())


def test_a_claim_runs_out(run):
    async def work(database):
        async with database.writing() as connection:
            await claim_token(connection, KEY, "dead", 0.0, NOW, NOW + 5)
            assert (await claim_token(connection, KEY, "next", 0.0, NOW + 4.9, NOW + 10)).claim == "dead"
            assert (await claim_token(connection, KEY, "next", 0.0, NOW + 5, NOW + 10)).claim == "next"
            assert await store_token(connection, KEY, "dead", "late", NOW, NOW + 7200) is False
            assert await store_token(connection, KEY, "next", "new", NOW + 5, NOW + 7205) is True
            assert await find_token(connection, KEY) == TokenRow("new", NOW + 5, NOW + 7205, "", 0.0)

    run(work)


def test_a_token_that_is_newer_than_the_one_seen_is_not_claimed(run):
    async def work(database):
        async with database.writing() as connection:
            await claim_token(connection, KEY, "a", 0.0, NOW, NOW + 5)
            await store_token(connection, KEY, "a", "one", NOW, NOW + 7200)
            assert (await claim_token(connection, KEY, "b", 0.0, NOW + 1, NOW + 6)).claim == ""
            assert (await claim_token(connection, KEY, "b", NOW, NOW + 1, NOW + 6)).claim == "b"

    run(work)


def test_a_claim_is_given_back(run):
    async def work(database):
        async with database.writing() as connection:
            await claim_token(connection, KEY, "a", 0.0, NOW, NOW + 5)
            await release_token(connection, KEY, "other")
            assert (await claim_token(connection, KEY, "b", 0.0, NOW, NOW + 5)).claim == "a"
            await release_token(connection, KEY, "a")
            assert (await claim_token(connection, KEY, "b", 0.0, NOW, NOW + 5)).claim == "b"

    run(work)


def test_tokens_there_are(run):
    async def work(database):
        async with database.writing() as connection:
            for appid in ("wx1", "wx2"):
                await claim_token(connection, TokenKey("wechat", appid), "a", 0.0, NOW, NOW + 5)
            await store_token(connection, KEY, "a", "one", NOW, NOW + 7200)
        async with database.reading() as connection:
            assert await find_tokens(connection) == {KEY: (NOW, NOW + 7200)}
            assert await find_token(connection, TokenKey("qq", "wx1")) is None

    run(work)


def test_a_row_does_not_show_its_token():
    assert "canary" not in repr(TokenRow("canary", NOW, NOW, "", 0.0))


@pytest.mark.parametrize("appid", ["wx1", "wx2"])
def test_rows_are_of_one_app(run, appid):
    async def work(database):
        async with database.writing() as connection:
            await claim_token(connection, KEY, "a", 0.0, NOW, NOW + 5)
            mine = await claim_token(connection, TokenKey("wechat", appid), "b", 0.0, NOW, NOW + 5)
            assert mine.claim == ("a" if appid == "wx1" else "b")

    run(work)
