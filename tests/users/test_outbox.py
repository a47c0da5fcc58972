"""What webhooks are to be told: written with the thing itself, and saying no more of a person than it may."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from menshen.config.user_rules import EVENTS, WebhookEvent, WebhookRules
from menshen.secret import Secret
from menshen.storage.database import Database
from menshen.storage.log_tables import webhook_deliveries
from menshen.storage.webhook_deliveries import Delivery, list_deliveries
from menshen.users.outbox import UserEvent, emit, message
from menshen.users.outbox import test_message as message_of_a_test
from tests.users.people import People, on_people

NOW = 1_700_000_000


def hook(name: str, *events: WebhookEvent) -> WebhookRules:
    return WebhookRules(name, "http://127.0.0.1:9/", Secret("s"), events or EVENTS)


async def waiting(database: Database, name: str) -> list[Delivery]:
    async with database.reading() as connection:
        return await list_deliveries(connection, name)


def test_every_webhook_gets_the_events_that_it_wants(database_url: str) -> None:
    async def work(people: People) -> None:
        database = people.database
        events = [UserEvent("login", "u1", NOW), UserEvent("register", "u1", NOW), UserEvent("ban", "u2", NOW)]
        async with database.writing() as connection:
            await emit(connection, events, [hook("all"), hook("bans", "ban"), hook("none", "unbind")])
        assert [each.event for each in await waiting(database, "all")] == ["ban", "register", "login"]
        [ban] = await waiting(database, "bans")
        assert (ban.status, ban.attempts, ban.next_at, ban.created_at) == ("waiting", 0, NOW, NOW)
        assert json.loads(ban.body)["data"]["uid"] == "u2"
        assert await waiting(database, "none") == []
        ids = [each.delivery for name in ("all", "bans") for each in await waiting(database, name)]
        assert len(set(ids)) == 4
        assert {len(each) for each in ids} == {26}

    on_people(database_url, work)


def test_what_is_rolled_back_is_told_to_nobody(database_url: str) -> None:
    async def work(people: People) -> None:
        database = people.database

        async def fails() -> None:
            async with database.writing() as connection:
                await emit(connection, [UserEvent("login", "u1", NOW)], [hook("crm")])
                raise KeyError

        with pytest.raises(KeyError):
            await fails()
        assert await waiting(database, "crm") == []

    on_people(database_url, work)


def test_without_webhooks_nothing_is_written(database_url: str) -> None:
    async def work(people: People) -> None:
        database = people.database
        async with database.writing() as connection:
            await emit(connection, [UserEvent("login", "u1", NOW)], [])
            await emit(connection, [], [hook("crm")])
        assert await people.rows(webhook_deliveries) == []

    on_people(database_url, work)


def test_a_message_has_these_fields_and_no_other() -> None:
    """A field more in an event is a field more in other people's hands: it is thought about here first."""
    event = UserEvent("bind", "u1", NOW, "shop", "wechat", "request-1", "phone")
    assert json.loads(message(event)) == {
        "type": "bind",
        "timestamp": "2023-11-14T22:13:20Z",
        "data": {"uid": "u1", "app": "shop", "platform": "wechat", "request_id": "request-1", "reason": "phone"},
    }
    assert {field.name for field in fields(UserEvent)} == {
        "type",
        "uid",
        "at",
        "app",
        "platform",
        "request_id",
        "reason",
    }
    assert json.loads(message_of_a_test(NOW)).keys() == json.loads(message(event)).keys()
