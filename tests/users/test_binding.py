"""Binding and unbinding within a transaction: a refusal has written nothing, so others of the transaction go on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.errors import (
    AccountRefused,
    AccountTaken,
    AlreadyBound,
    IdentityConflict,
    LastWayIn,
    NotBound,
    PhoneTaken,
    Refusal,
)
from menshen.storage.identities import IdentityKey, SeenIdentity
from menshen.storage.revocations import in_order
from menshen.storage.tables import accounts, identities, phones
from menshen.users.binding import (
    Unbound,
    bind_account,
    bind_identity,
    bind_phone,
    names_of,
    unbind_account,
    unbind_identity,
    unbind_phone,
)
from menshen.users.entering import ProvenAccount, ProvenPhone
from menshen.users.ways_in import DoorsOpen
from tests.storage.session_samples import NOW
from tests.users.people import People, on_people

Act = Callable[[AsyncConnection], Awaitable[Any]]

DOORS = DoorsOpen(frozenset({("wechat", "wx1")}), "own", True)
CLOSED = DoorsOpen(frozenset(), "verifier", False)


def seen(openid: str, unionid: str = "", appid: str = "wx1") -> SeenIdentity:
    return SeenIdentity(IdentityKey("wechat", appid, openid), unionid, "new-sealed-key", NOW)


def phone(digest: str) -> ProvenPhone:
    return ProvenPhone(digest, "sealed", "6666")


async def crowd(people: People) -> None:
    """u1 has everything, u2 one identity, u3 nothing."""
    await people.add("u1", openids=("o1",), account="ming", phone="d1")
    await people.add("u2", openids=("o2",))
    await people.add("u3")


async def run(people: People, act: Act) -> tuple[Any, list[str]]:
    """What it answers or refuses, and the statements that wrote something."""
    wrote: list[str] = []

    def keep(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            wrote.append(statement)

    engine = people.database.engine.sync_engine
    async with people.database.writing() as connection:
        await in_order(connection)
        event.listen(engine, "before_cursor_execute", keep)
        try:
            return await act(connection), wrote
        except Refusal as refusal:
            return refusal, wrote
        finally:
            event.remove(engine, "before_cursor_execute", keep)


REFUSED: dict[str, tuple[Act, type[Refusal]]] = {
    "an identity of another": (lambda c: bind_identity(c, "u1", seen("o2"), True), IdentityConflict),
    "a unionid of another": (lambda c: bind_identity(c, "u3", seen("o9", "union", "wx2"), True), IdentityConflict),
    "an account of another": (
        lambda c: bind_account(c, "u2", ProvenAccount("own", "ming", "Ming"), NOW),
        AccountTaken,
    ),
    "a second account": (lambda c: bind_account(c, "u1", ProvenAccount("verifier", "x", "x"), NOW), AlreadyBound),
    "a number of another": (lambda c: bind_phone(c, "u2", phone("d1"), NOW), PhoneTaken),
    "a second number": (lambda c: bind_phone(c, "u1", phone("d2"), NOW), AlreadyBound),
    "an identity that is not there": (lambda c: unbind_identity(c, "u2", 0, DOORS, NOW), NotBound),
    "an account that is not there": (lambda c: unbind_account(c, "u2", DOORS, NOW), NotBound),
    "a number that is not there": (lambda c: unbind_phone(c, "u2", DOORS, NOW), NotBound),
    "the last account that leads in": (lambda c: unbind_account(c, "u1", CLOSED, NOW), LastWayIn),
    "the last number that leads in": (lambda c: unbind_phone(c, "u1", CLOSED, NOW), LastWayIn),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_has_written_nothing(database_url: str, name: str) -> None:
    act, kind = REFUSED[name]

    async def work(people: People) -> None:
        await crowd(people)
        answer, wrote = await run(people, act)
        assert type(answer) is kind
        assert wrote == []

    on_people(database_url, work)


def test_what_is_bound_already_is_said_so_and_an_identity_gets_its_newest_key(database_url: str) -> None:
    async def work(people: People) -> None:
        await crowd(people)
        account = ProvenAccount("own", "ming", "Ming")
        assert await run(people, lambda c: bind_account(c, "u1", account, NOW)) == (False, [])
        assert await run(people, lambda c: bind_phone(c, "u1", phone("d1"), NOW)) == (False, [])
        bound, _ = await run(people, lambda c: bind_identity(c, "u1", seen("o1"), False))
        assert bound is False
        assert [row["sealed_session_key"] for row in await people.rows(identities, uid="u1")] == ["new-sealed-key"]

    on_people(database_url, work)


def test_everything_goes_to_who_has_nothing_and_back(database_url: str) -> None:
    async def work(people: People) -> None:
        await people.add("u3")
        account = ProvenAccount("verifier", "staff-7", "Staff-7")
        for act in (
            lambda c: bind_identity(c, "u3", seen("o3", "union-3"), True),
            lambda c: bind_account(c, "u3", account, NOW),
            lambda c: bind_phone(c, "u3", phone("d3"), NOW),
        ):
            assert (await run(people, act))[0] is True
        (identity,) = await people.rows(identities)
        assert (identity["uid"], identity["unionid"], identity["created_at"]) == ("u3", "union-3", NOW)
        (row,) = await people.rows(accounts)
        assert (row["uid"], row["shown"], row["password_hash"]) == ("u3", "Staff-7", "")
        assert [row["uid"] for row in await people.rows(phones)] == ["u3"]
        assert (await run(people, lambda c: unbind_phone(c, "u3", DOORS, NOW)))[0] == Unbound(0)
        assert (await run(people, lambda c: unbind_account(c, "u3", DOORS, NOW)))[0] == Unbound(0)
        refused, _ = await run(people, lambda c: unbind_identity(c, "u3", identity["id"], DOORS, NOW))
        assert type(refused) is LastWayIn

    on_people(database_url, work)


def test_an_own_account_that_was_deleted_since_is_nobodys_to_bind(database_url: str) -> None:
    async def work(people: People) -> None:
        await people.add("u3")
        refused, _ = await run(people, lambda c: bind_account(c, "u3", ProvenAccount("own", "gone", "Gone"), NOW))
        assert type(refused) is AccountRefused
        assert await people.rows(accounts) == []

    on_people(database_url, work)


def test_the_names_that_are_claimed_for_an_identity() -> None:
    assert names_of(seen("o1", "union"), True) == ["identity/wechat/wx1/o1", "unionid/wechat/union"]
    assert names_of(seen("o1", "union"), False) == names_of(seen("o1"), True) == ["identity/wechat/wx1/o1"]
