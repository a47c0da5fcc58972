"""What the operator says of a user: a few short texts, kept with the user."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.claim_texts import read_claims, written_claims
from menshen.storage.tables import users

__all__ = ["change_user_claims"]

Change = Callable[[Mapping[str, str]], Mapping[str, str]]


async def change_user_claims(connection: AsyncConnection, uid: str, change: Change) -> dict[str, str] | None:
    """Store what ``change`` makes of the claims as they are; nobody else changes them meanwhile.

    None where there is no such user.
    """
    text = (await connection.execute(select(users.c.claims).where(users.c.uid == uid).with_for_update())).scalar()
    if text is None:
        return None
    claims = dict(change(read_claims(text)))
    await connection.execute(update(users).where(users.c.uid == uid).values(claims=written_claims(claims)))
    return claims
