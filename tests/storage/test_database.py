"""Ways into the database: what fails alone, what is tried again, and what is said when it is away."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sqlite3
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.errors import DatabaseUnavailable
from menshen.storage import database as database_module
from menshen.storage import turns
from menshen.storage.database import Database, sqlite_url
from menshen.storage.schema import migrate
from menshen.storage.tables import codes, counters, users
from tests.postgresql import PostgreSQL
from tests.storage.conftest import Run, opened


async def add_users(connection: AsyncConnection, uids: Sequence[str]) -> list[str]:
    await connection.execute(insert(users), [{"uid": uid, "created_at": 1} for uid in uids])
    return [f"added {uid}" for uid in uids]


async def all_users(database: Database) -> list[str]:
    async with database.reading() as connection:
        return list((await connection.execute(select(users.c.uid).order_by(users.c.uid))).scalars())


def whole_text(error: BaseException) -> str:
    """All that a log could show of it."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.__cause__)


def test_who_fails_fails_alone(run: Run) -> None:
    async def work(database: Database) -> None:
        await database.write(add_users, "u0")
        uids = ["u1", "u0", *(f"n{number}" for number in range(20)), "u0", "u2"]
        answers = await asyncio.gather(*(database.write(add_users, uid) for uid in uids), return_exceptions=True)
        failed = [uid for uid, answer in zip(uids, answers, strict=True) if isinstance(answer, IntegrityError)]
        assert failed == ["u0", "u0"]
        assert [answer for answer in answers if not isinstance(answer, Exception)] == [
            f"added {uid}" for uid in uids if uid != "u0"
        ]
        assert len(await all_users(database)) == 23

    run(work)


def test_a_text_that_postgresql_does_not_take_fails_alone(postgresql: PostgreSQL) -> None:
    async def work(url: str) -> None:
        async with opened(url) as database:
            uids = ["u1", "u\x00", "u" * 41, "u2"]
            answers = await asyncio.gather(*(database.write(add_users, uid) for uid in uids), return_exceptions=True)
            assert [isinstance(answer, DBAPIError) for answer in answers] == [False, True, True, False]
            assert await all_users(database) == ["u1", "u2"]

    with postgresql.migrated() as url:
        asyncio.run(work(url))


def test_a_batch_that_dies_in_a_deadlock_is_run_again(postgresql: PostgreSQL) -> None:
    """Two nodes lock the same two users in different orders: PostgreSQL kills one of them, and nobody notices."""
    runs: list[str] = []
    locked: set[str] = set()
    both = asyncio.Event()

    def crossing(first: str, second: str) -> Callable[[AsyncConnection, Sequence[int]], Any]:
        async def run(connection: AsyncConnection, items: Sequence[int]) -> list[None]:
            runs.append(first)
            for uid in (first, second):
                await connection.execute(update(users).where(users.c.uid == uid).values(logins=users.c.logins + 1))
                locked.add(uid)
                if locked == {"a", "b"}:
                    both.set()
                await both.wait()
            return [None] * len(items)

        return run

    async def work(url: str) -> None:
        async with opened(url) as one, opened(url) as other:
            await one.write(add_users, "a")
            await one.write(add_users, "b")
            await asyncio.gather(one.write(crossing("a", "b"), 1), other.write(crossing("b", "a"), 1))
            async with one.reading() as connection:
                assert list((await connection.execute(select(users.c.logins))).scalars()) == [2, 2]

    with postgresql.migrated() as url:
        asyncio.run(work(url))
    assert len(runs) == 3


def test_a_key_that_another_node_took_meanwhile_is_found_the_next_time(postgresql: PostgreSQL) -> None:
    looked, taken = asyncio.Event(), asyncio.Event()

    async def find_or_add(connection: AsyncConnection, uids: Sequence[str]) -> list[str]:
        found = (await connection.execute(select(users.c.uid).where(users.c.uid.in_(uids)))).scalars().all()
        looked.set()
        await taken.wait()
        return ["found" if uid in found else (await add_users(connection, [uid]))[0] for uid in uids]

    async def work(url: str) -> None:
        async with opened(url) as one, opened(url) as other:
            late = asyncio.create_task(one.write(find_or_add, "u1"))
            await looked.wait()
            await other.write(add_users, "u1")
            taken.set()
            assert await late == "found"

    with postgresql.migrated() as url:
        asyncio.run(work(url))


