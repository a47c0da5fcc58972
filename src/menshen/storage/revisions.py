"""Revisions of the document: kept for ever, one of them active."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, desc, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.errors import RevisionUnknown
from menshen.storage.database import Database
from menshen.storage.tables import active_revision, revisions

__all__ = ["Revision", "Revisions"]


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


class Revisions:
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

    async def list(self) -> list[Revision]:
        """All, newest first."""
        async with self._database.reading() as connection:
            rows = await connection.execute(select(revisions).order_by(desc(revisions.c.id)))
            return [Revision(*row) for row in rows]

    async def get(self, number: int) -> Revision:
        """Raises ``RevisionUnknown``."""
        async with self._database.reading() as connection:
            row = (await connection.execute(select(revisions).where(revisions.c.id == number))).one_or_none()
        if row is None:
            raise RevisionUnknown(f"there is no revision {number}")
        return Revision(*row)

    async def add(self, document: str, *, author: str, comment: str, now: float) -> int:
        """Store a document and make it the active one; its number."""
        values = {"created_at": int(now), "author": author, "comment": comment, "document": document}
        async with self._database.writing() as connection:
            result = await connection.execute(insert(revisions).values(values).returning(revisions.c.id))
            number = int(result.scalar_one())
            await self._activate(connection, number, author, now)
        return number

    async def activate(self, number: int, *, author: str, now: float) -> None:
        """Make an older revision the active one. Raises ``RevisionUnknown``."""
        await self.get(number)
        async with self._database.writing() as connection:
            await self._activate(connection, number, author, now)

    @staticmethod
    async def _activate(connection: AsyncConnection, number: int, author: str, now: float) -> None:
        await connection.execute(delete(active_revision))
        row = {"slot": 1, "revision": number, "activated_at": int(now), "author": author}
        await connection.execute(insert(active_revision).values(row))
