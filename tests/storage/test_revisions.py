"""Revisions: added, listed, activated, never changed."""

from __future__ import annotations

import asyncio

import pytest

from menshen.errors import RevisionMoved, RevisionUnknown
from menshen.storage.audit import AuditRow, list_audit
from menshen.storage.database import Database
from menshen.storage.revisions import Revisions
from tests.storage.conftest import Run


def test_the_first_revision_is_active(run: Run) -> None:
    async def work(database: Database) -> None:
        revisions = Revisions(database)
        assert await revisions.active() is None
        assert await revisions.active_id() is None
        number = await revisions.add("version: 1\n", author="ann", comment="first", now=1000.7)
        active = await revisions.active()
        assert active is not None
        assert (active.id, active.created_at, active.author, active.comment) == (number, 1000, "ann", "first")
        assert active.document == "version: 1\n"
        assert await revisions.active_id() == number

    run(work)


def test_an_older_revision_can_be_activated_and_none_is_lost(run: Run) -> None:
    async def work(database: Database) -> None:
        revisions = Revisions(database)
        numbers = [await revisions.add(f"v{n}", author="ann", comment="", now=n) for n in range(3)]
        await revisions.activate(numbers[0], author="bob", now=9)
        assert await revisions.active_id() == numbers[0]
        assert [r.id for r in await revisions.page(limit=9)] == numbers[::-1]
        assert (await revisions.get(numbers[2])).document == "v2"

    run(work)


def test_an_unknown_revision_changes_nothing(run: Run) -> None:
    async def work(database: Database) -> None:
        revisions = Revisions(database)
        number = await revisions.add("v", author="ann", comment="", now=1)
        with pytest.raises(RevisionUnknown):
            await revisions.activate(number + 1, author="ann", now=2)
        assert await revisions.active_id() == number

    run(work)


def test_pages_go_from_the_newest_to_the_oldest(run: Run) -> None:
    async def work(database: Database) -> None:
        revisions = Revisions(database)
        numbers = [await revisions.add(f"v{n}", author="ann", comment=f"c{n}", now=n) for n in range(5)]
        first = await revisions.page(limit=2)
        assert [head.id for head in first] == [numbers[4], numbers[3]]
        assert (first[0].created_at, first[0].author, first[0].comment) == (4, "ann", "c4")
        rest = await revisions.page(limit=9, below=first[-1].id)
        assert [head.id for head in rest] == [numbers[2], numbers[1], numbers[0]]
        assert await revisions.page(limit=9, below=numbers[0]) == []

    run(work)


def test_the_last_of_an_author_and_the_one_before_a_revision_are_found(run: Run) -> None:
    async def work(database: Database) -> None:
        revisions = Revisions(database)
        assert await revisions.last() is None
        numbers = [await revisions.add("v", author=who, comment="", now=1) for who in ("ann", "bob", "ann")]
        for found, number in (
            (await revisions.last(author="bob"), numbers[1]),
            (await revisions.last(author="ann"), numbers[2]),
            (await revisions.last(below=numbers[1]), numbers[0]),
        ):
            assert found is not None
            assert found.id == number
        assert await revisions.last(author="eve") is None
        assert await revisions.last(below=numbers[0]) is None

    run(work)


def test_of_many_who_began_from_the_same_revision_one_wins_and_the_others_store_nothing(run: Run) -> None:
    async def work(database: Database) -> None:
        revisions = Revisions(database)
        expected = 0
        for _ in range(3):
            tries = [revisions.add(f"v{n}", author="ann", comment="", now=1, expected=expected) for n in range(4)]
            done = await asyncio.gather(*tries, return_exceptions=True)
            won = [each for each in done if isinstance(each, int)]
            assert len(won) == 1
            assert [type(each) for each in done if not isinstance(each, int)] == [RevisionMoved] * 3
            assert await revisions.active_id() == won[0]
            expected = won[0]
        assert len(await revisions.page(limit=99)) == 3

    run(work)


def test_an_older_revision_is_activated_only_instead_of_the_expected_one(run: Run) -> None:
    async def work(database: Database) -> None:
        revisions = Revisions(database)
        old, new = [await revisions.add("v", author="ann", comment="", now=1) for _ in range(2)]
        with pytest.raises(RevisionMoved):
            await revisions.activate(old, author="bob", now=2, expected=old)
        assert await revisions.active_id() == new
        await revisions.activate(old, author="bob", now=2, expected=new)
        assert await revisions.active_id() == old

    run(work)


def test_what_is_written_down_stands_and_falls_with_the_change(run: Run) -> None:
    def row(number: int) -> list[AuditRow]:
        return [AuditRow(1, "ann", "config.change", "", {"revision": number})]

    async def work(database: Database) -> None:
        revisions = Revisions(database)
        number = await revisions.add("v", author="ann", comment="", now=1, written=row)
        with pytest.raises(RevisionMoved):
            await revisions.add("v", author="ann", comment="", now=1, expected=number + 1, written=row)
        await revisions.activate(number, author="ann", now=1, written=row)
        async with database.reading() as connection:
            rows = await list_audit(connection)
        assert [each.row.detail for each in rows] == [{"revision": number}] * 2

    run(work)


def test_numbers_that_no_database_keeps_are_unknown(run: Run) -> None:
    async def work(database: Database) -> None:
        for number in (0, -1, 2**31, 2**70):
            with pytest.raises(RevisionUnknown):
                await Revisions(database).get(number)

    run(work)
