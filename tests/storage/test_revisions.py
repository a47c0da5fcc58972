"""Revisions: added, listed, activated, never changed."""

from __future__ import annotations

import pytest

from menshen.errors import RevisionUnknown
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
        assert [r.id for r in await revisions.list()] == numbers[::-1]
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
