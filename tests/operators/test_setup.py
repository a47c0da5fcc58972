"""The first owner: with the token of this start, once, however many try at once."""

from __future__ import annotations

import asyncio

import pytest

from menshen.errors import OperatorConflict, OperatorInvalid, PasswordWeak
from menshen.operators.roles import Role
from menshen.secret import Secret
from menshen.storage.operators import OperatorRow
from tests.operators.desk import PASSWORD, Desk, at_desk


def test_the_token_makes_one_owner(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        setup = desk.service.setup
        token = await setup.begin()
        assert token is not None
        assert len(token.reveal()) >= 43
        assert await setup.open()
        owner = await setup.first_owner(token.reveal(), "Alice", PASSWORD)
        assert (owner.name, owner.role) == ("alice", "owner")
        assert not await setup.open()
        assert await desk.log_in("alice")
        with pytest.raises(OperatorConflict):
            await setup.first_owner(token.reveal(), "mallory", PASSWORD)
        assert await setup.begin() is None
        assert [row.name for row in await desk.service.accounts.all()] == ["alice"]
        [done, _] = await desk.audit()
        assert (done.action, done.actor) == ("operator.setup", "alice")

    at_desk(database_url, work)


def test_a_wrong_token_makes_nobody_and_costs_no_hashing(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        setup = desk.service.setup
        with pytest.raises(OperatorInvalid):  # before there is one
            await setup.first_owner("", "mallory", PASSWORD)
        old = await setup.begin()
        new = await setup.begin()
        assert old is not None
        assert new is not None
        assert old != new
        hashed = []
        desk.passwords.hashed = hashed.append  # type: ignore[method-assign, assignment]
        for wrong in (
            "",
            "x",
            old.reveal(),
            new.reveal() + "x",
            new.reveal()[:-1],
            new.reveal().upper(),
            "令牌",
            "\udc80",
        ):
            with pytest.raises(OperatorInvalid):
                await setup.first_owner(wrong, "mallory", PASSWORD)
        assert hashed == []
        assert await desk.service.accounts.all() == []

    at_desk(database_url, work)


def test_a_refused_password_does_not_use_the_token_up(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        token = await desk.service.setup.begin()
        assert token is not None
        with pytest.raises(PasswordWeak):
            await desk.service.setup.first_owner(token.reveal(), "alice", Secret("short"))
        assert (await desk.service.setup.first_owner(token.reveal(), "alice", PASSWORD)).name == "alice"

    at_desk(database_url, work)


def test_set_ups_that_race_make_one_owner(database_url: str) -> None:
    """Of one node and of two that share the database, each with its own token."""

    async def work(desk: Desk) -> None:
        nodes = [desk.service.setup, desk.another().setup]
        tokens = [await node.begin() for node in nodes]
        tries = [
            node.first_owner(token.reveal(), f"owner-{number}-{each}", PASSWORD)
            for number, (node, token) in enumerate(zip(nodes, tokens, strict=True))
            if token is not None
            for each in range(5)
        ]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        assert len([each for each in outcomes if isinstance(each, OperatorRow)]) == 1
        assert {type(each) for each in outcomes} == {OperatorRow, OperatorConflict}
        assert len(await desk.service.accounts.all()) == 1

    at_desk(database_url, work)


def test_set_up_is_not_open_to_whoever_finds_an_operator_that_is_no_owner(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("bob", Role.OPERATOR)
        assert await desk.service.setup.open()
        token = await desk.service.setup.begin()
        assert token is not None
        with pytest.raises(OperatorConflict):
            await desk.service.setup.first_owner(token.reveal(), "bob", PASSWORD)
        await desk.service.accounts.set_role("bob", Role.OWNER, by="cli:root")
        with pytest.raises(OperatorConflict):
            await desk.service.setup.first_owner(token.reveal(), "mallory", PASSWORD)

    at_desk(database_url, work)
