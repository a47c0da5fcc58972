"""The audit log: only added to, found by user and by action."""

from __future__ import annotations

import pytest

from menshen.storage import audit
from menshen.storage.audit import AuditRow, list_audit, write_audit
from menshen.storage.database import Database
from menshen.users.audit import AuditAction, audited
from tests.storage.conftest import Run

ROWS = [
    audited(AuditAction.BAN, "u1", "cli:root", 10.9, reason="中文", until=0),
    audited(AuditAction.UNBAN, "u1", "admin", 20),
    audited(AuditAction.BAN, "u2", "admin", 30),
]


def test_rows_come_back_as_they_were_written_newest_first(run: Run) -> None:
    async def work(database: Database) -> None:
        async with database.writing() as connection:
            await write_audit(connection, ROWS)
            await write_audit(connection, [])
        async with database.reading() as connection:
            everything = await list_audit(connection)
            assert [each.row for each in everything] == ROWS[::-1]
            assert everything[-1].row == AuditRow(10, "cli:root", "user.ban", "u1", {"reason": "中文", "until": 0})
            assert [each.row.at for each in await list_audit(connection, uid="u1")] == [20, 10]
            assert [each.row.at for each in await list_audit(connection, action="user.ban")] == [30, 10]
            assert [each.row.at for each in await list_audit(connection, limit=1, below=everything[0].id)] == [20]
            assert await list_audit(connection, uid="u2", action="user.unban") == []

    run(work)


def test_what_is_rolled_back_was_not_done_and_is_not_written(run: Run) -> None:
    async def work(database: Database) -> None:
        async def fails() -> None:
            async with database.writing() as connection:
                await write_audit(connection, ROWS)
                raise KeyError

        with pytest.raises(KeyError):
            await fails()
        async with database.reading() as connection:
            assert await list_audit(connection) == []

    run(work)


def test_there_is_no_way_to_change_or_delete_a_row() -> None:
    assert {name for name in audit.__all__ if name.islower()} == {"list_audit", "page_audit", "write_audit"}
