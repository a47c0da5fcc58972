"""Profiles as columns; finding users by their avatars walks no table."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event, insert, select

from menshen.storage.database import Database
from menshen.storage.profiles import change_profile, find_avatars, find_profile
from menshen.storage.tables import users
from tests.storage.conftest import Run


async def add_users(database: Database, count: int = 1) -> None:
    rows = [
        {"uid": f"u{n}", "created_at": 1, "avatar": f"a{n}.png" if n % 2 else "", "claims": "{}"} for n in range(count)
    ]
    async with database.writing() as connection:
        await connection.execute(insert(users), rows)


def test_only_what_is_said_is_kept(run: Run) -> None:
    async def work(database: Database) -> None:
        await add_users(database)
        fields = {"nickname": "Ming", "city": "Shenzhen", "gender": ""}
        async with database.writing() as connection:
            assert await change_profile(connection, "u0", lambda _: fields) == (
                {},
                {"nickname": "Ming", "city": "Shenzhen"},
            )
        async with database.reading() as connection:
            assert await find_profile(connection, "u0") == {"nickname": "Ming", "city": "Shenzhen"}
            assert await find_profile(connection, "nobody") is None
            row = (await connection.execute(select(users.c.nickname, users.c.profile))).one()
        assert tuple(row) == ("Ming", '{"city":"Shenzhen"}')

    run(work)


def test_those_avatars_are_found_that_somebody_has(run: Run) -> None:
    async def work(database: Database) -> None:
        await add_users(database, 1200)
        names = [f"a{n}.png" for n in range(1200)]
        async with database.reading() as connection:
            assert await find_avatars(connection, names) == set(names[1::2])
            assert await find_avatars(connection, ["", "b.png"]) == set()
            assert await find_avatars(connection, []) == set()

    run(work)


def test_an_index_finds_them(run: Run) -> None:
    async def work(database: Database) -> None:
        await add_users(database, 200)
        sent: list[tuple[str, Any]] = []
        event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *said: sent.append(said[2:4]))
        sqlite = database.engine.dialect.name == "sqlite"
        async with database.reading() as connection:
            await find_avatars(connection, ["a1.png", "a2.png"])
            statement, values = sent[-1]
            if not sqlite:  # so small a table is best walked whole
                await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
            plan = repr((await connection.exec_driver_sql(f"{explain} {statement}", values)).all())
        assert "ix_users_avatar" in plan
        assert "SCAN users" not in plan
        assert "Seq Scan" not in plan

    run(work)
