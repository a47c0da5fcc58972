"""A page of a long table looks at so many rows and no more, and the next one goes on where it stopped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.audit import AuditRow, page_audit, write_audit
from menshen.storage.database import Database
from menshen.storage.login_log import LoginFilter, LoginRow, list_logins, page_logins, write_logins
from menshen.storage.paging import Page
from menshen.storage.sessions import page_sessions
from menshen.storage.user_search import UserSearch, page_users, search_users
from menshen.storage.webhook_deliveries import NewDelivery, add_deliveries, page_deliveries
from tests.storage.conftest import Run
from tests.storage.session_samples import NOW
from tests.users.people import People, on_people

OUTCOMES = ("ok", "ok", "ok", "code_used", "ok", "hook_failed")

ROWS = [
    LoginRow(
        1000 + n,
        OUTCOMES[n % 6],
        "password" if n % 5 == 0 else "code",
        f"u{n % 7}",
        app="shop" if n % 2 else "game",
        ip=f"10.0.0.{n % 3}",
    )
    for n in range(120)
]

FILTERS: list[dict[str, Any]] = [
    {},
    {"uid": "u3"},
    {"app": "shop"},
    {"outcome": "ok"},
    {"outcome": "failed"},
    {"outcome": "code_used"},
    {"outcome": "hook_failed", "how": "code"},
    {"how": "code"},
    {"how": "password"},
    {"how": "sms"},
    {"app": "shop", "outcome": "ok"},
    {"app": "shop", "outcome": "failed", "how": "code"},
    {"ip": "10.0.0.1", "app": "game", "how": "password"},
    {"uid": "u3", "ip": "10.0.0.1", "outcome": "failed"},
    {"since": 1060},
    {"since": 1060, "outcome": "code_used", "app": "shop"},
    {"since": 2000, "outcome": "ok"},
    {"uid": "nobody", "app": "shop"},
]


async def all_pages(ask: Callable[[Any], Awaitable[Page[Any, Any]]], most: int) -> list[Any]:
    """Every row, page after page."""
    found: list[Any] = []
    below = None
    for _ in range(most):
        page = await ask(below)
        found += page.rows
        if page.below is None:
            return found
        below = page.below
    raise AssertionError(f"no end after {most} pages")


@pytest.mark.parametrize("which", FILTERS)
def test_pages_of_logins_are_together_what_there_is(run: Run, which: dict[str, Any]) -> None:
    async def work(database: Database) -> None:
        async with database.writing() as connection:
            await write_logins(connection, ROWS)
            whole = await list_logins(connection, LoginFilter(**which, limit=500))
            for walk in (1, 7, 1000):
                found = await all_pages(
                    lambda below, walk=walk: page_logins(connection, LoginFilter(**which, limit=4, below=below), walk),
                    200,
                )
                assert found == whole
            expected = [
                row
                for row in ROWS[::-1]
                if which.get("uid", row.uid) == row.uid
                and which.get("app", row.app) == row.app
                and which.get("ip", row.ip) == row.ip
                and which.get("how", row.how) == row.how
                and row.at >= which.get("since", 0)
                and (row.outcome != "ok" if which.get("outcome") == "failed" else True)
                and which.get("outcome", row.outcome) in (row.outcome, "failed")
            ]
            assert [each.login for each in whole] == expected

    run(work)


def test_a_page_that_stopped_says_so_and_is_not_taken_for_the_end(run: Run) -> None:
    async def work(database: Database) -> None:
        async with database.writing() as connection:
            await write_logins(connection, ROWS)
            page = await page_logins(connection, LoginFilter(uid="u0", app="none"), 10)
            assert (list(page.rows), page.stopped) == ([], True)
            assert page.below is not None
            last = await page_logins(connection, LoginFilter(uid="u0", app="none", below=page.below), 10)
            assert last == Page([], None)

    run(work)


def test_only_what_is_newer_is_told(run: Run) -> None:
    async def work(database: Database) -> None:
        async with database.writing() as connection:
            await write_logins(connection, ROWS)
            newest = (await page_logins(connection, LoginFilter(limit=1))).rows[0].id
            assert (await page_logins(connection, LoginFilter(above=newest))).rows == []
            newer = await page_logins(connection, LoginFilter(above=newest - 10, outcome="failed"), 3)
            assert all(each.id > newest - 10 for each in newer.rows)
            await write_logins(connection, ROWS[:1])
            assert len((await page_logins(connection, LoginFilter(above=newest))).rows) == 1

    run(work)


@pytest.mark.parametrize("which", [{}, {"uid": "u1"}, {"action": "a1"}, {"actor": "li", "action": "a2"}])
def test_pages_of_the_audit_log_are_together_what_there_is(run: Run, which: dict[str, str]) -> None:
    rows = [AuditRow(n, "li" if n % 2 else "wang", f"a{n % 3}", f"u{n % 4}", {"n": n}) for n in range(60)]

    async def work(database: Database) -> None:
        async with database.writing() as connection:
            await write_audit(connection, rows)
            found = await all_pages(
                lambda below: page_audit(connection, **which, limit=4, below=below, walk=5),
                100,  # type: ignore[arg-type]
            )
        expected = [
            row
            for row in rows[::-1]
            if which.get("uid", row.uid) == row.uid
            and which.get("actor", row.actor) == row.actor
            and which.get("action", row.action) == row.action
        ]
        assert [each.row for each in found] == expected

    run(work)


@pytest.mark.parametrize("status", [None, "delivered", "failed", "waiting"])
def test_pages_of_deliveries_are_together_what_there_is(run: Run, status: Any) -> None:
    async def work(database: Database) -> None:
        async with database.writing() as connection:
            await add_deliveries(connection, [NewDelivery(f"d{n:03}", "crm", "login", "{}", n) for n in range(40)])
            await connection.exec_driver_sql("UPDATE webhook_deliveries SET status = 'failed' WHERE id % 3 = 0")
            await connection.exec_driver_sql("UPDATE webhook_deliveries SET status = 'delivered' WHERE id % 3 = 1")
            found = await all_pages(
                lambda below: page_deliveries(connection, "crm", status=status, limit=3, below=below, walk=4), 100
            )
            wanted = [f"d{n:03}" for n in range(39, -1, -1)]
            left = {"failed": 0, "delivered": 1, "waiting": 2}
            kept = [each for each in found if status is None or each.id % 3 == left[status]]
            assert found == kept
            assert len(found) == (40 if status is None else len([n for n in range(1, 41) if n % 3 == left[status]]))
            assert [each.delivery for each in found] == [each for each in wanted if each in {f.delivery for f in found}]

    run(work)


@pytest.mark.parametrize("status", [None, "active", "banned", "closed"])
def test_pages_of_users_are_together_what_there_is(database_url: str, status: Any) -> None:
    standing = ("active", "banned", "closed", "active", "active")

    async def work(people: People) -> None:
        for n in range(45):
            people.now = NOW + n // 4  # several of one second
            over = {"banned_until": NOW + 5} if n % 10 == 1 else {}
            await people.add(f"u{n:02}", status=standing[n % 5], **over)

        async def read(question: Callable[[AsyncConnection], Awaitable[Any]]) -> Any:
            async with people.database.reading() as connection:
                return await question(connection)

        at = NOW + 100
        whole = await read(lambda c: search_users(c, UserSearch(at, status=status, limit=500)))
        for walk in (1, 3, 1000):
            found = await all_pages(
                lambda below, walk=walk: read(
                    lambda c: page_users(c, UserSearch(at, status=status, limit=4, below=below), walk)
                ),
                200,
            )
            assert [each.uid for each in found] == [each.uid for each in whole]
        assert whole
        assert all(status in (None, each.standing(at)) for each in whole)

    on_people(database_url, work)


@pytest.mark.parametrize("app", [None, ("wechat", "wx1"), ("qq", "qq1")])
def test_pages_of_live_sessions_are_together_what_there_is(database_url: str, app: Any) -> None:
    async def work(people: People) -> None:
        for n in range(30):
            await people.log_in(f"u{n % 3}", app=("qq", "qq1") if n % 4 == 0 else ("wechat", "wx1"))
        await people.records.end([f"s{n}" for n in range(1, 31, 3)], "logout")
        whole = await people.records.list(app=app)
        async with people.database.reading() as connection:
            found = await all_pages(
                lambda below: page_sessions(connection, people.now, app=app, limit=3, below=below, walk=4), 100
            )
        assert [each.sid for each in found] == [each.sid for each in whole]
        assert len(whole) > 3

    on_people(database_url, work)
