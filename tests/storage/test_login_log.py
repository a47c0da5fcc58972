"""The login log: written in any transaction, found by what an operator knows."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.database import Database
from menshen.storage.login_log import LoginFilter, LoginRow, erase_logins, list_logins, prune_logins, write_logins
from tests.storage.conftest import Run

NOW = 1_000_000

NAMES = ("outcome", "how", "uid", "platform", "app", "ip", "user_agent", "request_id")

ROWS = [
    LoginRow(NOW, "ok", "code", "u1", True, "wechat", "shop", "10.0.0.1", "MicroMessenger", "r1", ""),
    LoginRow(NOW + 1, "code_used", "code", "", False, "wechat", "shop", "10.0.0.2", "curl", "r2", "seen before"),
    LoginRow(NOW + 2, "account_refused", "password", "", False, "qq", "game", "10.0.0.1", "", "r3", ""),
    LoginRow(NOW + 3, "ok", "sms", "u2", False, "qq", "game", "10.0.0.1", "", "r4", ""),
    LoginRow(NOW + 4, "ok", "code", "u1", False, "wechat", "shop", "10.0.0.3", "", "r5", ""),
]


async def found(database: Database, **which: object) -> list[str]:
    async with database.reading() as connection:
        rows = await list_logins(connection, LoginFilter(**which))  # type: ignore[arg-type]
    return [each.login.request_id for each in rows]


async def write(database: Database, rows: list[LoginRow]) -> None:
    async with database.writing() as connection:
        assert await write_logins(connection, rows) == [None] * len(rows)


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ({}, ["r5", "r4", "r3", "r2", "r1"]),
        ({"uid": "u1"}, ["r5", "r1"]),
        ({"app": "game"}, ["r4", "r3"]),
        ({"ip": "10.0.0.1"}, ["r4", "r3", "r1"]),
        ({"ip": "10.0.0.1", "uid": "u1"}, ["r1"]),
        ({"outcome": "ok"}, ["r5", "r4", "r1"]),
        ({"outcome": "failed"}, ["r3", "r2"]),
        ({"outcome": "code_used"}, ["r2"]),
        ({"since": NOW + 2}, ["r5", "r4", "r3"]),
        ({"since": NOW + 2, "app": "shop", "outcome": "ok", "uid": "u1", "ip": "10.0.0.3"}, ["r5"]),
        ({"limit": 2}, ["r5", "r4"]),
        ({"uid": "nobody"}, []),
    ],
)
def test_every_filter_filters_and_the_newest_come_first(
    run: Run, which: dict[str, object], expected: list[str]
) -> None:
    async def work(database: Database) -> None:
        await write(database, ROWS)
        assert await found(database, **which) == expected

    run(work)


def test_a_row_comes_back_as_it_was_written_and_pages_follow_each_other(run: Run) -> None:
    async def work(database: Database) -> None:
        await write(database, ROWS)
        async with database.reading() as connection:
            page = await list_logins(connection, LoginFilter(limit=3))
            rest = await list_logins(connection, LoginFilter(limit=3, below=page[-1].id))
        assert [each.login for each in (*page, *rest)] == ROWS[::-1]

    run(work)


def test_what_no_column_holds_is_cut_and_the_login_goes_on(run: Run) -> None:
    async def work(database: Database) -> None:
        many = 999
        texts = {name: letter * many for name, letter in zip(NAMES, "xyupaizr", strict=True)}
        long = LoginRow(NOW, new_user=False, detail="d\0" * many, **texts)  # type: ignore[arg-type]
        await write(database, [long])
        async with database.reading() as connection:
            [row] = await list_logins(connection, LoginFilter())
        assert [len(getattr(row.login, name)) for name in NAMES] == [40, 10, 40, 40, 60, 45, 200, 64]
        assert row.login.detail == "d" * 200

    run(work)


def test_many_share_a_transaction_and_none_is_lost(run: Run) -> None:
    async def work(database: Database) -> None:
        rows = [replace(ROWS[0], request_id=str(number)) for number in range(300)]
        await asyncio.gather(*(database.write(write_logins, row) for row in rows))
        assert sorted(await found(database, limit=500)) == sorted(row.request_id for row in rows)
        await write(database, [])

    run(work)


def test_erasing_leaves_that_there_was_a_login_and_no_more(run: Run) -> None:
    async def work(database: Database) -> None:
        await write(database, ROWS)
        async with database.writing() as connection:
            await erase_logins(connection, "u1")
        async with database.reading() as connection:
            rows = [each.login for each in await list_logins(connection, LoginFilter())][::-1]
        blank = {"ip": "", "user_agent": "", "request_id": "", "detail": ""}
        assert rows == [replace(row, **blank) if row.uid == "u1" else row for row in ROWS]

    run(work)


def test_pruning_takes_the_oldest_in_pieces(run: Run) -> None:
    async def prune(connection: AsyncConnection) -> int:
        return await prune_logins(connection, NOW + 3, 2)

    async def work(database: Database) -> None:
        await write(database, ROWS)
        done = []
        for _ in range(3):
            async with database.writing() as connection:
                done.append(await prune(connection))
        assert done == [2, 1, 0]
        assert await found(database) == ["r5", "r4"]

    run(work)
