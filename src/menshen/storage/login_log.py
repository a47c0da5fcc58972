"""The login log: a row for every login that was tried, whatever came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.tables import login_log

__all__ = ["LoggedLogin", "LoginFilter", "LoginRow", "erase_logins", "list_logins", "prune_logins", "write_logins"]

_NEWEST = 2**63 - 1


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

    ``since`` is Unix seconds; ``below`` the ``id`` that the page before ended with.
    """

    uid: str = ""
    app: str = ""
    ip: str = ""
    outcome: str = ""
    since: int = 0
    below: int | None = None
    limit: int = 50


async def write_logins(connection: AsyncConnection, rows: Sequence[LoginRow]) -> list[None]:
    """Within the caller's transaction, or as many as wait by ``Database.write``. What is too long is cut."""
    if rows:
        await connection.execute(insert(login_log), [_values(row) for row in rows])
    return [None] * len(rows)


async def list_logins(connection: AsyncConnection, which: LoginFilter) -> list[LoggedLogin]:
    """The newest first."""
    columns = login_log.c
    # The bound is always there: with it SQLite seeks in the index, without it the plan is a scan of the table.
    query = select(login_log).where(columns.id < (_NEWEST if which.below is None else which.below))
    if which.uid:
        query = query.where(columns.uid == which.uid)
    if which.ip:
        # One user has few rows, an address of an operator's may have a million: the user's index is the better one.
        query = query.where((columns.ip.concat("") if which.uid else columns.ip) == which.ip)
    if which.app:
        query = query.where(columns.app == which.app)
    if which.outcome == "failed":
        query = query.where(columns.outcome != "ok")
    elif which.outcome:
        query = query.where(columns.outcome == which.outcome)
    if which.since:
        # The sum keeps SQLite from walking the index of times and sorting what it finds.
        query = query.where(columns.at + 0 >= which.since)
    rows = await connection.execute(query.order_by(columns.id.desc()).limit(which.limit))
    return [_logged(dict(row._mapping)) for row in rows]


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
