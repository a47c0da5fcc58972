"""What is bound to a user, and taking it from him, within a transaction that has locked the user's row.

Giving it to him is what a login does as well: see ``identities``, ``account_owners`` and ``phones``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.phones import PhoneRow, find_phones
from menshen.storage.session_endings import end_sessions
from menshen.storage.session_rows import covered
from menshen.storage.tables import accounts, identities, sessions

__all__ = [
    "AccountRow",
    "Bound",
    "IdentityRow",
    "end_account_sessions",
    "end_identity_sessions",
    "end_phone_sessions",
    "find_bound",
    "free_account",
    "free_identity",
    "session_stands",
]

_WHY = "unbound"


@dataclass(frozen=True, slots=True)
class IdentityRow:
    """An identity as its user may see it: no session_key. Times are Unix seconds."""

    id: int
    platform: str
    appid: str
    openid: str = field(repr=False)
    created_at: int
    last_login_at: int


@dataclass(frozen=True, slots=True)
class AccountRow:
    """``name`` is canonical, ``shown`` as its owner writes it."""

    source: str
    name: str
    shown: str


@dataclass(frozen=True, slots=True)
class Bound:
    """Everything that is bound to a user, the oldest identity first."""

    identities: tuple[IdentityRow, ...] = ()
    account: AccountRow | None = None
    phone: PhoneRow | None = None


async def find_bound(connection: AsyncConnection, uid: str) -> Bound:
    """Nothing for a user that there is not."""
    columns = identities.c
    own = (
        select(columns.id, columns.platform, columns.appid, columns.openid, columns.created_at, columns.last_login_at)
        .where(columns.uid == uid)
        .order_by(columns.id)
    )
    found = tuple(IdentityRow(**row._mapping) for row in await connection.execute(own))
    named = select(accounts.c.source, accounts.c.name, accounts.c.shown).where(accounts.c.uid == uid)
    account = (await connection.execute(named)).one_or_none()
    phone = (await find_phones(connection, [uid])).get(uid)
    return Bound(found, AccountRow(**account._mapping) if account else None, phone)


async def free_identity(connection: AsyncConnection, uid: str, id_: int) -> None:
    """With its session_key: what is not the user's any more is not kept (attack class 44)."""
    await connection.execute(delete(identities).where(identities.c.uid == uid, identities.c.id == id_))


async def free_account(connection: AsyncConnection, uid: str, at: int) -> None:
    """One of our own stays, with its password, as nobody's; of the verifier's nothing is left here."""
    await connection.execute(delete(accounts).where(accounts.c.uid == uid, accounts.c.source == "verifier"))
    await connection.execute(update(accounts).where(accounts.c.uid == uid).values(uid=None, changed_at=at))


async def session_stands(connection: AsyncConnection, uid: str, sid: str) -> bool:
    """Whether nobody has ended this session of this user. Call ``in_order`` before, and it stays so."""
    found = select(sessions.c.sid).where(
        sessions.c.sid == sid, sessions.c.uid == uid, sessions.c.ended_at.is_(None), ~covered()
    )
    return (await connection.execute(found)).first() is not None


async def end_identity_sessions(connection: AsyncConnection, uid: str, identity: IdentityRow, now: float) -> int:
    """End what carries this identity; how many were live. Call ``in_order`` before, here and below."""
    columns = sessions.c
    return await _end(
        connection,
        uid,
        (columns.platform == identity.platform)
        & (columns.appid == identity.appid)
        & (columns.openid == identity.openid),
        now,
    )


async def end_account_sessions(connection: AsyncConnection, uid: str, name: str, now: float) -> int:
    """End what carries this account."""
    return await _end(connection, uid, sessions.c.account == name, now)


async def end_phone_sessions(connection: AsyncConnection, uid: str, now: float) -> int:
    """End what no platform identity has opened: with a number, its text messages have opened some of them.

    Whoever is given the number next must not find them (recycled numbers).
    """
    return await _end(connection, uid, sessions.c.openid == "", now)


async def _end(connection: AsyncConnection, uid: str, which: ColumnElement[bool], now: float) -> int:
    mine = select(sessions.c.sid).where(sessions.c.uid == uid, sessions.c.ended_at.is_(None), which)
    sids = (await connection.execute(mine)).scalars().all()
    return await end_sessions(connection, dict.fromkeys(sids, _WHY), now)
