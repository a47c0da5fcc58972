"""The session_key of an identity, sealed: the newest that a login brought."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.identities import IdentityKey
from menshen.storage.tables import identities

__all__ = ["find_session_key", "replace_session_key"]


async def find_session_key(connection: AsyncConnection, key: IdentityKey) -> str | None:
    """The sealed text, None where nobody has this identity."""
    found: str | None = await connection.scalar(
        select(identities.c.sealed_session_key).where(
            identities.c.platform == key.platform,
            identities.c.appid == key.appid,
            identities.c.openid == key.openid,
        )
    )
    return found


async def replace_session_key(connection: AsyncConnection, key: IdentityKey, old: str, new: str) -> bool:
    """Put ``new`` in place of ``old``, both sealed. False where a login has brought another meanwhile."""
    changed = await connection.execute(
        update(identities)
        .where(
            identities.c.platform == key.platform,
            identities.c.appid == key.appid,
            identities.c.openid == key.openid,
            identities.c.sealed_session_key == old,
        )
        .values(sealed_session_key=new)
    )
    return changed.rowcount == 1
