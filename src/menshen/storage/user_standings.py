"""User rows as a login needs them: whether they may come in, new ones, and the counters."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import BindParameter, bindparam, case, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.claim_texts import read_claims
from menshen.storage.tables import users

__all__ = ["UserStanding", "add_users", "count_logins", "discard_users", "lift_bans", "lock_standings"]


@dataclass(frozen=True, slots=True)
class UserStanding:
    """``status`` is active, banned (until ``banned_until`` in Unix seconds, 0 for ever) or closed."""

    status: str
    banned_until: int
    claims: Mapping[str, str]
    vouched: Mapping[str, str] = field(default_factory=dict, repr=False)


async def lock_standings(connection: AsyncConnection, uids: Collection[str]) -> dict[str, UserStanding]:
    """How these users stand. Nobody changes it before the end of the transaction.

    So a ban that runs at the same time has either been seen here, or waits and then sees the session that this login
    makes. In the order of the uids, as everywhere.
    """
    if not uids:
        return {}
    rows = await connection.execute(_lock, {"uids": list(uids)})
    return {
        row.uid: UserStanding(row.status, row.banned_until, read_claims(row.claims), read_claims(row.vouched))
        for row in rows
    }


_lock = (
    select(users.c.uid, users.c.status, users.c.banned_until, users.c.claims, users.c.vouched)
    .where(users.c.uid.in_(bindparam("uids", expanding=True)))
    .order_by(users.c.uid)
    .with_for_update()
)


async def add_users(connection: AsyncConnection, new: Mapping[str, int]) -> None:
    """New users, uid -> when (Unix seconds)."""
    if new:
        await connection.execute(insert(users), [{"uid": uid, "created_at": at} for uid, at in new.items()])


async def discard_users(connection: AsyncConnection, uids: Collection[str]) -> None:
    """Users of this transaction that turn out to be nobody: another was there before."""
    if uids:
        await connection.execute(delete(users).where(users.c.uid.in_(uids)))


async def count_logins(connection: AsyncConnection, logins: Mapping[str, tuple[int, int]]) -> None:
    """Uid -> (how many logins, the newest in Unix seconds)."""
    rows = [{"b_uid": uid, "b_more": more, "b_at": at} for uid, (more, at) in sorted(logins.items())]
    if rows:
        await connection.execute(_count, rows)


_newest: BindParameter[int] = bindparam("b_at")
_count = (
    update(users)
    .where(users.c.uid == bindparam("b_uid"))
    .values(
        logins=users.c.logins + bindparam("b_more"),
        last_login_at=case((users.c.last_login_at < _newest, _newest), else_=users.c.last_login_at),
    )
)


async def lift_bans(connection: AsyncConnection, uids: Collection[str], at: int) -> None:
    """Make users active whose ban is over."""
    if uids:
        over = update(users).where(users.c.uid.in_(uids), users.c.status == "banned")
        await connection.execute(over.values(status="active", status_reason="", status_at=at, banned_until=0))
