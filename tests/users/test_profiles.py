"""Profiles in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import insert, select, update

from menshen.errors import CallMalformed, SessionRevoked
from menshen.storage.database import Database
from menshen.storage.tables import users
from menshen.users.profile import Profile
from menshen.users.profiles import Profiles
from tests.storage.conftest import opened


def on(url: str, work: Callable[[Database], Awaitable[None]]) -> None:
    async def main() -> None:
        async with opened(url) as database:
            await work(database)

    asyncio.run(main())


async def add_user(database: Database, uid: str = "u1", **values: object) -> Profiles:
    async with database.writing() as connection:
        await connection.execute(insert(users), [{"uid": uid, "created_at": 1, **values}])
    return Profiles(database)


def test_a_profile_is_empty_at_first_and_keeps_what_is_said(database_url: str) -> None:
    async def work(database: Database) -> None:
        profiles = await add_user(database)
        assert await profiles.get("u1") == Profile()
        said = await profiles.change("u1", {"nickname": "小明", "gender": 1, "city": "Shenzhen"})
        assert said == await profiles.get("u1") == Profile(nickname="小明", gender="1", city="Shenzhen")
        assert await profiles.change("u1", {"nickname": "", "country": "China"}) == await profiles.get("u1")
        assert await profiles.get("u1") == Profile(gender="1", city="Shenzhen", country="China")

    on(database_url, work)


def test_a_profile_and_an_avatar_leave_each_other_alone(database_url: str) -> None:
    async def work(database: Database) -> None:
        profiles = await add_user(database)
        await profiles.change("u1", {"nickname": "Ming"})
        assert await profiles.set_avatar("u1", "a.png") == ""
        assert await profiles.set_avatar("u1", "b.png") == "a.png"
        await profiles.change("u1", {"city": "x"})
        assert await profiles.get("u1") == Profile(nickname="Ming", city="x", avatar="b.png")
        assert await profiles.avatars_in_use(["a.png", "b.png"]) == {"b.png"}

    on(database_url, work)


def test_what_is_refused_changes_nothing(database_url: str) -> None:
    async def work(database: Database) -> None:
        profiles = await add_user(database)
        with pytest.raises(CallMalformed):
            await profiles.change("u1", {"city": "x", "status": "active"})
        assert await profiles.get("u1") == Profile()

    on(database_url, work)


def test_nobody_else_is_touched(database_url: str) -> None:
    async def work(database: Database) -> None:
        await add_user(database, "u2", nickname="Other")
        profiles = await add_user(database)
        await profiles.change("u1", {"nickname": "Ming"})
        assert await profiles.get("u2") == Profile(nickname="Other")

    on(database_url, work)


@pytest.mark.parametrize("uid", ["closed", "nobody"])
def test_a_user_who_is_no_more_has_no_profile_and_gets_none(database_url: str, uid: str) -> None:
    async def work(database: Database) -> None:
        profiles = await add_user(database, "closed", status="closed")
        for call in (profiles.get(uid), profiles.change(uid, {"nickname": "x"}), profiles.set_avatar(uid, "a.png")):
            with pytest.raises(SessionRevoked):
                await call
        async with database.reading() as connection:
            assert (await connection.execute(select(users.c.nickname, users.c.avatar))).one() == ("", "")

    on(database_url, work)


def test_changes_at_once_are_all_kept(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as one, opened(database_url) as other:
            first, second = await add_user(one), Profiles(other)
            fields = {"nickname": "a", "gender": "1", "language": "b", "city": "c", "province": "d", "country": "e"}
            await asyncio.gather(
                *(
                    profiles.change("u1", {name: text})
                    for profiles, (name, text) in zip([first, second] * 3, fields.items(), strict=True)
                )
            )
            assert await first.get("u1") == Profile(**fields)

    asyncio.run(main())


def test_nothing_is_written_to_a_user_who_is_closed_at_the_same_time(database_url: str) -> None:
    """Whoever comes first, the erased stays erased (attack class 44)."""

    async def close(database: Database) -> None:
        async with database.writing() as connection:
            await connection.execute(select(users).with_for_update())
            await asyncio.sleep(0.01)
            await connection.execute(update(users).values(status="closed", nickname="", profile="{}"))

    async def main() -> None:
        async with opened(database_url) as one, opened(database_url) as other:
            profiles = await add_user(one)
            said = [profiles.change("u1", {"nickname": f"n{n}", "city": "x"}) for n in range(4)]
            await asyncio.gather(close(other), *said, return_exceptions=True)
            async with one.reading() as connection:
                row = (await connection.execute(select(users.c.nickname, users.c.profile))).one()
            assert row == ("", "{}")

    asyncio.run(main())
