"""Own accounts: made, proven, changed; and nothing that tells a stranger who has one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from sqlalchemy import event, insert, select, update

from menshen.config.user_rules import AccountRules, Callout
from menshen.errors import AccountTaken, CallMalformed, NotBound, PasswordWeak, RegistrationClosed
from menshen.secret import Secret
from menshen.sessions.claims import SessionClaims
from menshen.sessions.records import NewSession, SessionRecords
from menshen.storage.accounts import add_accounts
from menshen.storage.audit import list_audit
from menshen.storage.database import Database
from menshen.storage.tables import accounts, users
from menshen.users.accounts import OwnAccounts
from menshen.users.entering import ProvenAccount
from menshen.users.passwords import Passwords
from tests.storage.conftest import opened

RULES = AccountRules(registration=True)
GOOD, OTHER = Secret("correct horse battery"), Secret("another horse entirely")
NOW = 1_800_000_000


class Watched(Passwords):
    """Notes how often Argon2 compares."""

    compared = 0

    def _verified(self, password_hash: str, password: Secret) -> bool:
        self.compared += 1
        return super()._verified(password_hash, password)


def own_accounts(database: Database, passwords: Passwords | None = None) -> OwnAccounts:
    return OwnAccounts(database, passwords or Passwords(memory_kib=64, time_cost=1), lambda: NOW + 0.5)


def on_accounts(url: str, work: Callable[[OwnAccounts, Database], Awaitable[None]]) -> None:
    async def main() -> None:
        async with opened(url) as database:
            await work(own_accounts(database), database)

    asyncio.run(main())


async def register(own: OwnAccounts, database: Database, name: str, password: Secret = GOOD) -> bool:
    """As a login does; whether the account was made."""
    return await database.write(add_accounts, await own.asked_for(RULES, name, password))


async def bind(database: Database, name: str, uid: str) -> None:
    async with database.writing() as connection:
        await connection.execute(insert(users).values(uid=uid, created_at=1))
        await connection.execute(update(accounts).where(accounts.c.name == name).values(uid=uid))


def test_registered_and_proven(database_url: str) -> None:
    async def work(own: OwnAccounts, database: Database) -> None:
        alice = ProvenAccount("own", "alice", "Alice")
        assert await register(own, database, "Alice")
        assert await own.prove("aLICE", GOOD) == alice
        assert await own.prove("alice", OTHER) is None
        assert await own.prove("alicf", GOOD) is None
        assert await own.prove("álice", GOOD) is None
        assert await own.prove("", GOOD) is None
        row = await own.find("ALICE")
        assert (row.uid, row.created_at, row.changed_at) == (None, NOW, NOW)
        assert GOOD.reveal() not in row.password_hash

    on_accounts(database_url, work)


def test_what_is_not_registered(database_url: str) -> None:
    async def work(own: OwnAccounts, database: Database) -> None:
        await register(own, database, "alice")
        with pytest.raises(AccountTaken):
            await own.asked_for(RULES, "ALICE", OTHER)
        with pytest.raises(RegistrationClosed):
            await own.asked_for(replace(RULES, registration=False), "bob", GOOD)
        with pytest.raises(RegistrationClosed):
            await own.asked_for(replace(RULES, verifier=Callout("http://127.0.0.1:9", GOOD)), "bob", GOOD)
        with pytest.raises(PasswordWeak):
            await own.asked_for(replace(RULES, password_min_length=22), "bob", GOOD)
        with pytest.raises(CallMalformed):
            await own.asked_for(RULES, "bob smith", GOOD)
        async with database.reading() as connection:
            assert (await connection.execute(select(accounts.c.name))).scalars().all() == ["alice"]
        assert await own.prove("alice", OTHER) is None

    on_accounts(database_url, work)


def test_of_parallel_registrations_one_has_the_name(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as one, opened(database_url) as two:
            secrets = [Secret(f"password number {n}") for n in range(10)]
            made = await asyncio.gather(
                *(
                    register(own_accounts(database), database, "alice", secret)
                    for database, secret in zip([one, two] * 5, secrets, strict=True)
                ),
                return_exceptions=True,
            )
            # Too late for the key of the table, or already for the look at it.
            assert made.count(True) == 1
            assert all(each in (True, False) or isinstance(each, AccountTaken) for each in made)
            proven = [await own_accounts(one).prove("alice", secret) for secret in secrets]
            assert [each is not None for each in proven] == [each is True for each in made]

    asyncio.run(main())


@pytest.mark.parametrize("username", ["alice", "nobody", "n", "no such name", "\ud800"])
def test_the_same_work_for_who_is_known_and_who_is_not(username: str, database_url: str) -> None:
    """Not measured by a clock: the same statements are sent, and Argon2 compares once."""

    async def main() -> None:
        async with opened(database_url) as database:
            passwords = Watched(memory_kib=64, time_cost=1)
            own = own_accounts(database, passwords)
            await register(own, database, "alice")
            statements: list[str] = []
            event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *said: statements.append(said[2]))
            assert await own.prove("alice", OTHER) is None
            known, compared = list(statements), passwords.compared
            del statements[:]
            assert await own.prove(username, OTHER) is None
            assert statements == known
            assert (compared, passwords.compared) == (1, 2)

    asyncio.run(main())


def test_a_hash_grows_with_the_parameters(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as database:
            old = own_accounts(database)
            await register(old, database, "alice")
            before = (await old.find("alice")).password_hash
            grown = own_accounts(database, Passwords(memory_kib=128, time_cost=1))
            assert await grown.prove("alice", OTHER) is None
            assert (await old.find("alice")).password_hash == before
            assert await grown.prove("alice", GOOD) is not None
            after = (await old.find("alice")).password_hash
            assert ("m=64," in before, "m=128," in after) == (True, True)
            assert await grown.prove("alice", GOOD) is not None
            assert (await old.find("alice")).password_hash == after

    asyncio.run(main())


def test_a_new_password_takes_the_place_of_the_old_and_ends_the_users_other_sessions(database_url: str) -> None:
    async def work(own: OwnAccounts, database: Database) -> None:
        await register(own, database, "alice")
        await bind(database, "alice", "u1")
        records = SessionRecords(database, lambda: NOW)
        for n, uid in enumerate(["u1", "u1", "u1", "u2"]):
            claims = SessionClaims(uid, f"s{n}", "wechat", "wx1", "o", "", NOW, NOW + 60, NOW, NOW + 60, 60)
            await records.open(NewSession(claims, "sealed", "shop-login"))
        account = await own.of("u1")
        assert await own.set_password(RULES, account, OTHER, keep_sid="s1") == 2
        assert await own.prove("alice", GOOD) is None
        assert await own.prove("alice", OTHER) is not None
        live = [record.sid for record in await records.list(live=True, limit=9)]
        assert sorted(live) == ["s1", "s3"]
        async with database.reading() as connection:
            (found,) = await list_audit(connection, uid="u1")
        assert (found.row.action, found.row.actor, found.row.detail) == ("account.password", "user", {})

    on_accounts(database_url, work)


def test_a_weak_password_changes_nothing(database_url: str) -> None:
    async def work(own: OwnAccounts, database: Database) -> None:
        await register(own, database, "alice")
        account = await own.find("alice")
        with pytest.raises(PasswordWeak):
            await own.set_password(RULES, account, Secret("password1"))
        with pytest.raises(NotBound):
            await own.set_password(RULES, replace(account, name="bob"), OTHER)
        assert await own.find("alice") == account

    on_accounts(database_url, work)


def test_who_has_no_own_account(database_url: str) -> None:
    async def work(own: OwnAccounts, database: Database) -> None:
        await register(own, database, "alice")
        await bind(database, "alice", "u1")
        async with database.writing() as connection:
            await connection.execute(insert(users).values(uid="u2", created_at=1))
            await connection.execute(
                insert(accounts).values(
                    source="verifier", name="E1", uid="u2", shown="E1", password_hash="", created_at=1, changed_at=1
                )
            )
        assert (await own.of("u1")).name == "alice"
        for uid in ("u2", "u3", ""):
            with pytest.raises(NotBound):
                await own.of(uid)
        with pytest.raises(NotBound):
            await own.find("E1")

    on_accounts(database_url, work)


def test_an_operators_doing_is_written_down(database_url: str) -> None:
    async def work(own: OwnAccounts, database: Database) -> None:
        await own.add(replace(RULES, registration=False), "alice", GOOD, by="root")
        with pytest.raises(AccountTaken):
            await own.add(RULES, "alice", GOOD, by="root")
        await register(own, database, "bob")
        async with database.reading() as connection:
            found = await list_audit(connection)
        assert [(each.row.action, each.row.actor) for each in found] == [("account.add", "root")]

    on_accounts(database_url, work)
