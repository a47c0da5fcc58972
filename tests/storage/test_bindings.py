"""What is bound to a user, what ends with it, and which session still stands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import insert, select

from menshen.storage.bindings import (
    Bound,
    IdentityRow,
    end_account_sessions,
    end_identity_sessions,
    end_phone_sessions,
    find_bound,
    free_account,
    free_identity,
    session_stands,
)
from menshen.storage.revocations import in_order
from menshen.storage.tables import accounts, identities, phones
from tests.storage.conftest import opened
from tests.storage.session_samples import NOW, Sessions


def on(url: str, work: Callable[[Sessions], Awaitable[None]]) -> None:
    """With u1, who has two identities, an account and a number, and u2, who has an identity."""

    async def main() -> None:
        async with opened(url) as database:
            some = Sessions(database)
            for uid in ("u1", "u2"):
                await some.add_user(uid)
            rows = [("u1", "wx1", "open-u1"), ("u1", "wx2", "other"), ("u2", "wx1", "open-u2")]
            async with database.writing() as connection:
                for uid, appid, openid in rows:
                    row = {"uid": uid, "platform": "wechat", "appid": appid, "openid": openid, "unionid": ""}
                    row |= {"sealed_session_key": "planted-sealed-key", "created_at": 3, "last_login_at": 4}
                    await connection.execute(insert(identities), [row])
                account = {"source": "own", "name": "ming", "uid": "u1", "shown": "Ming", "password_hash": "planted"}
                await connection.execute(insert(accounts), [account | {"created_at": 1, "changed_at": 1}])
                phone = {"digest": "d1", "uid": "u1", "sealed_number": "s", "tail": "6666", "bound_at": 1}
                await connection.execute(insert(phones), [phone])
            await work(some)

    asyncio.run(main())


async def bound_to(some: Sessions, uid: str) -> Bound:
    async with some.database.reading() as connection:
        return await find_bound(connection, uid)


async def change(some: Sessions, call: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    async with some.database.writing() as connection:
        await in_order(connection)
        return await call(connection, *arguments)


def test_everything_that_is_bound_is_found_without_its_secrets(database_url: str) -> None:
    async def work(some: Sessions) -> None:
        bound = await bound_to(some, "u1")
        assert [(each.appid, each.openid, each.created_at, each.last_login_at) for each in bound.identities] == [
            ("wx1", "open-u1", 3, 4),
            ("wx2", "other", 3, 4),
        ]
        assert bound.account is not None
        assert bound.phone is not None
        assert (bound.account.name, bound.account.shown, bound.phone.digest) == ("ming", "Ming", "d1")
        assert "planted" not in repr(bound)
        assert await bound_to(some, "nobody") == Bound()

    on(database_url, work)


def test_nobody_frees_what_is_anothers(database_url: str) -> None:
    async def work(some: Sessions) -> None:
        (theirs,) = (await bound_to(some, "u2")).identities
        await change(some, free_identity, "u1", theirs.id)
        await change(some, free_account, "u2", 9)
        assert (await bound_to(some, "u2")).identities == (theirs,)
        assert (await bound_to(some, "u1")).account is not None

    on(database_url, work)


def test_an_own_account_stays_as_nobodys(database_url: str) -> None:
    async def work(some: Sessions) -> None:
        await change(some, free_account, "u1", 9)
        assert (await bound_to(some, "u1")).account is None
        async with some.database.reading() as connection:
            row = (await connection.execute(select(accounts))).one()
        assert (row.uid, row.password_hash, row.changed_at) == (None, "planted", 9)

    on(database_url, work)


def test_what_carries_a_thing_ends_with_it_and_nothing_else(database_url: str) -> None:
    async def work(some: Sessions) -> None:
        here, there = await some.log_in(), await some.log_in(app=("wechat", "wx2"))
        other = await some.log_in("u2")
        identity = IdentityRow(1, "wechat", "wx1", "open-u1", 1, 1)
        assert await change(some, end_identity_sessions, "u1", identity, NOW) == 1
        assert await some.why(here, there, other) == ["unbound", "", ""]
        assert await change(some, end_account_sessions, "u1", "ming", NOW) == 0
        assert await change(some, end_phone_sessions, "u1", NOW) == 0
        assert set(await some.revoked()) == {here}

    on(database_url, work)


def test_a_session_stands_until_somebody_ends_it(database_url: str) -> None:
    async def work(some: Sessions) -> None:
        ended, covered, stays = await some.log_in(), await some.log_in(app=("wechat", "wx2")), await some.log_in()
        for sid in (ended, covered, stays):
            assert await change(some, session_stands, "u1", sid)
        assert not await change(some, session_stands, "u2", stays)
        assert not await change(some, session_stands, "u1", "unknown")
        await some.records.end([ended], "logout")
        await some.records.end_app("wechat", "wx2")
        stand = [await change(some, session_stands, "u1", sid) for sid in (ended, covered, stays)]
        assert stand == [False, False, True]

    on(database_url, work)
