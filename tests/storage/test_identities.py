"""Identities in their table: found by key and by unionid, one owner each, refreshed by every login."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from sqlalchemy import select

from menshen.storage.database import Database
from menshen.storage.identities import (
    IdentityKey,
    KnownIdentity,
    SeenIdentity,
    add_identities,
    claim_names,
    find_identities,
    find_unions,
    refresh_identities,
)
from menshen.storage.tables import identities
from menshen.storage.user_standings import add_users
from tests.storage.conftest import Run, opened


def seen(openid: str, *, appid: str = "wx1", unionid: str = "", key: str = "sealed", at: int = 1) -> SeenIdentity:
    return SeenIdentity(IdentityKey("wechat", appid, openid), unionid, key, at)


async def add(database: Database, *new: tuple[str, SeenIdentity]) -> Mapping[IdentityKey, str]:
    async with database.writing() as connection:
        there = {"u1", "u2"}
        await add_users(connection, dict.fromkeys(there & {uid for uid, _ in new}, 1))
        return await add_identities(connection, new)


def test_an_identity_is_found_by_platform_appid_and_openid_together(run: Run) -> None:
    async def work(database: Database) -> None:
        one, other = seen("o1", unionid="n1"), seen("o1", appid="wx2")
        await add(database, ("u1", one), ("u2", other))
        async with database.reading() as connection:
            found = await find_identities(connection, {one.key, other.key, IdentityKey("qq", "wx1", "o1")})
        assert found == {one.key: KnownIdentity("u1", "n1"), other.key: KnownIdentity("u2", "")}

    run(work)


def test_a_unionid_finds_every_user_of_it_on_its_own_platform(run: Run) -> None:
    async def work(database: Database) -> None:
        foreign = SeenIdentity(IdentityKey("qq", "11", "o9"), "n1", "sealed", 1)
        await add(database, ("u1", seen("o1", unionid="n1")), ("u2", seen("o2", appid="wx2", unionid="n1")))
        async with database.writing() as connection:
            await add_users(connection, {"u3": 1})
            await add_identities(connection, [("u3", foreign)])
            found = await find_unions(connection, {("wechat", "n1"), ("wechat", "n2")})
        assert found == {("wechat", "n1"): {"u1", "u2"}, ("wechat", "n2"): set()}

    run(work)


def test_an_identity_keeps_its_first_owner(run: Run) -> None:
    async def work(database: Database) -> None:
        one = seen("o1")
        assert await add(database, ("u1", one)) == {one.key: "u1"}
        assert await add(database, ("u2", one)) == {one.key: "u1"}

    run(work)


def test_the_newest_session_key_is_kept_and_a_unionid_is_not_lost(run: Run) -> None:
    async def work(database: Database) -> None:
        await add(database, ("u1", seen("o1", unionid="union", key="first", at=1)))
        async with database.writing() as connection:
            newer = [seen("o1", key="second", at=2), seen("o1", key="third", at=3)]
            await refresh_identities(connection, newer)
            row = (await connection.execute(select(identities))).one()
        assert (row.unionid, row.sealed_session_key, row.created_at, row.last_login_at) == ("union", "third", 1, 3)

    run(work)


def test_a_claimed_name_is_waited_for_on_postgresql_and_needs_no_waiting_on_sqlite(database_url: str) -> None:
    async def main() -> None:
        order: list[str] = []
        async with opened(database_url) as one, opened(database_url) as other:

            async def hold() -> None:
                async with one.writing() as connection:
                    claimed = await claim_names(connection, ["b", "a"])
                    assert claimed == (connection.dialect.name == "postgresql")
                    holding.set()
                    await asyncio.sleep(0.2)
                    order.append("first")

            async def follow() -> None:
                await holding.wait()
                async with other.writing() as connection:
                    await claim_names(connection, ["a", "c"])
                    order.append("second")

            holding = asyncio.Event()
            await asyncio.gather(hold(), follow())
        assert order == ["first", "second"]

    asyncio.run(main())
