"""What is vouched for, of several users at once."""

from __future__ import annotations

from sqlalchemy import insert, select

from menshen.storage.database import Database
from menshen.storage.tables import users
from menshen.storage.user_rows import find_user
from menshen.storage.user_standings import lock_standings
from menshen.storage.vouched import set_vouched
from tests.storage.conftest import Run


def test_each_user_has_his_own(run: Run) -> None:
    async def work(database: Database) -> None:
        async with database.writing() as connection:
            await connection.execute(insert(users), [{"uid": f"u{n}", "created_at": 1} for n in range(3)])
            await set_vouched(connection, {"u1": {"city": "Beijing"}, "u0": {"nickname": "%E7%8E%8B", "city": "Xian"}})
            await set_vouched(connection, {})
        async with database.reading() as connection:
            found = (await connection.execute(select(users.c.uid, users.c.vouched).order_by(users.c.uid))).all()
            user = await find_user(connection, "u1")
        assert [tuple(row) for row in found] == [
            ("u0", '{"city":"Xian","nickname":"%E7%8E%8B"}'),
            ("u1", '{"city":"Beijing"}'),
            ("u2", "{}"),
        ]
        assert user is not None
        assert user.vouched == {"city": "Beijing"}
        assert "Beijing" not in repr(user)
        async with database.writing() as connection:
            standings = await lock_standings(connection, {"u1", "u2"})
            assert {uid: standing.vouched for uid, standing in standings.items()} == {
                "u1": {"city": "Beijing"},
                "u2": {},
            }
            await set_vouched(connection, {"u1": {}})
        async with database.reading() as connection:
            assert (await find_user(connection, "u1")).vouched == {}  # type: ignore[union-attr]

    run(work)
