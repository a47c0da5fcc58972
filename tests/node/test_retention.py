"""What is forgotten, and when."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import func, insert, select

from menshen.config.snapshot import Snapshot, TracingRules
from menshen.config.user_rules import UserRules
from menshen.node import retention
from menshen.node.retention import forget
from menshen.storage.database import Database
from menshen.storage.figures import MinuteRow, add_minutes, list_minutes
from menshen.storage.login_log import LoginFilter, LoginRow, list_logins, write_logins
from menshen.storage.tables import account_failures, counters, nonces, sms_codes
from menshen.storage.trace_links import TraceLink, add_trace_links, find_traces
from menshen.storage.webhook_deliveries import (
    Attempted,
    NewDelivery,
    add_deliveries,
    finish_deliveries,
    list_deliveries,
    take_deliveries,
)
from tests.storage.conftest import opened
from tests.users.people import HOOK

NOW = 1_700_000_000
DAY = 86_400


async def add(database: Database, delivery: str, age: int, *, webhook: str = "crm", done: bool = True) -> None:
    at = NOW - age
    async with database.writing() as connection:
        await add_deliveries(connection, [NewDelivery(delivery, webhook, "login", "{}", at)])
        if done:
            [taken] = await take_deliveries(connection, webhook, at, at + 60, 1, only=delivery)
            await finish_deliveries(connection, [Attempted(taken.id, 1, "delivered", at, None, 200, "")])


async def statuses(database: Database, webhook: str = "crm") -> dict[str, str]:
    async with database.reading() as connection:
        return {each.delivery: each.status for each in await list_deliveries(connection, webhook)}


def test_logins_are_kept_as_long_as_the_document_says(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_CHUNK", 2)
    snapshot = replace(Snapshot(), users=replace(UserRules(), login_log_days=7))

    async def main() -> None:
        async with opened(database_url) as database:
            ages = [8 * DAY, 7 * DAY + 1, 7 * DAY, DAY, 9 * DAY, 8 * DAY, 30 * DAY, 0]
            async with database.writing() as connection:
                await write_logins(connection, [LoginRow(NOW - age, "ok", "code", f"u{age}") for age in ages])
            assert await forget(database, snapshot, NOW + 0.5) == 5
            async with database.reading() as connection:
                left = [each.login.uid for each in await list_logins(connection, LoginFilter())]
            assert sorted(left) == sorted(f"u{age}" for age in (7 * DAY, DAY, 0))
            assert await forget(database, snapshot, NOW + 0.5) == 0

    asyncio.run(main())


def test_deliveries_are_kept_for_thirty_days_and_what_waits_for_ever(database_url: str) -> None:
    snapshot = replace(Snapshot(), webhooks=(HOOK,))

    async def main() -> None:
        async with opened(database_url) as database:
            await add(database, "old-done", 31 * DAY)
            await add(database, "old-waiting", 31 * DAY, done=False)
            await add(database, "new-done", 29 * DAY)
            assert await forget(database, snapshot, NOW) == 1
            assert await statuses(database) == {"old-waiting": "waiting", "new-done": "delivered"}

    asyncio.run(main())


def test_what_waits_for_a_webhook_that_is_no_more_fails_after_an_hour(database_url: str) -> None:
    """Not at once: another node may run a newer revision, with a webhook that this one does not know yet."""

    async def main() -> None:
        async with opened(database_url) as database:
            for name in ("crm", "gone"):
                await add(database, f"{name}-old", 3601, webhook=name, done=False)
                await add(database, f"{name}-new", 3599, webhook=name, done=False)
            await forget(database, replace(Snapshot(), webhooks=(HOOK,)), NOW)
            assert await statuses(database) == {"crm-old": "waiting", "crm-new": "waiting"}
            assert await statuses(database, "gone") == {"gone-old": "failed", "gone-new": "waiting"}
            async with database.reading() as connection:
                [old] = [each for each in await list_deliveries(connection, "gone") if each.status == "failed"]
            assert (old.error, old.finished_at) == ("the webhook is configured no more", NOW)
            await forget(database, Snapshot(), NOW)
            assert await statuses(database) == {"crm-old": "failed", "crm-new": "waiting"}

    asyncio.run(main())


def test_a_flood_of_tries_is_forgotten_in_pieces(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_CHUNK", 3)
    old, new = NOW - 30 * DAY, NOW + 60
    failures = [(account_failures, {"failures": 1, "last_at": at, "locked_until": 0}) for at in (old, new)]
    codes = [(sms_codes, {"code_digest": "c", "sent_at": at, "expires_at": at, "attempts": 0}) for at in (old, new)]

    async def main() -> None:
        async with opened(database_url) as database:
            async with database.writing() as connection:
                for table, values in (*failures, *codes):
                    at = max(value for value in values.values() if isinstance(value, int))
                    rows = [{"digest": f"{at}-{number}", **values} for number in range(7)]
                    await connection.execute(insert(table), rows)
                for at in (old, new):
                    rows = [{"key": f"k{number}", "period": at, "count": 1, "expires_at": at} for number in range(7)]
                    await connection.execute(insert(counters), rows)
                    rows = [{"key_id": "erp", "nonce": f"{at}-{number}", "expires_at": at} for number in range(7)]
                    await connection.execute(insert(nonces), rows)
            assert await forget(database, Snapshot(), NOW) == 28
            async with database.reading() as connection:
                for table in (account_failures, sms_codes, counters, nonces):
                    left = select(func.count()).select_from(table)
                    assert (await connection.execute(left)).scalar_one() == 7, table.name

    asyncio.run(main())


def test_traces_are_kept_as_long_as_the_document_says(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as database:
            links = [TraceLink(NOW - age, "A-7", "order", "a" * 32, "mall/order", 200, f"r{age}") for age in AGES]
            async with database.writing() as connection:
                await add_trace_links(connection, links)
            assert await forget(database, replace(Snapshot(), tracing=TracingRules(keep_days=20)), NOW + 0.5) == 1
            assert await forget(database, Snapshot(), NOW + 0.5) == 1
            async with database.reading() as connection:
                left = [each.link.request_id for each in await find_traces(connection, "A-7")]
            assert left == [f"r{14 * DAY}", "r0"]

    asyncio.run(main())


AGES = (0, 14 * DAY, 14 * DAY + 1, 21 * DAY)
"""Without a word in the document it is 14 days."""


def test_figures_are_kept_for_eight_days(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as database:
            async with database.writing() as connection:
                await add_minutes(connection, [MinuteRow(NOW - age * DAY, "one", "{}") for age in (0, 7, 8, 9, 30)])
            assert await forget(database, Snapshot(), NOW) == 2
            async with database.reading() as connection:
                assert [NOW - row.at for row in await list_minutes(connection, 0)] == [8 * DAY, 7 * DAY, 0]

    asyncio.run(main())
