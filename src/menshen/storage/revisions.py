"""Revisions of the document: kept for ever, one of them active."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import desc, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.errors import RevisionMoved, RevisionUnknown
from menshen.storage.audit import AuditRow, write_audit
from menshen.storage.database import Database
from menshen.storage.tables import active_revision, revisions

__all__ = ["Revision", "RevisionHead", "Revisions", "Written"]

_NEWEST = 2**31 - 1
_AUTHOR, _COMMENT = 120, 500
"""Characters that the columns take."""

Written = Callable[[int], Sequence[AuditRow]]
"""What the audit log is told of a revision, by its number."""


@dataclass(frozen=True, slots=True)
class RevisionHead:
    """A revision without its document. ``created_at`` in Unix seconds."""

    id: int
    created_at: int
    author: str
    comment: str


@dataclass(frozen=True, slots=True)
class Revision:
    """One accepted document. ``created_at`` in Unix seconds; ``document`` has its AppSecrets sealed.

    It is JSON; rows of earlier versions are YAML.
    """

    id: int
    created_at: int
    author: str
    comment: str
    document: str


def _nothing(_: int) -> Sequence[AuditRow]:
    return ()


class Revisions:
    """``expected``, wherever it is: the revision that must be the active one at that moment, 0 where there must be
    none yet, None whatever is active. Nodes that share a database change it one after the other, and of two that
    began from the same revision one is told that it moved.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def database(self) -> Database:
        return self._database

    async def active(self) -> Revision | None:
        """The revision that should run; None before the first one."""
        query = select(revisions).join(active_revision, active_revision.c.revision == revisions.c.id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return Revision(*row) if row else None

    async def active_id(self) -> int | None:
        """The number alone: cheap enough to ask twice a second."""
        async with self._database.reading() as connection:
            return (await connection.execute(select(active_revision.c.revision))).scalar()

    async def page(self, *, limit: int, below: int | None = None) -> list[RevisionHead]:
        """The newest first, without their documents. ``below`` is the number that the page before ended with."""
        columns = revisions.c
        query = select(columns.id, columns.created_at, columns.author, columns.comment)
        query = query.where(columns.id < (_NEWEST if below is None else below)).order_by(desc(columns.id)).limit(limit)
        async with self._database.reading() as connection:
            return [RevisionHead(*row) for row in await connection.execute(query)]

    async def get(self, number: int) -> Revision:
        """Raises ``RevisionUnknown``."""
        found = None
        if 0 < number < _NEWEST:
            async with self._database.reading() as connection:
                found = (await connection.execute(select(revisions).where(revisions.c.id == number))).one_or_none()
        if found is None:
            raise RevisionUnknown(f"there is no revision {number}")
        return Revision(*found)

    async def last(self, *, author: str | None = None, below: int | None = None) -> Revision | None:
        """The newest, of ``author`` and below a number where they are given."""
        query = select(revisions).where(revisions.c.id < (_NEWEST if below is None else below))
        if author is not None:
            query = query.where(revisions.c.author == author[:_AUTHOR])
        async with self._database.reading() as connection:
            row = (await connection.execute(query.order_by(desc(revisions.c.id)).limit(1))).one_or_none()
        return Revision(*row) if row else None

    async def add(
        self,
        document: str,
        *,
        author: str,
        comment: str,
        now: float,
        expected: int | None = None,
        written: Written = _nothing,
    ) -> int:
        """Store a document and make it the active one; its number. Raises ``RevisionMoved``: then nothing is stored."""
        values = {
            "created_at": int(now),
            "author": author[:_AUTHOR],
            "comment": comment[:_COMMENT],
            "document": document,
        }
        async with self._database.writing() as connection:
            result = await connection.execute(insert(revisions).values(values).returning(revisions.c.id))
            number = int(result.scalar_one())
            await _activate(connection, number, author, now, expected)
            await write_audit(connection, written(number))
        return number

    async def activate(
        self, number: int, *, author: str, now: float, expected: int | None = None, written: Written = _nothing
    ) -> None:
        """Make an older revision the active one. Raises ``RevisionUnknown`` or ``RevisionMoved``."""
        await self.get(number)
        async with self._database.writing() as connection:
            await _activate(connection, number, author, now, expected)
            await write_audit(connection, written(number))


async def _activate(connection: AsyncConnection, number: int, author: str, now: float, expected: int | None) -> None:
    """One statement, so that of two transactions that are open at once the second sees what the first did."""
    row = {"slot": 1, "revision": number, "activated_at": int(now), "author": author[:_AUTHOR]}
    if expected:
        moved = update(active_revision).where(active_revision.c.revision == expected).values(row)
        done = (await connection.execute(moved.returning(active_revision.c.slot))).first()
    else:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        first = dialect.insert(active_revision).values(row)
        either = (
            first.on_conflict_do_nothing()
            if expected == 0
            else first.on_conflict_do_update(index_elements=[active_revision.c.slot], set_=row)
        )
        done = (await connection.execute(either.returning(active_revision.c.slot))).first()
    if done is None:
        raise RevisionMoved("another revision has become the active one meanwhile")
