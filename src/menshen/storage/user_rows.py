"""A user's own row: found, locked, and its standing changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.claim_texts import read_claims
from menshen.storage.tables import users

__all__ = ["Standing", "UserRow", "find_user", "lock_users", "set_metadata", "set_standing", "user_row"]

Standing = Literal["active", "banned", "closed"]


@dataclass(frozen=True, slots=True)
class UserRow:
    """Times are Unix seconds; ``banned_until`` 0 is for ever, ``last_login_at`` 0 never.

    ``status`` is what the row says: a ban that has run out stays written until the next login. ``claims`` go to
    backends, ``metadata`` is the operator's own, any JSON object. ``vouched`` is what platforms say of him, as tags.
    """

    uid: str
    created_at: int
    claims: Mapping[str, str]
    status: Standing
    status_reason: str
    status_at: int
    banned_until: int
    merged_into: str
    nickname: str
    avatar: str
    profile: Mapping[str, str]
    metadata: Mapping[str, Any]
    logins: int
    last_login_at: int
    vouched: Mapping[str, str] = field(default_factory=dict, repr=False)

    def standing(self, now: float) -> Standing:
        """The status that counts."""
        over = self.status == "banned" and 0 < self.banned_until <= now
        return "active" if over else self.status


async def find_user(connection: AsyncConnection, uid: str) -> UserRow | None:
    row = (await connection.execute(select(users).where(users.c.uid == uid))).one_or_none()
    return None if row is None else user_row(row)


async def lock_users(connection: AsyncConnection, uids: Collection[str]) -> dict[str, UserRow]:
    """Those that are there, nobody else's to change until the transaction ends.

    A login writes to its user's row before it opens a session. So who holds the row sees every session that was opened
    before, and those who come after see what he writes: no login slips past a ban. In order of uid, so that two
    transactions that want the same rows never wait for each other. ``revocations.in_order`` comes before, if at all.
    """
    query = select(users).where(users.c.uid.in_(list(uids))).order_by(users.c.uid).with_for_update()
    return {row.uid: user_row(row) for row in await connection.execute(query)}


async def set_standing(
    connection: AsyncConnection, uid: str, status: Standing, reason: str, at: int, *, banned_until: int = 0
) -> None:
    values = {"status": status, "status_reason": reason, "status_at": at, "banned_until": banned_until}
    await connection.execute(update(users).where(users.c.uid == uid).values(values))


async def set_metadata(connection: AsyncConnection, uid: str, metadata: Mapping[str, Any]) -> None:
    text = msgspec.json.encode(metadata, order="deterministic").decode()
    await connection.execute(update(users).where(users.c.uid == uid).values(metadata=text))


def user_row(row: Row[Any]) -> UserRow:
    """Of a row with every column of ``users``."""
    values = dict(row._mapping)
    texts = {name: read_claims(values[name]) for name in ("claims", "profile", "vouched")}
    return UserRow(**{**values, **texts, "metadata": msgspec.json.decode(values["metadata"])})
