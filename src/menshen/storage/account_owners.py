"""Whose a business account is, and giving one to a user."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.tables import accounts

__all__ = ["AccountKey", "AccountOwner", "find_account_owners", "find_accounts_of", "own_accounts"]

AccountKey = tuple[str, str]
"""Source and canonical name."""


@dataclass(frozen=True, slots=True)
class AccountOwner:
    """An account that is to be this user's; a new one has a ``password_hash``. ``at`` in Unix seconds."""

    source: str
    name: str
    shown: str
    uid: str
    at: int
    password_hash: str = field(default="", repr=False)


async def find_account_owners(connection: AsyncConnection, keys: Collection[AccountKey]) -> dict[AccountKey, str]:
    """The uid of each account that there is, "" where it is nobody's yet."""
    if not keys:
        return {}
    query = select(accounts.c.source, accounts.c.name, accounts.c.uid).where(
        tuple_(accounts.c.source, accounts.c.name).in_(sorted(keys))
    )
    return {(row.source, row.name): row.uid or "" for row in await connection.execute(query)}


async def find_accounts_of(connection: AsyncConnection, uids: Collection[str]) -> dict[str, AccountKey]:
    """The account of each user that has one."""
    if not uids:
        return {}
    rows = await connection.execute(_of_users, {"uids": list(uids)})
    return {row.uid: (row.source, row.name) for row in rows}


_of_users = select(accounts.c.uid, accounts.c.source, accounts.c.name).where(
    accounts.c.uid.in_(bindparam("uids", expanding=True))
)


async def own_accounts(connection: AsyncConnection, new: Sequence[AccountOwner]) -> dict[AccountKey, str]:
    """Give each account to its user unless it has an owner; whose each is afterwards, as ``find_account_owners``.

    An account of the team's verifier gets its row here, for only the verifier knew of it; so does one with a password
    of its own, where there is none of the name. Call with the user rows locked, and only for users without an account:
    one user, one account.
    """
    if not new:
        return {}
    new = sorted(new, key=lambda item: (item.source, item.name))
    made = [item for item in new if item.source == "verifier" or item.password_hash]
    if made:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        await connection.execute(dialect.insert(accounts).on_conflict_do_nothing(), [_row(item) for item in made])
    # Never one that is to be new: who has just chosen a password has not shown that of an account that was there.
    found = [item for item in new if not item.password_hash]
    rows = [{"b_source": item.source, "b_name": item.name, "b_uid": item.uid, "b_at": item.at} for item in found]
    if rows:
        await connection.execute(_own, rows)
    return await find_account_owners(connection, {(item.source, item.name) for item in new})


def _row(item: AccountOwner) -> dict[str, object]:
    return {
        "source": item.source,
        "name": item.name,
        "uid": item.uid,
        "shown": item.shown,
        "password_hash": item.password_hash,
        "created_at": item.at,
        "changed_at": item.at,
    }


_own = (
    update(accounts)
    .where(accounts.c.source == bindparam("b_source"), accounts.c.name == bindparam("b_name"), accounts.c.uid.is_(None))
    .values(uid=bindparam("b_uid"), changed_at=bindparam("b_at"))
)
