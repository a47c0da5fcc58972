"""What the database said is believed for a second, and no longer."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import event

from menshen.operators.roles import SCOPES_OF, Principal, Role, Scope
from tests.operators.desk import NODE_TOKEN, NOW, Desk, at_desk


def test_who_polls_asks_the_database_once_a_second(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        alice = Principal("alice", SCOPES_OF[Role.OPERATOR], "console")
        token = (await desk.service.tokens.make(alice, "poll", [Scope.FIGURES_READ], 1))[0].reveal()
        cookie = await desk.log_in("alice")
        asked = []

        def count(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
            if statement.startswith("SELECT"):
                asked.append(statement)

        event.listen(desk.database.engine.sync_engine, "before_cursor_execute", count)
        access = desk.service.access
        for _ in range(50):
            assert await access.principal_of_bearer(token) is not None
            assert await access.visit(cookie) is not None
            assert await access.principal_of_bearer("mst_of-nobody") is None
            assert await access.principal_of_bearer(NODE_TOKEN.reveal()) is not None
        assert len(asked) == 3
        desk.time = NOW + 1
        await access.principal_of_bearer(token)
        assert len(asked) == 4

    at_desk(database_url, work)


def test_what_was_read_before_a_change_is_not_believed_after_it(database_url: str) -> None:
    """A question that is on its way while the operator is disabled."""

    async def work(desk: Desk) -> None:
        await desk.add("alice")
        for _ in range(10):
            await desk.service.accounts.enable("alice", by="test")
            cookie = await desk.log_in("alice")
            await asyncio.gather(
                *(desk.service.access.visit(cookie) for _ in range(5)),
                desk.service.accounts.disable("alice", by="test"),
                *(desk.service.access.visit(cookie) for _ in range(5)),
            )
            assert await desk.service.access.visit(cookie) is None

    at_desk(database_url, work)


def test_rubbish_does_not_fill_the_memory(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        access = desk.service.access
        for number in range(1_200):
            assert await access.principal_of_bearer(f"rubbish-{number}") is None
        assert len(access._bearers._beliefs) <= 1_000
        asked = len(access._bearers._beliefs)
        assert await access.principal_of_bearer("x" * 10_000) is None
        assert len(access._bearers._beliefs) == asked

    at_desk(database_url, work)
