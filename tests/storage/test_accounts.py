"""Accounts in the table: made once, found by name and by user."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from sqlalchemy import insert, update

from menshen.storage.accounts import (
    AccountRow,
    NewPassword,
    add_accounts,
    find_account,
    find_account_of,
    set_password,
)
from menshen.storage.database import Database
from menshen.storage.tables import accounts, users
from tests.storage.conftest import Run, opened

ALICE = AccountRow("own", "alice", "Alice", None, "hash", 5, 5)


def test_an_account_is_made_once(run: Run) -> None:
    async def work(database: Database) -> None:
        async with database.writing() as connection:
            others = [replace(ALICE, name="bob"), replace(ALICE, source="verifier", password_hash="")]
            assert await add_accounts(connection, [ALICE, *others, ALICE]) == [True, True, True, False]
            assert await add_accounts(connection, [replace(ALICE, password_hash="other")]) == [False]
            assert await find_account(connection, "own", "alice") == ALICE
            assert await find_account(connection, "own", "Alice") is None

    run(work)


def test_of_parallel_registrations_of_one_name_one_wins(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as first, opened(database_url) as second:
            rows = [replace(ALICE, password_hash=f"hash{n}") for n in range(20)]
            made = await asyncio.gather(
                *(d.write(add_accounts, row) for d, row in zip([first, second] * 10, rows, strict=True))
            )
            assert made.count(True) == 1
            async with first.reading() as connection:
                assert await find_account(connection, "own", "alice") == rows[made.index(True)]

    asyncio.run(main())


def test_a_user_finds_his_account(run: Run) -> None:
    async def work(database: Database) -> None:
        async with database.writing() as connection:
            await add_accounts(connection, [ALICE])
            await connection.execute(insert(users).values(uid="u1", created_at=1))
            assert await find_account_of(connection, "u1") is None
            await connection.execute(update(accounts).values(uid="u1"))
            assert await find_account_of(connection, "u1") == replace(ALICE, uid="u1")

    run(work)


def test_a_password_is_changed_where_it_is_the_one_that_was_meant(run: Run) -> None:
    async def work(database: Database) -> None:
        async with database.writing() as connection:
            await add_accounts(connection, [ALICE, replace(ALICE, source="verifier", name="v", password_hash="")])
            assert await set_password(connection, NewPassword("nobody", "x", 9)) is None
            assert await set_password(connection, NewPassword("v", "x", 9)) is None
            assert await set_password(connection, NewPassword("alice", "x", 9, instead_of="old")) is None
            assert await find_account(connection, "own", "alice") == ALICE
            assert await set_password(connection, NewPassword("alice", "x", 9, instead_of="hash")) == ""
            assert await find_account(connection, "own", "alice") == replace(ALICE, password_hash="x", changed_at=9)

    run(work)


def test_no_hash_in_a_repr() -> None:
    assert "hash'" not in repr(ALICE)
    assert "canary" not in repr(NewPassword("alice", "canary", 1, "canary"))
