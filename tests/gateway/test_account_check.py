"""Checking an account, Menshen's own or the team's: the same lock-out, and no word on who exists."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from menshen.config.user_rules import AccountRules
from menshen.errors import (
    AccountLocked,
    AccountRefused,
    AccountTaken,
    Refusal,
    RegistrationClosed,
    VerifierUnavailable,
)
from menshen.gateway.account_check import AccountCheck
from menshen.secret import Secret
from menshen.storage.database import Database
from menshen.storage.digests import KeyedDigest
from menshen.users.accounts import OwnAccounts
from menshen.users.entering import ProvenAccount
from menshen.users.lockouts import Lockouts
from menshen.users.passwords import Passwords
from tests.callouts.service import APP, NOW, Service, calling
from tests.platforms.wire import http
from tests.storage.conftest import opened

RULES = AccountRules(lock_after=3, lock_minutes=10)
GOOD, WRONG = Secret("correct horse battery"), Secret("wrong horse battery")


class Watched(Passwords):
    compared = 0

    def _verified(self, password_hash: str, password: Secret) -> bool:
        self.compared += 1
        return super()._verified(password_hash, password)


def team(question: dict[str, str]) -> Any:
    """A team's verifier: one account, and it does not care for case."""
    good = (question["username"].lower(), question["password"]) == ("alice", GOOD.reveal())
    return {"account": "E10086" if good else None}


@asynccontextmanager
async def checking(url: str, answer: Any = team) -> AsyncIterator[tuple[AccountCheck, Service, Watched, Database]]:
    async with opened(url) as database, calling(answer) as (service, callouts):
        passwords = Watched(memory_kib=64, time_cost=1)
        own = OwnAccounts(database, passwords, lambda: NOW)
        await own.add(RULES, "Alice", GOOD, by="root")
        lockouts = Lockouts(database, KeyedDigest(b"k" * 32, "account-failures"))
        yield AccountCheck(own, lockouts, callouts), service, passwords, database


async def refusal(check: AccountCheck, rules: AccountRules, username: str, password: Secret, now: float = NOW) -> Any:
    """What a client could tell one refusal from another by."""
    with pytest.raises(Refusal) as raised:
        await check.check(rules, username, password, APP, now)
    refused = raised.value
    return type(refused), refused.detail, refused.retry_after


def test_own_accounts(database_url: str) -> None:
    async def main() -> None:
        async with checking(database_url) as (check, service, _, _database):
            for username in ("alice", "ALICE"):
                proven = await check.check(RULES, username, GOOD, APP, NOW)
                assert proven == ProvenAccount("own", "alice", "Alice")
            assert service.calls == []

    asyncio.run(main())


def test_the_teams_accounts(database_url: str) -> None:
    async def main() -> None:
        async with checking(database_url) as (check, service, passwords, _):
            rules = replace(RULES, verifier=service.callout)
            proven = await check.check(rules, "Alice", GOOD, APP, NOW)
            assert proven == ProvenAccount("verifier", "E10086", "E10086")
            assert (await refusal(check, rules, "Alice", WRONG))[0] is AccountRefused
            assert [call.json["username"] for call in service.calls] == ["Alice", "Alice"]
            assert passwords.compared == 0
            # An own account's owner may still change its password.
            assert (await check.check_own(rules, "alice", GOOD, NOW)).source == "own"

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["own", "verifier"])
def test_known_and_unknown_names_look_alike_to_the_end(kind: str, database_url: str) -> None:
    """Same answers, same statements, same Argon2 or call: until the lock, at the lock, and after it."""

    async def story(check: AccountCheck, rules: AccountRules, username: str, statements: list[str]) -> Any:
        del statements[:]
        answers = [await refusal(check, rules, username, WRONG, NOW + n) for n in range(5)]
        answers.append(await refusal(check, rules, username, WRONG, NOW + 700))
        return answers, list(statements)

    async def main() -> None:
        async with checking(database_url) as (check, service, passwords, database):
            rules = replace(RULES, verifier=service.callout) if kind == "verifier" else RULES
            statements: list[str] = []
            event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *said: statements.append(said[2]))
            work = []
            told = []
            for username in ("alice", "nobody"):
                told.append(await story(check, rules, username, statements))
                work.append((passwords.compared, len(service.calls)))
            assert told[0] == told[1]
            assert [kind for kind, _, _ in told[0][0]] == [AccountRefused] * 3 + [AccountLocked] * 2 + [AccountRefused]
            done = (4, 0) if kind == "own" else (0, 4)
            assert work == [done, tuple(2 * each for each in done)]

    asyncio.run(main())


