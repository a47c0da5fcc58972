"""Business accounts: names, password hashes, and whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.tables import accounts

__all__ = ["AccountRow", "NewPassword", "add_accounts", "find_account", "find_account_of", "set_password"]


@dataclass(frozen=True, slots=True)
class AccountRow:
    """``uid`` None: nobody has logged in with it. ``password_hash`` is "" for a verifier's. Times in Unix seconds."""

    source: str
    name: str
    shown: str
    uid: str | None = None
    password_hash: str = field(default="", repr=False)
    created_at: int = 0
    changed_at: int = 0


@dataclass(frozen=True, slots=True)
class NewPassword:
    """``instead_of`` is the hash that it takes the place of, None: whichever is there."""

    name: str
    password_hash: str = field(repr=False)
    at: int
    instead_of: str | None = field(default=None, repr=False)


async def find_account(connection: AsyncConnection, source: str, name: str) -> AccountRow | None:
    return await _find(connection, and_(accounts.c.source == source, accounts.c.name == name))


async def find_account_of(connection: AsyncConnection, uid: str) -> AccountRow | None:
    return await _find(connection, accounts.c.uid == uid)


async def _find(connection: AsyncConnection, which: ColumnElement[bool]) -> AccountRow | None:
    columns = accounts.c
    query = select(
        columns.source,
        columns.name,
        columns.shown,
        columns.uid,
        columns.password_hash,
        columns.created_at,
        columns.changed_at,
    ).where(which)
    row = (await connection.execute(query)).first()
    return None if row is None else AccountRow(*row)


async def add_accounts(connection: AsyncConnection, new: Sequence[AccountRow]) -> list[bool]:
    """Whether each was made: of several of one name the first, and none of a name that is there."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    added: dict[int, bool] = {}
    for number in sorted(range(len(new)), key=lambda number: (new[number].source, new[number].name)):
        row = new[number]
        insert = (
            dialect.insert(accounts)
            .values(
                source=row.source,
                name=row.name,
                shown=row.shown,
                uid=row.uid,
                password_hash=row.password_hash,
                created_at=row.created_at,
                changed_at=row.changed_at,
            )
            .on_conflict_do_nothing(index_elements=[accounts.c.source, accounts.c.name])
            .returning(accounts.c.name)
        )
        added[number] = (await connection.execute(insert)).first() is not None
    return [added[number] for number in range(len(new))]


async def set_password(connection: AsyncConnection, new: NewPassword) -> str | None:
    """Change an own account's password; the uid whose it is, "" for nobody's.

    None where there is no such account, or its hash is another by now: then nothing is changed.
    """
    which = and_(accounts.c.source == "own", accounts.c.name == new.name)
    if new.instead_of is not None:
        which = and_(which, accounts.c.password_hash == new.instead_of)
    changed = update(accounts).where(which).values(password_hash=new.password_hash, changed_at=new.at)
    row = (await connection.execute(changed.returning(accounts.c.uid))).first()
    return None if row is None else row.uid or ""
