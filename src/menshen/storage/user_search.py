"""Finding users as an operator does: by what he happens to have of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_, union
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.tables import accounts, identities, phones, users
from menshen.storage.user_rows import Standing, UserRow, user_row

__all__ = ["UserSearch", "search_users"]


@dataclass(frozen=True, slots=True)
class UserSearch:
    """Which users: all conditions together, "" stands for any.

    ``openid`` may be a unionid as well; ``account`` is the username or the verifier's id; ``phone_tail`` the last four
    digits; ``phone_digest`` a whole number, as ``PhoneNumbers`` digests it. ``status`` is the one that counts at
    ``now`` (Unix seconds). ``below`` is the ``(created_at, uid)`` that the page before ended with.
    """

    now: float
    uid: str = ""
    openid: str = ""
    account: str = ""
    phone_tail: str = ""
    phone_digest: str = ""
    status: Standing | None = None
    below: tuple[int, str] | None = None
    limit: int = 50


async def search_users(connection: AsyncConnection, search: UserSearch) -> list[UserRow]:
    """The newest first."""
    query = select(users).order_by(users.c.created_at.desc(), users.c.uid.desc()).limit(search.limit)
    if search.uid:
        query = query.where(users.c.uid == search.uid)
    for found in _found_by(search):
        query = query.where(users.c.uid.in_(found))
    if search.status is not None:
        query = query.where(_stands(search.status, search.now))
    if search.below is not None:
        query = query.where(tuple_(users.c.created_at, users.c.uid) < tuple_(*search.below))
    return [user_row(row) for row in await connection.execute(query)]


def _found_by(search: UserSearch) -> list[Select[Any]]:
    found: list[Select[Any]] = []
    if search.openid:
        # Two queries, each with an index of its own (the openid's is walked: it begins with the platform).
        either = union(
            select(identities.c.uid).where(identities.c.openid == search.openid),
            select(identities.c.uid).where(identities.c.unionid == search.openid),
        ).subquery()
        found.append(select(either.c.uid))
    if search.account:
        named = or_(
            and_(accounts.c.source == "own", accounts.c.name == func.lower(search.account)),
            and_(accounts.c.source == "verifier", accounts.c.name == search.account),
        )
        found.append(select(accounts.c.uid).where(named, accounts.c.uid.is_not(None)))
    if search.phone_tail:
        found.append(select(phones.c.uid).where(phones.c.tail == search.phone_tail))
    if search.phone_digest:
        found.append(select(phones.c.uid).where(phones.c.digest == search.phone_digest))
    return found


def _stands(status: Standing, now: float) -> ColumnElement[bool]:
    """``UserRow.standing`` in SQL."""
    over = and_(users.c.status == "banned", users.c.banned_until > 0, users.c.banned_until <= int(now))
    return or_(users.c.status == "active", over) if status == "active" else and_(users.c.status == status, ~over)
