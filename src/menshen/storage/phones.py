"""Phone numbers and their owners: one owner a number, one number a user. The table's keys decide who was first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.session_endings import IN_ONE_QUERY
from menshen.storage.tables import phones

__all__ = ["PhoneRow", "find_phone_owners", "find_phones", "free_phone", "own_phones"]


@dataclass(frozen=True, slots=True)
class PhoneRow:
    """``digest`` and ``sealed_number`` are those of ``PhoneNumbers``, ``tail`` the last four digits; Unix seconds."""

    digest: str
    uid: str
    sealed_number: str = field(repr=False)
    tail: str = field(repr=False)
    bound_at: int


async def find_phone_owners(connection: AsyncConnection, digests: Sequence[str]) -> dict[str, str]:
    """Digest -> uid, of the numbers that have an owner."""
    query = select(phones.c.digest, phones.c.uid).where(phones.c.digest.in_(bindparam("wanted", expanding=True)))
    found: dict[str, str] = {}
    for start in range(0, len(digests), IN_ONE_QUERY):
        rows = await connection.execute(query, {"wanted": list(digests[start : start + IN_ONE_QUERY])})
        found |= {row.digest: row.uid for row in rows}
    return found


async def find_phones(connection: AsyncConnection, uids: Sequence[str]) -> dict[str, PhoneRow]:
    """Uid -> number, of the users who have one."""
    query = select(phones).where(phones.c.uid.in_(bindparam("wanted", expanding=True)))
    found: dict[str, PhoneRow] = {}
    for start in range(0, len(uids), IN_ONE_QUERY):
        rows = await connection.execute(query, {"wanted": list(uids[start : start + IN_ONE_QUERY])})
        found |= {row.uid: PhoneRow(**row._mapping) for row in rows}
    return found


async def own_phones(connection: AsyncConnection, new: Sequence[PhoneRow]) -> Mapping[str, str]:
    """Give each number to its user where it is free and the user has none; the owner of each number afterwards.

    Whoever is not the owner came too late, in this transaction or in another; a number missing from the answer is
    still free, and its user has another one. Call with the users' rows locked.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    # In one order everywhere, so that two transactions never wait for each other's numbers.
    rows = [
        {
            "digest": row.digest,
            "uid": row.uid,
            "sealed_number": row.sealed_number,
            "tail": row.tail,
            "bound_at": row.bound_at,
        }
        for row in sorted(new, key=lambda row: row.digest)
    ]
    await connection.execute(dialect.insert(phones).on_conflict_do_nothing(), rows)
    return await find_phone_owners(connection, [row.digest for row in new])


async def free_phone(connection: AsyncConnection, uid: str, digest: str) -> bool:
    """Take this number from this user; whether it was his. Never from who has bound it since."""
    freed = delete(phones).where(phones.c.uid == uid, phones.c.digest == digest).returning(phones.c.digest)
    return (await connection.execute(freed)).first() is not None