def test_no_spelling_walks_round_the_lock_of_a_verifier_that_folds(database_url: str) -> None:
    """Attack class 32."""

    async def main() -> None:
        async with checking(database_url) as (check, service, _, _database):
            rules = replace(RULES, verifier=service.callout)
            for username in ("alice", "ALICE", "aLice"):
                assert (await refusal(check, rules, username, WRONG))[0] is AccountRefused
            for username in ("Alice", "ａlice", "alicé", " alice", "alice\u200b"):
                assert (await refusal(check, rules, username, GOOD))[0] is AccountLocked
            assert len(service.calls) == 3

    asyncio.run(main())


@pytest.mark.parametrize("username", ["", " alice", "alice\n", "al\u200bice", "x" * 129, "\ud800"])
def test_a_verifier_is_not_asked_about_what_is_no_name(username: str, database_url: str) -> None:
    async def main() -> None:
        async with checking(database_url) as (check, service, _, _database):
            rules = replace(RULES, verifier=service.callout)
            assert (await refusal(check, rules, username, GOOD))[0] is AccountRefused
            assert service.calls == []

    asyncio.run(main())


def test_a_verifier_that_is_away_locks_nobody_out(database_url: str) -> None:
    async def main() -> None:
        answers: list[Any] = [http(b"", status="503 Away")] * 8 + [{"account": "E10086"}]
        async with checking(database_url, lambda _: answers.pop(0)) as (check, service, _, _database):
            rules = replace(RULES, verifier=service.callout)
            for _n in range(8):
                assert (await refusal(check, rules, "alice", GOOD))[0] is VerifierUnavailable
            assert (await check.check(rules, "alice", GOOD, APP, NOW)).name == "E10086"

    asyncio.run(main())


def test_what_a_registration_asks_for(database_url: str) -> None:
    async def main() -> None:
        async with checking(database_url) as (check, service, _, _database):
            rules = replace(RULES, registration=True)
            row = await check.new_account(rules, "Bob", GOOD)
            assert (row.source, row.name, row.shown, row.uid) == ("own", "bob", "Bob", None)
            assert (await refusal(check, RULES, "bob", GOOD))[0] is AccountRefused  # made by the login, not here
            with pytest.raises(AccountTaken):
                await check.new_account(rules, "ALICE", GOOD)
            for closed in (RULES, replace(rules, verifier=service.callout)):
                with pytest.raises(RegistrationClosed):
                    await check.new_account(closed, "bob", GOOD)

    asyncio.run(main())


def test_an_owner_who_has_shown_himself_otherwise_is_unlocked(database_url: str) -> None:
    async def main() -> None:
        async with checking(database_url) as (check, _, _passwords, _database):
            for _n in range(4):
                kind, _, _ = await refusal(check, RULES, "alice", WRONG)
            assert kind is AccountLocked
            await check.unlock_own("alice")
            assert (await check.check(RULES, "alice", GOOD, APP, NOW)).name == "alice"

    asyncio.run(main())


def test_parallel_guesses_are_three(database_url: str) -> None:
    async def main() -> None:
        async with checking(database_url) as (check, _, passwords, _database):
            guesses = [Secret(f"guess number {n}") for n in range(20)] + [GOOD]
            kinds = await asyncio.gather(*(refusal(check, RULES, "alice", guess) for guess in guesses))
            assert [kind for kind, _, _ in kinds].count(AccountRefused) == 3
            assert passwords.compared == 3

    asyncio.run(main())
