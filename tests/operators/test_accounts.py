"""Operators: names, roles, passwords; the last owner stays; what was done stands in the audit log."""

from __future__ import annotations

import asyncio

import pytest

from menshen.errors import (
    AccountLocked,
    AccountRefused,
    OperatorConflict,
    OperatorInvalid,
    OperatorUnknown,
    PasswordWeak,
)
from menshen.operators.accounts import role_of
from menshen.operators.roles import SCOPES_OF, Role, Scope
from menshen.secret import Secret
from tests.operators.desk import OTHER, PASSWORD, WRONG, Desk, at_desk


def test_an_operator_is_made_once_whatever_the_case(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        made = await desk.service.accounts.add("Alice", Role.VIEWER, PASSWORD, by="test")
        assert (made.name, made.shown, made.role) == ("alice", "Alice", "viewer")
        with pytest.raises(OperatorConflict):
            await desk.service.accounts.add("ALICE", Role.OWNER, PASSWORD, by="test")
        [row] = await desk.service.accounts.all()
        assert row == made
        assert PASSWORD.reveal() not in repr(row)
        [done] = await desk.audit()
        assert (done.actor, done.action, done.detail) == (
            "test",
            "operator.add",
            {"operator": "alice", "role": "viewer"},
        )

    at_desk(database_url, work)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "a" * 65,
        "al ice",
        "аlice",
        "alice\n",
        "<script>",
        "../etc",
        "a/b",
        "admin",
        "Admin",
        "user",
        "cli:root",
    ],
)
def test_class_50_a_hostile_or_misleading_name_is_no_operators(name: str, database_url: str) -> None:
    """ "admin" and "user" stand for others in the audit log; "/" parts an owner from a token there."""

    async def work(desk: Desk) -> None:
        with pytest.raises(OperatorInvalid) as raised:
            await desk.service.accounts.add(name, Role.VIEWER, PASSWORD, by="test")
        assert raised.value.message_zh
        with pytest.raises(OperatorUnknown):
            await desk.service.accounts.get(name)
        assert await desk.service.accounts.all() == []

    at_desk(database_url, work)


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "alice@example.com", "x" * 257])
def test_a_weak_password_is_nobodys(password: str, database_url: str) -> None:
    async def work(desk: Desk) -> None:
        with pytest.raises(PasswordWeak):
            await desk.service.accounts.add("alice@example.com", Role.VIEWER, Secret(password), by="test")
        await desk.add("alice@example.com")
        with pytest.raises(PasswordWeak):
            await desk.service.accounts.set_password("alice@example.com", Secret(password), by="test")

    at_desk(database_url, work)


def test_the_last_owner_is_neither_demoted_nor_disabled(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        accounts = desk.service.accounts
        await desk.add("alice", Role.OWNER)
        await desk.add("bob", Role.OWNER)
        await accounts.disable("bob", by="alice")
        for attempt in (accounts.disable("alice", by="alice"), accounts.set_role("alice", Role.VIEWER, by="alice")):
            with pytest.raises(OperatorConflict):
                await attempt
        await accounts.enable("bob", by="alice")
        await accounts.set_role("alice", Role.VIEWER, by="bob")
        with pytest.raises(OperatorConflict):
            await accounts.disable("bob", by="bob")
        assert [(row.name, row.role, row.disabled) for row in await accounts.all()] == [
            ("alice", "viewer", False),
            ("bob", "owner", False),
        ]
        changes = [(row.action, row.actor) for row in await desk.audit() if row.action != "operator.add"]
        assert changes == [("operator.disable", "alice"), ("operator.enable", "alice"), ("operator.role", "bob")]

    at_desk(database_url, work)


def test_two_owners_who_demote_each_other_at_once_leave_one(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        for _ in range(5):
            for name in ("alice", "bob"):
                try:
                    await desk.add(name, Role.OWNER)
                except OperatorConflict:
                    await desk.service.accounts.set_role(name, Role.OWNER, by="test")
            others = (desk.service, desk.another())
            outcomes = await asyncio.gather(
                *(
                    service.accounts.set_role(name, Role.VIEWER, by="test")
                    for service, name in zip(others, ("alice", "bob"), strict=True)
                ),
                return_exceptions=True,
            )
            assert [type(each) for each in outcomes if isinstance(each, Exception)] == [OperatorConflict]
            assert [row.role for row in await desk.service.accounts.all()].count("owner") == 1

    at_desk(database_url, work)


def test_a_new_password_ends_sessions_and_opens_locks(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        cookies = [await desk.log_in("alice") for _ in range(2)]
        for _ in range(5):
            with pytest.raises(AccountRefused):
                await desk.log_in("alice", WRONG)
        with pytest.raises(AccountLocked):
            await desk.log_in("alice")
        assert await desk.service.accounts.set_password("alice", OTHER, by="bob") == 2
        assert [await desk.service.access.visit(cookie) for cookie in cookies] == [None, None]
        assert await desk.log_in("alice", OTHER)
        with pytest.raises(AccountRefused):
            await desk.log_in("alice", PASSWORD)
        assert [row.actor for row in await desk.audit("operator.password")] == ["bob"]

    at_desk(database_url, work)


def test_class_50_an_open_console_is_not_enough_to_change_the_password(database_url: str) -> None:
    async def work(desk: Desk) -> None:
        await desk.add("alice")
        for _ in range(5):
            with pytest.raises(AccountRefused):
                await desk.service.accounts.change_own_password("alice", WRONG, OTHER)
        looked = desk.passwords.looked
        with pytest.raises(AccountLocked):
            await desk.service.accounts.change_own_password("alice", PASSWORD, OTHER)
        assert desk.passwords.looked == looked
        desk.time += 61
        await desk.service.accounts.change_own_password("alice", PASSWORD, OTHER)
        assert await desk.log_in("alice", OTHER)

    at_desk(database_url, work)


def test_roles_have_names_and_each_may_what_the_one_before_may() -> None:
    assert role_of("owner") is Role.OWNER
    for text in ("", "Owner", "root"):
        with pytest.raises(OperatorInvalid):
            role_of(text)
    viewer, operator, owner = (SCOPES_OF[role] for role in Role)
    assert viewer < operator < owner == frozenset(Scope)
    assert not {scope for scope in viewer if scope.endswith(":write")}
    assert not operator & {Scope.OPERATORS_WRITE, Scope.KEYS_WRITE, Scope.APPS_USE}
