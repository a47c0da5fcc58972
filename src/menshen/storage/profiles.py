"""Profiles, as columns of the user: the nickname and the avatar's name by themselves, the rest as one JSON object."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.claim_texts import read_claims, written_claims
from menshen.storage.session_endings import IN_ONE_QUERY
from menshen.storage.tables import users

__all__ = ["change_profile", "find_avatars", "find_profile"]

Fields = Mapping[str, str]
_COLUMNS = (users.c.nickname, users.c.avatar, users.c.profile)
_OWN_COLUMNS = frozenset({"nickname", "avatar"})


async def find_profile(connection: AsyncConnection, uid: str) -> dict[str, str] | None:
    """The fields that are known, None where there is no such user or he has closed his account."""
    row = (await connection.execute(select(*_COLUMNS).where(users.c.uid == uid, users.c.status != "closed"))).first()
    return None if row is None else _fields(row)


async def change_profile(
    connection: AsyncConnection, uid: str, change: Callable[[Fields], Fields]
) -> tuple[dict[str, str], dict[str, str]] | None:
    """Store what ``change`` makes of the fields; those before and after. None as above.

    The row is locked, so that nothing personal is written to a user who is being closed at the same time.
    """
    found = select(*_COLUMNS).where(users.c.uid == uid, users.c.status != "closed").with_for_update()
    row = (await connection.execute(found)).first()
    if row is None:
        return None
    before = _fields(row)
    after = {name: text for name, text in change(before).items() if text}
    values = {
        "nickname": after.get("nickname", ""),
        "avatar": after.get("avatar", ""),
        "profile": written_claims({name: text for name, text in after.items() if name not in _OWN_COLUMNS}),
    }
    await connection.execute(update(users).where(users.c.uid == uid).values(values))
    return before, after


async def find_avatars(connection: AsyncConnection, names: Sequence[str]) -> set[str]:
    """Those of the names that are some user's avatar."""
    # Said again that it is not empty: the index has only those, and is used only for questions about those.
    query = select(users.c.avatar).where(
        users.c.avatar != text("''"), users.c.avatar.in_(bindparam("names", expanding=True))
    )
    found: set[str] = set()
    for start in range(0, len(names), IN_ONE_QUERY):
        found |= set((await connection.execute(query, {"names": list(names[start : start + IN_ONE_QUERY])})).scalars())
    return found


def _fields(row: Any) -> dict[str, str]:
    columns = {"nickname": row.nickname, "avatar": row.avatar}
    return read_claims(row.profile) | {name: text for name, text in columns.items() if text}
