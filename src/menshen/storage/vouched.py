"""What platforms vouch for of users, as values of tags: apart from profiles, where users say what they like."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import bindparam, update
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.claim_texts import written_claims
from menshen.storage.tables import users

__all__ = ["set_vouched"]


async def set_vouched(connection: AsyncConnection, vouched: Mapping[str, Mapping[str, str]]) -> None:
    """Uid -> all that is vouched for of this user from now on. Call with the rows locked."""
    rows = [{"b_uid": uid, "b_vouched": written_claims(each)} for uid, each in sorted(vouched.items())]
    if rows:
        await connection.execute(_set, rows)


_set = update(users).where(users.c.uid == bindparam("b_uid")).values(vouched=bindparam("b_vouched"))
