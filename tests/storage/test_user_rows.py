"""A user's own row: its standing, and holding it against everybody else."""

from __future__ import annotations

import asyncio

import pytest

from menshen.storage.database import Database
from menshen.storage.user_rows import Standing, UserRow, find_user, lock_users, set_metadata, set_standing
from tests.storage.conftest import Run, opened
from tests.users.people import People

NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("status", "until", "standing"),
    [
        ("active", 0, "active"),
        ("active", NOW + 1, "active"),
        ("banned", 0, "banned"),
        ("banned", NOW + 1, "banned"),
        ("banned", NOW, "active"),
        ("banned", NOW - 1, "active"),
        ("closed", NOW - 1, "closed"),
    ],
)
def test_a_ban_that_has_run_out_does_not_count(status: Standing, until: int, standing: Standing) -> None:
    row = UserRow("u1", 1, {}, status, "", 1, int(until), "", "", "", {}, {}, 0, 0)
    assert row.standing(NOW) == standing


def test_a_row_is_read_as_it_was_written(run: Run) -> None:
    async def work(database: Database) -> None:
        await People(database).add("u1", claims='{"role":"vip"}', profile='{"city":"广州"}', nickname="安娜", logins=3)
        async with database.writing() as connection:
            await set_standing(connection, "u1", "banned", "为什么", 7, banned_until=9)
            await set_metadata(connection, "u1", {"b": [1, {"a": None}], "a": "\0"})
        async with database.reading() as connection:
            user = await find_user(connection, "u1")
            assert await find_user(connection, "u2") is None
        assert user is not None
        assert (user.status, user.status_reason, user.status_at, user.banned_until) == ("banned", "为什么", 7, 9)
        assert (user.claims, user.profile, user.nickname) == ({"role": "vip"}, {"city": "广州"}, "安娜")
        assert (user.metadata, user.logins) == ({"a": "\0", "b": [1, {"a": None}]}, 3)

    run(work)


def test_who_locks_users_has_them_alone_and_in_any_order(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as one, opened(database_url) as other:
            for uid in ("u1", "u2"):
                await People(one).add(uid)
            inside: list[str] = []

            async def hold(database: Database, name: str, uids: list[str]) -> None:
                for _ in range(10):
                    async with database.writing() as connection:
                        found = await lock_users(connection, uids)
                        assert set(found) == {"u1", "u2"}
                        assert inside == []
                        inside.append(name)
                        await asyncio.sleep(0.002)
                        inside.remove(name)

            both = [hold(one, "one", ["u1", "u2", "u9"]), hold(other, "other", ["u2", "u1"])]
            await asyncio.wait_for(asyncio.gather(*both), 90)

    asyncio.run(main())