def test_an_error_that_stays_is_tried_three_times_at_most(postgresql: PostgreSQL) -> None:
    runs = 0

    async def add_again(connection: AsyncConnection, uids: Sequence[str]) -> list[str]:
        nonlocal runs
        runs += 1
        return await add_users(connection, uids)

    async def work(url: str) -> None:
        async with opened(url) as database:
            await database.write(add_users, "u1")
            with pytest.raises(IntegrityError):
                await database.write(add_again, "u1")

    with postgresql.migrated() as url:
        asyncio.run(work(url))
    assert runs == 3


def test_a_statement_that_is_wrong_shows_no_values(run: Run) -> None:
    """Values are openids and sealed keys; errors are logged."""
    value = "planted" + "-openid"  # a traceback shows the lines of this file

    async def work(database: Database) -> str:
        try:
            async with database.writing() as connection:
                await connection.execute(text("INSERT INTO nowhere VALUES (:v)"), {"v": value})
        except (DatabaseUnavailable, DBAPIError) as error:
            return whole_text(error)
        return ""

    said = run(work)
    assert "nowhere" in said
    assert value not in said


@pytest.mark.parametrize(
    "values",
    [
        {"digest": "planted-1", "claim": "c", "claimed_at": 1.0},
        {"digest": "planted-" * 10, "claim": "c", "claimed_at": 1.0},
        {"digest": "planted-\x00", "claim": "c", "claimed_at": 1.0},
        {"digest": "d", "claim": "c", "claimed_at": "planted-3"},
        {"digest": 60_606_060, "claim": "c", "claimed_at": 1.0},
        {"digest": "d", "claim": None, "claimed_at": 5_050_505.0},
    ],
    ids=["taken", "too long", "a zero", "no number", "no text", "nothing"],
)
def test_values_that_postgresql_quotes_are_taken_out(postgresql: PostgreSQL, values: dict[str, Any]) -> None:
    async def work(url: str) -> str:
        async with opened(url) as database:
            async with database.writing() as connection:
                await connection.execute(insert(codes), [{"digest": "planted-1", "claim": "c", "claimed_at": 1.0}])
            try:
                async with database.writing() as connection:
                    await connection.execute(insert(codes), [values])
            except DBAPIError as error:
                return whole_text(error)
        return ""

    with postgresql.migrated() as url:
        said = asyncio.run(work(url))
    assert "INSERT INTO codes" in said
    for value in ("planted-", "60606060", "5050505"):
        assert value not in said


def test_a_number_too_large_is_no_outage(postgresql: PostgreSQL) -> None:
    async def work(url: str) -> None:
        row = {"key": "k", "period": 1, "count": 2**40, "expires_at": 1}
        async with opened(url) as database:
            with pytest.raises(DBAPIError) as caught:
                async with database.writing() as connection:
                    await connection.execute(insert(counters), [row])
        assert str(2**40) not in whole_text(caught.value)

    with postgresql.migrated() as url:
        asyncio.run(work(url))


def test_only_who_may_makes_a_database(tmp_path: Path) -> None:
    """A gateway whose file is away for a moment must not go on with an empty one."""

    async def main() -> None:
        database = Database(sqlite_url(tmp_path / "with space"), create=False)
        (tmp_path / "with space").mkdir()
        with pytest.raises(DatabaseUnavailable):
            async with database.reading() as connection:
                await connection.execute(text("SELECT 1"))
        assert list((tmp_path / "with space").iterdir()) == []
        await migrate(database)
        async with database.writing() as connection:
            assert (await connection.execute(text("SELECT count(*) FROM users"))).scalar() == 0
        await database.close()

    asyncio.run(main())


