"""The login log: a row for every login that was tried, whatever came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Column, ColumnElement, Select, delete, insert, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.log_tables import login_log
from menshen.storage.paging import WALK, Page, page_of, plan_anew, walked

__all__ = [
    "LoggedLogin",
    "LoginFilter",
    "LoginRow",
    "erase_logins",
    "list_logins",
    "page_logins",
    "prune_logins",
    "write_logins",
]

_NEWEST = 2**63 - 1
_ASKEW = 600
"""Seconds that a row may be older than one written before it: logins are written when they are over, and by several
nodes, whose clocks differ."""


@dataclass(frozen=True, slots=True)
class LoginRow:
    """One login that was tried, ``at`` Unix seconds.

    ``outcome`` is ``ok`` or the reason of the refusal; ``how`` is code, password, phone or sms; ``uid`` is "" where
    nobody was found, ``app`` and ``platform`` where the call named no app. ``detail`` is for the operator: what the
    refusal says to the log. Never a secret, a username, a phone number or an openid.
    """

    at: int
    outcome: str
    how: str
    uid: str = ""
    new_user: bool = False
    platform: str = ""
    app: str = ""
    ip: str = ""
    user_agent: str = ""
    request_id: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LoggedLogin:
    """A row as it was written. ``id`` orders them and is for paging."""

    id: int
    login: LoginRow


@dataclass(frozen=True, slots=True)
class LoginFilter:
    """Which logins. "" and None stand for any; ``outcome`` may be ``failed``, for all but ``ok``. ``app`` is a name.

    ``since`` is Unix seconds; ``below`` the ``id`` that the page before ended with, ``above`` one that is known.
    """

    uid: str = ""
    app: str = ""
    ip: str = ""
    outcome: str = ""
    how: str = ""
    since: int = 0
    above: int = 0
    below: int | None = None
    limit: int = 50


async def write_logins(connection: AsyncConnection, rows: Sequence[LoginRow]) -> list[None]:
    """Within the caller's transaction, or as many as wait by ``Database.write``. What is too long is cut."""
    if rows:
        await connection.execute(insert(login_log), [_values(row) for row in rows])
    return [None] * len(rows)


async def list_logins(connection: AsyncConnection, which: LoginFilter) -> list[LoggedLogin]:
    """The newest first, however far back they are."""
    leading, others = _conditions(which)
    query = _within(select(login_log), which).where(*leading, *others)
    if which.since:
        # The sum keeps SQLite from walking the index of times and sorting what it finds.
        query = query.where(login_log.c.at + 0 >= which.since)
    rows = await connection.execute(query.order_by(login_log.c.id.desc()).limit(which.limit))
    return [_logged(dict(row._mapping)) for row in rows]


async def page_logins(connection: AsyncConnection, which: LoginFilter, walk: int = WALK) -> Page[LoggedLogin, int]:
    """The newest first, of so many rows as one page looks at."""
    await plan_anew(connection)
    leading, others = _conditions(which)
    above = max(which.above, await _newest_before(connection, which.since - _ASKEW) if which.since else 0)
    stopped_at = None
    if others:
        ids = _within(select(login_log.c.id), replace(which, above=above)).where(*leading)
        last = await walked(connection, ids.order_by(login_log.c.id.desc()), walk)
        if last is not None:
            above, stopped_at = last.id - 1, last.id
    rows = await list_logins(connection, replace(which, above=above, limit=which.limit + 1))
    return page_of(rows, which.limit, lambda row: row.id, stopped_at)


def _within(query: Select[tuple[int]] | Select[tuple[object, ...]], which: LoginFilter) -> Select[tuple[object, ...]]:
    # The bound is always there: with it SQLite seeks in the index, without it the plan is a scan of the table.
    query = query.where(login_log.c.id < (_NEWEST if which.below is None else which.below))
    return query.where(login_log.c.id > which.above) if which.above else query


def _conditions(which: LoginFilter) -> tuple[list[ColumnElement[bool]], list[ColumnElement[bool]]]:
    """The condition whose index is walked, and the others.

    The others are joined to nothing, so that neither database walks the index of one of those instead: one user has few
    rows, an address of an operator's may have a million.
    """
    columns = login_log.c
    asked: list[tuple[Column[str], str]] = [(columns.uid, which.uid), (columns.ip, which.ip)]
    if which.outcome not in ("", "ok", "failed"):
        asked.append((columns.outcome, which.outcome))
    if which.how != "code":
        asked.append((columns.how, which.how))
    asked.append((columns.app, which.app))
    named = [(column, value) for column, value in asked if value]
    others = [column.concat("") == value for column, value in named[1:]]
    leading: list[ColumnElement[bool]] = []
    for column, value in named[:1]:
        leading.append(column == value)
        if column in _USUAL:  # said as the partial index says it, or SQLite does not see that it is meant
            leading.append(column != _USUAL[column])
    if which.outcome == "failed":
        (others if leading else leading).append(
            columns.outcome.concat("") != "ok" if leading else columns.outcome != _USUAL[columns.outcome]
        )
    if which.outcome == "ok":
        others.append(columns.outcome.concat("") == "ok")
    if which.how == "code":
        others.append(columns.how.concat("") == "code")
    return leading, others


_USUAL: dict[Column[str], ColumnElement[str]] = {
    login_log.c.outcome: literal_column("'ok'"),
    login_log.c.how: literal_column("'code'"),
}
"""What nearly every row says, for which there is no index."""


async def _newest_before(connection: AsyncConnection, at: int) -> int:
    """The ``id`` of the newest row from before a moment: what is newer has a higher one."""
    query = select(login_log.c.id).where(login_log.c.at < at).order_by(login_log.c.at.desc()).limit(1)
    return (await connection.execute(query)).scalar_one_or_none() or 0


async def erase_logins(connection: AsyncConnection, uid: str) -> None:
    """Take out of a user's rows what tells of the person; that there were logins, and when, stays."""
    await connection.execute(
        update(login_log).where(login_log.c.uid == uid).values(ip="", user_agent="", request_id="", detail="")
    )


async def prune_logins(connection: AsyncConnection, before: int, limit: int) -> int:
    """Forget the oldest rows from before a moment, ``limit`` at most; how many those were."""
    some = select(login_log.c.id).where(login_log.c.at < before).order_by(login_log.c.at).limit(limit)
    return (await connection.execute(delete(login_log).where(login_log.c.id.in_(some)))).rowcount


def _values(row: LoginRow) -> dict[str, object]:
    return {
        "at": row.at,
        "outcome": _fitting(row.outcome, 40),
        "how": _fitting(row.how, 10),
        "uid": _fitting(row.uid, 40),
        "new_user": int(row.new_user),
        "platform": _fitting(row.platform, 40),
        "app": _fitting(row.app, 60),
        "ip": _fitting(row.ip, 45),
        "user_agent": _fitting(row.user_agent, 200),
        "request_id": _fitting(row.request_id, 64),
        "detail": _fitting(row.detail, 200),
    }


def _fitting(text: str, length: int) -> str:
    """PostgreSQL takes neither a text that is too long nor one with a zero in it, and a login would fail for it."""
    return text.replace("\0", "")[:length]


def _logged(values: dict[str, object]) -> LoggedLogin:
    number = values.pop("id")
    values["new_user"] = bool(values["new_user"])
    return LoggedLogin(number, LoginRow(**values))  # type: ignore[arg-type]
