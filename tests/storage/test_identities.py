"""Finding and making users: one identity is one user, whoever comes first."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

from sqlalchemy import func, select

from menshen.storage.database import Database
from menshen.storage.identities import IdentityKey, SeenIdentity, SignedIn, sign_in_identities
from menshen.storage.tables import identities, users
from tests.storage.conftest import Run, opened


def seen(openid: str, *, appid: str = "wx1", unionid: str = "", key: str = "sealed", at: int = 1) -> SeenIdentity:
    return SeenIdentity(IdentityKey("wechat", appid, openid), unionid, key, at)


def counter(prefix: str = "u"):  # type: ignore[no-untyped-def]
    numbers = itertools.count(1)
    return lambda: f"{prefix}{next(numbers)}"


async def sign_in(database: Database, *items: SeenIdentity, uids=None) -> list[SignedIn]:  # type: ignore[no-untyped-def]
    async with database.writing() as connection:
        return await sign_in_identities(connection, items, uids or counter())


def test_the_first_login_makes_a_user_and_later_ones_find_it(run: Run) -> None:
    async def work(database: Database) -> None:
        assert await sign_in(database, seen("o1")) == [SignedIn("u1", True)]
        assert await sign_in(database, seen("o1")) == [SignedIn("u1", False)]

    run(work)


def test_one_batch_may_hold_the_same_identity_twice(run: Run) -> None:
    async def work(database: Database) -> None:
        answers = await sign_in(database, seen("o1"), seen("o2"), seen("o1"))
        assert answers[0].uid == answers[2].uid != answers[1].uid
        async with database.reading() as connection:
            assert (await connection.execute(select(func.count()).select_from(users))).scalar() == 2

    run(work)


def test_the_same_openid_at_two_apps_is_two_identities(run: Run) -> None:
    async def work(database: Database) -> None:
        one, two = await sign_in(database, seen("o1", appid="wx1"), seen("o1", appid="wx2"))
        assert one.uid != two.uid

    run(work)


def test_the_newest_session_key_is_kept_and_a_unionid_is_not_lost(run: Run) -> None:
    async def work(database: Database) -> None:
        await sign_in(database, seen("o1", unionid="union", key="first", at=1))
        await sign_in(database, seen("o1", unionid="", key="second", at=2))
        async with database.reading() as connection:
            row = (await connection.execute(select(identities))).one()
        assert (row.unionid, row.sealed_session_key, row.created_at, row.last_login_at) == ("union", "second", 1, 2)

    run(work)


def test_many_connections_that_sign_in_one_new_user_make_one(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as first, opened(tmp_path) as second:
            answers = await asyncio.gather(
                *(
                    sign_in(database, seen("new"), uids=counter(f"{n}-"))
                    for n, database in enumerate([first, second] * 8)
                )
            )
            assert len({answer.uid for (answer,) in answers}) == 1
            assert sum(answer.new_user for (answer,) in answers) == 1
            async with first.reading() as connection:
                assert (await connection.execute(select(func.count()).select_from(users))).scalar() == 1

    asyncio.run(main())
