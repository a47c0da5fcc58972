"""Making one user of two: everything that finds a user by something is moved to the one that stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.claim_texts import named_claims, read_claims
from menshen.storage.erasing import erase_profile
from menshen.storage.revocations import tell_changed
from menshen.storage.session_endings import end_sessions
from menshen.storage.session_rows import tags_of_login
from menshen.storage.tables import accounts, identities, phones, sessions, users
from menshen.storage.user_rows import UserRow, set_standing
from menshen.storage.vouched import set_vouched

__all__ = ["Moved", "Overlap", "find_overlap", "move_user"]


@dataclass(frozen=True, slots=True)
class Overlap:
    """What both users have, though a user may have one of it."""

    account: bool
    phone: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """How many of each went over, and how many sessions ended because their states say the old uid."""

    identities: int
    accounts: int
    phones: int
    sessions: int
    ended: int


async def find_overlap(connection: AsyncConnection, one: str, other: str) -> Overlap:
    """Call with both rows locked."""
    both = []
    for table in (accounts, phones):
        count = select(func.count()).select_from(table).where(table.c.uid.in_((one, other)))
        both.append((await connection.execute(count)).scalar_one() == 2)
    return Overlap(*both)


async def move_user(connection: AsyncConnection, gone: UserRow, stays: UserRow, at: float) -> Moved:
    """Everything of ``gone`` to ``stays``. Call ``in_order`` first, then lock both rows, then :func:`find_overlap`.

    A session of kind ``reference`` is its record, so it can change hands; a sealed or signed state says the uid itself
    and cannot, so it ends.
    """
    moved = {}
    for table in (identities, accounts, phones):
        mine = update(table).where(table.c.uid == gone.uid).values(uid=stays.uid)
        moved[table.name] = (await connection.execute(mine)).rowcount
    columns = sessions.c
    fixed = select(columns.sid).where(columns.uid == gone.uid, columns.kind != "reference", columns.ended_at.is_(None))
    sids = (await connection.execute(fixed)).scalars().all()
    ended = await end_sessions(connection, dict.fromkeys(sids, "merged"), at)
    # It is one person: what a platform says of the one is true of the other. Where both have it, that of ``stays``.
    vouched = {**gone.vouched, **stays.vouched}
    handed_on = await _hand_on(connection, gone.uid, stays, vouched)
    for sid in handed_on:
        await tell_changed(connection, sid, int(at))
    await set_vouched(connection, {stays.uid: vouched})
    await _leave(connection, gone, stays, int(at))
    return Moved(moved["identities"], moved["accounts"], moved["phones"], len(handed_on), ended)


async def _hand_on(connection: AsyncConnection, gone: str, stays: UserRow, vouched: Mapping[str, str]) -> list[str]:
    """The references of ``gone`` to ``stays``, each with as much of the claims and tags it had as ``stays`` has."""
    columns = sessions.c
    open_ = select(columns.sid, columns.claims, columns.tags).where(
        columns.uid == gone, columns.kind == "reference", columns.ended_at.is_(None)
    )
    rows = [
        {
            "b_sid": row.sid,
            "b_claims": named_claims(stays.claims, read_claims(row.claims)),
            "b_tags": named_claims({**vouched, **tags_of_login(read_claims(row.tags))}, read_claims(row.tags)),
        }
        for row in await connection.execute(open_)
    ]
    if rows:
        handed_on = update(sessions).where(columns.sid == bindparam("b_sid"))
        changed = {"uid": stays.uid, "claims": bindparam("b_claims"), "tags": bindparam("b_tags")}
        await connection.execute(handed_on.values(changed), rows)
    return [row["b_sid"] for row in rows]


async def _leave(connection: AsyncConnection, gone: UserRow, stays: UserRow, at: int) -> None:
    await erase_profile(connection, gone.uid)
    await set_standing(connection, gone.uid, "closed", "merged", at)
    await connection.execute(update(users).where(users.c.uid == gone.uid).values(merged_into=stays.uid))
    counted = {
        "logins": users.c.logins + gone.logins,
        "last_login_at": max(gone.last_login_at, stays.last_login_at),
    }
    await connection.execute(update(users).where(users.c.uid == stays.uid).values(counted))
