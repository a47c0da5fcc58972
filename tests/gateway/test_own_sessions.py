"""Which plugin a session is by, where several read its login state."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from menshen.gateway.bearers import Bearer
from menshen.gateway.own_sessions import OwnSessions
from menshen.storage.database import Database
from tests.gateway.samples import nobody, plugin, session
from tests.storage.conftest import opened
from tests.storage.session_samples import Sessions

FIRST, SECOND = plugin(name="first"), plugin(name="second", session=replace(session("header"), expires_in=5))


async def on(url: str, work: Callable[[Database], Awaitable[object]]) -> object:
    async with opened(url) as database:
        return await work(database)


@pytest.mark.parametrize(
    ("gave", "kind", "found"),
    [
        ("first", "sealed", FIRST),
        ("second", "sealed", SECOND),
        ("gone from the document", "sealed", FIRST),
        ("second", "signed", FIRST),  # it gives sealed states now
    ],
)
def test_the_plugin_that_gave_the_session(gave: str, kind: str, found: object, database_url: str) -> None:
    async def work(database: Database) -> object:
        sessions = Sessions(database)
        new = replace(sessions.new(kind=kind), plugin=gave)
        await sessions.records.open(new)
        own = OwnSessions(sessions.records, nobody, lambda _: None)
        return await own.plugin_of(Bearer(new.claims, FIRST, (FIRST, SECOND)))

    assert asyncio.run(on(database_url, work)) == found


def test_a_session_without_a_record(database_url: str) -> None:
    async def work(database: Database) -> object:
        sessions = Sessions(database)
        own = OwnSessions(sessions.records, nobody, lambda _: None)
        return await own.plugin_of(Bearer(sessions.new().claims, SECOND, (FIRST, SECOND)))

    assert asyncio.run(on(database_url, work)) == SECOND
