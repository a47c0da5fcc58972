"""Finding users as an operator does: by what he happens to have of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, or_, select, tuple_, union
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.paging import WALK, Page, page_of, plan_anew, walked
from menshen.storage.tables import accounts, identities, phones, users
from menshen.storage.user_rows import Standing, UserRow, user_row

__all__ = ["UserSearch", "page_users", "search_users"]


@dataclass(frozen=True, slots=True)
class UserSearch:
    """Which users: all conditions together, "" stands for any.

    ``openid`` may be a unionid as well; ``account`` is the username or the verifier's id; ``phone_tail`` the last four
    digits; ``phone_digest`` a whole number, as ``PhoneNumbers`` digests it. ``anything``: a uid, an openid, a unionid,
    an account or the last four digits. ``status`` is the one that counts at ``now`` (Unix seconds). ``below`` is the
    ``(created_at, uid)`` that the page before ended with, ``from_`` where the walk of this one ends.
    """

    now: float
    uid: str = ""
    openid: str = ""
    account: str = ""
    phone_tail: str = ""
    phone_digest: str = ""
    anything: str = ""
    status: Standing | None = None
    below: tuple[int, str] | None = None
    from_: tuple[int, str] | None = None
    limit: int = 50


async def search_users(connection: AsyncConnection, search: UserSearch) -> list[UserRow]:
    """The newest first, however far back they are."""
    query = _walk(select(users), search)
    if search.uid:
        query = query.where(users.c.uid == search.uid)
    for found in await _found_by(connection, search):
        query = query.where(users.c.uid.in_(found))
    if search.status is not None:
        query = query.where(_stands(search.status, search.now))
    if search.from_ is not None:
        query = query.where(_at >= tuple_(*search.from_))
    return [user_row(row) for row in await connection.execute(query.limit(search.limit))]


async def page_users(
    connection: AsyncConnection, search: UserSearch, walk: int = WALK
) -> Page[UserRow, tuple[int, str]]:
    """The newest first, of so many rows as one page looks at. What has been found by something is a handful."""
    await plan_anew(connection)
    stopped_at = None
    if search.status is not None and not (search.uid or _named(search)):
        last = await walked(connection, _walk(select(users.c.created_at, users.c.uid), search), walk)
        stopped_at = None if last is None else (last.created_at, last.uid)
    rows = await search_users(connection, replace(search, from_=stopped_at, limit=search.limit + 1))
    # The last one looked at is not looked at again: below is what comes after it.
    return page_of(rows, search.limit, lambda row: (row.created_at, row.uid), stopped_at)


_at = tuple_(users.c.created_at, users.c.uid)


def _walk(query: Select[Any], search: UserSearch) -> Select[Any]:
    """Down the index of the status, where few have it, or of all."""
    if search.status not in (None, "active"):
        query = query.where(users.c.status == search.status, users.c.status != literal_column("'active'"))
    if search.below is not None:
        query = query.where(_at < tuple_(*search.below))
    # What is named is a handful: the sum has it found and then sorted. SQLite would walk everybody in order instead.
    at = users.c.created_at + 0 if _named(search) else users.c.created_at
    return query.order_by(at.desc(), users.c.uid.desc())


def _named(search: UserSearch) -> bool:
    return any((search.openid, search.account, search.phone_tail, search.phone_digest, search.anything))


async def _found_by(connection: AsyncConnection, search: UserSearch) -> list[Select[Any]]:
    found: list[Select[Any]] = []
    if search.openid:
        found.append(_any_of(await _of_openid(connection, search.openid)))
    if search.account:
        found.append(_of_account(search.account))
    if search.phone_tail:
        found.append(select(phones.c.uid).where(phones.c.tail == search.phone_tail))
    of_number = select(phones.c.uid).where(phones.c.digest == search.phone_digest)
    if search.anything:
        text = search.anything
        ways = [
            select(users.c.uid).where(users.c.uid == text),
            *await _of_openid(connection, text),
            _of_account(text),
            select(phones.c.uid).where(phones.c.tail == text),
        ]
        found.append(_any_of([*ways, of_number] if search.phone_digest else ways))
    elif search.phone_digest:
        found.append(of_number)
    return found


def _any_of(ways: list[Select[Any]]) -> Select[Any]:
    """Each with an index of its own."""
    either = union(*ways).subquery()
    return select(either.c.uid)


def _of_account(name: str) -> Select[Any]:
    named = or_(
        and_(accounts.c.source == "own", accounts.c.name == func.lower(name)),
        and_(accounts.c.source == "verifier", accounts.c.name == name),
    )
    return select(accounts.c.uid).where(named, accounts.c.uid.is_not(None))


async def _of_openid(connection: AsyncConnection, openid: str) -> list[Select[Any]]:
    """By an openid, or a unionid.

    The key of identities begins with platform and AppID. An index of openids alone would be one more to write for every
    new user, so each app that there is gets asked for, of which there are few.
    """
    columns = identities.c
    ways = [select(columns.uid).where(columns.unionid == openid)]
    app: tuple[str, str] | None = ("", "")
    while app is not None and len(ways) <= _MOST_APPS:
        app = await _next_app(connection, *app)
        if app is not None:
            of_app = and_(columns.platform == app[0], columns.appid == app[1])
            ways.append(select(columns.uid).where(of_app, columns.openid == openid))
    return ways


async def _next_app(connection: AsyncConnection, platform: str, appid: str) -> tuple[str, str] | None:
    """The next pair of platform and AppID that there are identities of."""
    columns = identities.c
    apps = select(columns.platform, columns.appid).order_by(columns.platform, columns.appid).limit(1)
    # Two questions: pairs that are compared as such have SQLite pass by every row of the pair.
    for after in (and_(columns.platform == platform, columns.appid > appid), columns.platform > platform):
        row = (await connection.execute(apps.where(after))).one_or_none()
        if row is not None:
            return row.platform, row.appid
    return None


_MOST_APPS = 400
"""SQLite takes no more than 500 queries in one."""


def _stands(status: Standing, now: float) -> ColumnElement[bool]:
    """``UserRow.standing`` in SQL."""
    over = and_(users.c.status == "banned", users.c.banned_until > 0, users.c.banned_until <= int(now))
    return or_(users.c.status == "active", over) if status == "active" else and_(users.c.status == status, ~over)