async def refused(url: str) -> str:
    database = Database(url)
    try:
        with pytest.raises(DatabaseUnavailable) as caught:
            await database.write(add_users, "u1")
        with pytest.raises(DatabaseUnavailable):
            await migrate(database)
    finally:
        await database.close()
    return whole_text(caught.value)


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_postgresql_that_is_away_or_does_not_let_us_in_is_unavailable(postgresql: PostgreSQL) -> None:
    for url in (
        "postgresql://menshen:planted-password@127.0.0.1:9/menshen",
        "postgresql://menshen:planted-password@127.0.0.1:nine/menshen",
        "postgresql://menshen:planted-pass@word#/menshen",
        postgresql.url("nowhere"),
        postgresql.url(password="planted-password"),
        f"{postgresql.url()}?sslmode=require",
        f"{postgresql.url()}?sslmode=planted",
    ):
        said = asyncio.run(refused(url))
        assert "planted" not in said, url
        assert postgresql.password not in said


def test_a_postgresql_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "_CONNECT_SECONDS", 0.3)
    with silent() as port:
        began = time.monotonic()
        asyncio.run(refused(f"postgresql://menshen:secret@127.0.0.1:{port}/menshen?sslmode=disable"))
        assert time.monotonic() - began < 45


def test_a_statement_that_takes_too_long_is_given_up_and_the_next_goes_on(postgresql: PostgreSQL) -> None:
    async def work(url: str) -> None:
        database = Database(url, answer_within=2.5)
        try:
            with pytest.raises(DatabaseUnavailable):
                async with database.reading() as connection:
                    await connection.execute(text("SELECT pg_sleep(120)"))
            assert await database.write(add_users, "u1") == "added u1"
        finally:
            await database.close()

    with postgresql.migrated() as url:
        asyncio.run(work(url))


def test_connections_that_were_cut_are_replaced(postgresql: PostgreSQL) -> None:
    async def work(url: str) -> None:
        async with opened(url) as database, opened(url) as other:
            await database.write(add_users, "u1")
            async with other.writing() as connection:
                cut = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
                await connection.execute(cut)
            assert await database.write(add_users, "u2") == "added u2"
            assert await all_users(database) == ["u1", "u2"]

    with postgresql.migrated() as url:
        asyncio.run(work(url))


def test_a_file_that_somebody_holds_is_given_up_by_all_who_wait_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many wait, and behind whom: none waits for the waits of others, one after the other."""
    monkeypatch.setattr(turns, "WAIT_SECONDS", 0.5)
    monkeypatch.setattr(database_module, "_BUSY_MS", 300)

    async def work() -> None:
        async with opened(tmp_path) as one, opened(tmp_path) as other:
            await one.write(add_users, "u0")
            with contextlib.closing(sqlite3.connect(tmp_path / "menshen.db")) as stranger:
                stranger.execute("BEGIN IMMEDIATE")
                began = time.monotonic()
                tries = [each.write(add_users, f"u{n}") for n, each in enumerate((one, other) * 100, 1)]
                first = asyncio.gather(*tries, return_exceptions=True)
                await asyncio.sleep(0.1)
                later = asyncio.gather(*(one.write(add_users, f"v{n}") for n in range(100)), return_exceptions=True)
                answers = [*await first, *await later]
                assert time.monotonic() - began < 30
                assert {type(answer) for answer in answers} == {DatabaseUnavailable}
            monkeypatch.undo()  # nobody holds it any more, and nobody need be quick
            assert await one.write(add_users, "w1") == "added w1"
            assert await other.write(add_users, "w2") == "added w2"
            assert await all_users(one) == ["u0", "w1", "w2"]

    asyncio.run(work())


def test_what_is_deleted_is_overwritten(tmp_path: Path) -> None:
    """A page that is still in use keeps the bytes of a row that is gone, unless they are wiped (attack class 44)."""
    uid = "u" + "planted" * 4

    async def work() -> None:
        async with opened(tmp_path) as database:
            for each in ("u1", uid, "u2"):
                await database.write(add_users, each)
            async with database.writing() as connection:
                await connection.execute(delete(users).where(users.c.uid == uid))

    asyncio.run(work())
    with contextlib.closing(sqlite3.connect(tmp_path / "menshen.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"planted" not in (tmp_path / "menshen.db").read_bytes()
