"""Minutes of nodes: all of them, in order, forgotten in pieces; and how many sessions are live."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from menshen.storage.database import Database
from menshen.storage.figures import MinuteRow, add_minutes, list_minutes, live_sessions, prune_minutes
from tests.storage.conftest import Run
from tests.storage.session_samples import HOUR, Sessions

NOW = 1_700_000_040


async def add(database: Database, *rows: MinuteRow) -> None:
    async with database.writing() as connection:
        await add_minutes(connection, rows)


async def listed(database: Database, since: int) -> list[tuple[int, str]]:
    async with database.reading() as connection:
        return [(row.at, row.node) for row in await list_minutes(connection, since)]


def test_minutes_of_all_nodes_come_in_order(run: Run) -> None:
    async def work(database: Database) -> None:
        await add(database, MinuteRow(NOW + 60, "a", "{}"), MinuteRow(NOW, "b", '{"decisions":{"allow":1}}'))
        await add(database, MinuteRow(NOW, "a", "{}"))
        await add(database)
        assert sorted(await listed(database, NOW)) == [(NOW, "a"), (NOW, "b"), (NOW + 60, "a")]
        assert await listed(database, NOW + 1) == [(NOW + 60, "a")]
        with pytest.raises(IntegrityError):
            await add(database, MinuteRow(NOW, "a", "{}"))

    run(work)


def test_the_oldest_are_forgotten_in_pieces(run: Run) -> None:
    async def work(database: Database) -> None:
        await add(database, *(MinuteRow(NOW + 60 * number, "a", "{}") for number in range(5)))
        done = []
        for _ in range(3):
            async with database.writing() as connection:
                done.append(await prune_minutes(connection, NOW + 180, 2))
        assert done == [2, 1, 0]
        assert [at for at, _ in await listed(database, 0)] == [NOW + 180, NOW + 240]

    run(work)


def test_sessions_are_live_until_they_end_or_run_out(run: Run) -> None:
    async def work(database: Database) -> None:
        sessions = Sessions(database)
        await sessions.log_in()
        ended = await sessions.log_in()
        await sessions.log_in(refresh=10 * HOUR)
        await sessions.records.end([ended], "logout")
        found = []
        for passed in (0, HOUR + 1, 11 * HOUR):
            async with database.reading() as connection:
                found.append(await live_sessions(connection, sessions.now + passed))
        assert found == [2, 1, 0]

    run(work)
