"""Finding users, by what an operator has of them, and without reading everything there is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import update

from menshen.storage.audit import list_audit, page_audit
from menshen.storage.login_log import LoginFilter, list_logins, page_logins, prune_logins
from menshen.storage.tables import accounts, identities
from menshen.storage.user_search import UserSearch, page_users, search_users
from menshen.storage.webhook_deliveries import (
    list_deliveries,
    page_deliveries,
    prune_deliveries,
    take_deliveries,
    waiting_webhooks,
)
from tests.storage.session_samples import NOW
from tests.storage.test_query_plans import plans
from tests.users.people import BY, People, on_people


async def fill(people: People) -> None:
    await people.add("u1", openids=("o1", "o2"), account="anna", phone="digest-6666")
    people.now += 1
    await people.add("u2", openids=("o3",), phone="digest-1234")
    await people.add("u3", account="berta")
    people.now += 1
    await people.add("u4", status="banned")
    await people.add("u5", status="banned", banned_until=NOW + 100)
    await people.add("u6", status="closed")
    async with people.database.writing() as connection:
        own = update(accounts).where(accounts.c.name == "berta").values(source="verifier", name="Berta-7")
        await connection.execute(own)
        await connection.execute(update(identities).where(identities.c.uid == "u2").values(unionid="other"))


async def found(people: People, at: float = NOW + 2, **which: Any) -> list[str]:
    async with people.database.reading() as connection:
        return [user.uid for user in await search_users(connection, UserSearch(at, **which))]


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ({}, ["u6", "u5", "u4", "u3", "u2", "u1"]),
        ({"uid": "u3"}, ["u3"]),
        ({"openid": "o2"}, ["u1"]),
        ({"openid": "union"}, ["u1"]),
        ({"openid": "other"}, ["u2"]),
        ({"account": "ANNA"}, ["u1"]),
        ({"account": "Berta-7"}, ["u3"]),
        ({"account": "berta-7"}, []),
        ({"phone_tail": "6666"}, ["u1"]),
        ({"phone_digest": "digest-1234"}, ["u2"]),
        ({"phone_digest": "1234"}, []),
        ({"status": "active"}, ["u3", "u2", "u1"]),
        ({"status": "banned"}, ["u5", "u4"]),
        ({"status": "closed"}, ["u6"]),
        ({"status": "active", "at": NOW + 100}, ["u5", "u3", "u2", "u1"]),
        ({"status": "banned", "at": NOW + 100}, ["u4"]),
        ({"openid": "o1", "account": "anna", "phone_tail": "6666", "status": "active"}, ["u1"]),
        ({"openid": "o3", "account": "anna"}, []),
        ({"limit": 2}, ["u6", "u5"]),
        ({"below": (NOW + 2, "u5")}, ["u4", "u3", "u2", "u1"]),
        ({"below": (NOW + 1, "u3"), "limit": 1}, ["u2"]),
    ],
)
def test_every_condition_counts_and_the_newest_come_first(
    database_url: str, which: dict[str, Any], expected: list[str]
) -> None:
    async def work(people: People) -> None:
        await fill(people)
        assert await found(people, **which) == expected

    on_people(database_url, work)


def read(question: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
    async def ask(people: People) -> None:
        async with people.database.writing() as connection:
            await question(connection)

    return ask


def searched(**which: Any) -> Callable[[Any], Awaitable[Any]]:
    return read(lambda c: search_users(c, UserSearch(NOW, **which)))


def paged_users(**which: Any) -> Callable[[Any], Awaitable[Any]]:
    return read(lambda c: page_users(c, UserSearch(NOW, **which)))


def page_of_logins(**which: Any) -> Callable[[Any], Awaitable[Any]]:
    return read(lambda c: page_logins(c, LoginFilter(**which)))


QUESTIONS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "users": searched(),
    "users, a later page": searched(below=(NOW, "u9")),
    "users by uid": searched(uid="u1"),
    "users by openid": searched(openid="o1"),
    "users by account": searched(account="anna"),
    "users by phone": searched(phone_digest="d"),
    "users by the end of a phone": searched(phone_tail="1234"),
    "logins": read(lambda c: list_logins(c, LoginFilter())),
    "logins of a user": read(lambda c: list_logins(c, LoginFilter(uid="u1", since=5))),
    "logins of an address": read(lambda c: list_logins(c, LoginFilter(ip="10.0.0.1", outcome="failed"))),
    "logins of an app": read(lambda c: list_logins(c, LoginFilter(app="shop", below=900))),
    "page of logins that failed": page_of_logins(outcome="failed"),
    "page of logins of an outcome": page_of_logins(outcome="code_used", app="shop", how="code"),
    "page of logins by a password": page_of_logins(how="password", outcome="ok"),
    "page of logins of an app": page_of_logins(app="shop", outcome="ok", since=NOW - 60),
    "page of logins of an address": page_of_logins(ip="10.0.0.1", app="shop", outcome="failed", how="sms"),
    "page of logins that were let in": page_of_logins(outcome="ok", below=90),
    "page of logins that are newer": page_of_logins(above=7, how="code"),
    "page of audit": read(lambda c: page_audit(c, actor="li", action="user.ban")),
    "page of deliveries": read(lambda c: page_deliveries(c, "crm", status="failed")),
    "page of deliveries on their way": read(lambda c: page_deliveries(c, "crm", status="waiting", below=9)),
    "page of users who are banned": paged_users(status="banned"),
    "page of users who are active": paged_users(status="active", below=(NOW, "u9")),
    "users by anything": paged_users(anything="o1"),
    "prune logins": read(lambda c: prune_logins(c, 5, 10)),
    "audit": read(list_audit),
    "audit of a user": read(lambda c: list_audit(c, uid="u1")),
    "deliveries": read(lambda c: list_deliveries(c, "crm", status="failed")),
    "prune deliveries": read(lambda c: prune_deliveries(c, 5, 10)),
    "what is due": read(lambda c: waiting_webhooks(c, ["crm"], NOW)),
    "take what is due": read(lambda c: take_deliveries(c, "crm", NOW, NOW + 60, 5)),
    "ban": lambda people: people.life.ban("u1", BY),
    "close": lambda people: people.life.close("u1", BY),
    "merge": lambda people: people.life.merge("u3", "u2", BY),
}

WALKS = ("ix_users_created_at_uid", "SCAN anon_1", "SCAN webhook_deliveries")
"""Down an index from its end until the page is full, and of the oldest rows no more than are asked for."""

SORTED = ("users by", "ban", "close", "merge")
"""What is found is a handful, and is sorted then."""


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_index_answers(database_url: str, name: str) -> None:
    async def work(people: People) -> None:
        await fill(people)
        for number in range(50):
            await people.log_in(f"u{number % 5}")
            await people.log(f"u{number % 5}", ip="10.0.0.1", app="shop")
        lines = await plans(people, QUESTIONS[name])
        assert lines
        walks = [line for line in lines if line.startswith("SCAN") or "Seq Scan" in line]
        assert [line for line in walks if not any(each in line for each in WALKS)] == []
        if people.database.engine.dialect.name == "sqlite" and not name.startswith(SORTED):
            assert [line for line in lines if "TEMP B-TREE" in line] == []

    on_people(database_url, work)
