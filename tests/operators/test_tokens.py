"""API tokens: shown once, never more than their owner may, dead when they should be."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from sqlalchemy import select

from menshen.errors import OperatorConflict, OperatorInvalid, OperatorUnknown
from menshen.operators.roles import SCOPES_OF, Principal, Role, Scope
from menshen.operators.tokens import MOST_DAYS
from menshen.storage.operator_tables import api_tokens
from tests.operators.desk import NODE_TOKEN, NOW, Desk, at_desk

DAY = 86_400


def at_console(name: str, role: Role = Role.OPERATOR) -> Principal:
    return Principal(name, SCOPES_OF[role], "console")


NODE = Principal("admin", frozenset(Scope), "file")


async def made(
    desk: Desk, name: str = "ci", scopes: Iterable[str] = ("config:read", "config:write"), days: int = 30
) -> str:
    return (await desk.service.tokens.make(at_console("alice"), name, scopes, days))[0].reveal()


def test_a_token_is_whoever_made_it_with_the_scopes_it_was_given(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        token = await made(desk)
        assert token.startswith("mst_")
        assert len(token) == 47
        principal = await desk.service.access.principal_of_bearer(token)
        assert principal == Principal("alice/ci", frozenset({Scope.CONFIG_READ, Scope.CONFIG_WRITE}), "token")
        assert principal.operator == "alice"
        [row] = await desk.service.tokens.of("alice")
        assert (row.name, row.scopes, row.expires_at) == ("ci", ("config:read", "config:write"), int(NOW) + 30 * DAY)
        async with desk.database.reading() as connection:
            stored = str((await connection.execute(select(api_tokens))).all())
        assert token not in stored
        assert token not in str(await desk.audit())
        assert [(row.action, row.actor) for row in await desk.audit("token.add")] == [("token.add", "alice")]

    at_desk(database_url, work)


def test_the_nodes_own_token_is_an_owner_that_no_operator_is(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        principal = await desk.service.access.principal_of_bearer(NODE_TOKEN.reveal())
        assert principal == NODE
        assert principal.operator == ""
        for wrong in (NODE_TOKEN.reveal()[:-1], NODE_TOKEN.reveal() + " ", NODE_TOKEN.reveal().upper(), "", "\udc80"):
            assert await desk.service.access.principal_of_bearer(wrong) is None

    at_desk(database_url, work)


def test_a_token_shrinks_with_its_owners_role_and_dies_with_the_owner(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        token = await made(desk)

        async def scopes() -> set[Scope] | None:
            principal = await desk.service.access.principal_of_bearer(token)
            return None if principal is None else set(principal.scopes)

        assert await scopes() == {Scope.CONFIG_READ, Scope.CONFIG_WRITE}
        await desk.service.accounts.set_role("alice", Role.VIEWER, by="test")
        assert await scopes() == {Scope.CONFIG_READ}
        await desk.service.accounts.set_role("alice", Role.OWNER, by="test")
        assert await scopes() == {Scope.CONFIG_READ, Scope.CONFIG_WRITE}
        await desk.add("bob", Role.OWNER)
        await desk.service.accounts.disable("alice", by="bob")
        assert await scopes() is None

    at_desk(database_url, work)


def test_class_50_nobody_gives_a_token_more_than_one_has(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        tokens = desk.service.tokens
        await desk.add("alice")
        await desk.add("victor", Role.VIEWER)
        viewer = at_console("victor", Role.VIEWER)
        for scope in set(Scope) - SCOPES_OF[Role.VIEWER]:
            with pytest.raises(OperatorInvalid):
                await tokens.make(viewer, "more", [scope], 1)
        # Demoted since the page was loaded: what counts is the role of now.
        with pytest.raises(OperatorInvalid):
            await tokens.make(at_console("victor", Role.OWNER), "stale", [Scope.KEYS_WRITE], 1)
        # A token that may do little makes none that may do more.
        weak = Principal("alice/ci", frozenset({Scope.CONFIG_READ}), "token")
        with pytest.raises(OperatorInvalid):
            await tokens.make(weak, "more", [Scope.CONFIG_WRITE], 1)
        with pytest.raises(OperatorInvalid):
            await tokens.make(at_console("alice"), "for-another", [Scope.CONFIG_READ], 1, owner="victor")
        assert await tokens.of() == []

    at_desk(database_url, work)


@pytest.mark.parametrize(
    ("name", "scopes", "days"),
    [
        ("", ["config:read"], 1),
        ("x" * 41, ["config:read"], 1),
        ("two\nlines", ["config:read"], 1),
        (" ci", ["config:read"], 1),
        ("\u202eci", ["config:read"], 1),
        ("ci", [], 1),
        ("ci", ["config:*"], 1),
        ("ci", ["config:read "], 1),
        ("ci", ["config:read"], 0),
        ("ci", ["config:read"], -1),
        ("ci", ["config:read"], MOST_DAYS + 1),
    ],
)
def test_a_token_needs_a_name_a_scope_and_an_end(name: str, scopes: list[str], days: int, database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        with pytest.raises(OperatorInvalid) as raised:
            await made(desk, name, scopes, days)
        assert raised.value.message_zh
        assert await desk.service.tokens.of() == []

    at_desk(database_url, work)


def test_a_token_ends_on_its_day(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        token = await made(desk, days=1)
        desk.time = NOW + DAY - 2
        assert await desk.service.access.principal_of_bearer(token) is not None
        desk.time = NOW + DAY
        assert await desk.service.access.principal_of_bearer(token) is None
        await made(desk, days=1)  # the name is free again

    at_desk(database_url, work)


def test_a_revoked_token_is_dead_at_once_here_and_within_a_second_elsewhere(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        there = desk.another()
        await desk.add("alice")
        await desk.add("bob")
        token = await made(desk)
        with pytest.raises(OperatorConflict):
            await made(desk)
        [row] = await desk.service.tokens.of()
        assert await there.access.principal_of_bearer(token) is not None
        assert await desk.service.access.principal_of_bearer(token) is not None
        for nobody in (at_console("bob"), Principal("bob/ci", frozenset({Scope.CONFIG_READ}), "token")):
            with pytest.raises(OperatorUnknown):
                await desk.service.tokens.revoke(row.id, nobody)
        with pytest.raises(OperatorUnknown):
            await desk.service.tokens.revoke("", at_console("alice"))
        revoked = await desk.service.tokens.revoke(row.id, at_console("alice"))
        assert revoked.revoked_at == int(NOW)
        assert await desk.service.access.principal_of_bearer(token) is None
        desk.time += 1
        assert await there.access.principal_of_bearer(token) is None
        again = await desk.service.tokens.revoke(row.id, NODE)
        assert again.revoked_at == int(NOW)
        assert await made(desk) != token

    at_desk(database_url, work)


def test_an_owner_revokes_anybodys(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        token = await made(desk)
        [row] = await desk.service.tokens.of()
        await desk.service.tokens.revoke(row.id, at_console("olivia", Role.OWNER))
        assert await desk.service.access.principal_of_bearer(token) is None
        [done] = await desk.audit("token.revoke")
        assert (done.actor, done.detail["operator"]) == ("olivia", "alice")

    at_desk(database_url, work)


def test_the_node_says_whose_a_token_is_to_be(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        tokens = desk.service.tokens
        await desk.add("alice")
        with pytest.raises(OperatorInvalid):
            await tokens.make(NODE, "ci", [Scope.CONFIG_READ], 1)
        with pytest.raises(OperatorUnknown):
            await tokens.make(NODE, "ci", [Scope.CONFIG_READ], 1, owner="nobody")
        with pytest.raises(OperatorInvalid):  # alice could not use it
            await tokens.make(NODE, "ci", [Scope.KEYS_WRITE], 1, owner="alice")
        token, row = await tokens.make(NODE, "ci", [Scope.CONFIG_READ], 1, owner="Alice")
        assert row.owner == "alice"
        assert await desk.service.access.principal_of_bearer(token.reveal()) is not None
        await desk.service.accounts.disable("alice", by="test")
        with pytest.raises(OperatorUnknown):
            await tokens.make(NODE, "more", [Scope.CONFIG_READ], 1, owner="alice")

    at_desk(database_url, work)


def test_use_is_written_down_once_a_minute(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        token = await made(desk)
        used = []
        for seconds in (0, 2, 59, 60, 61, 121):
            desk.time = NOW + seconds
            await desk.service.access.principal_of_bearer(token)
            [row] = await desk.service.tokens.of()
            used.append(row.last_used_at - int(NOW))
        assert used == [0, 0, 0, 60, 60, 121]

    at_desk(database_url, work)
