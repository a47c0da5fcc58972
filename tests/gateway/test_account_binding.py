"""Binding a business account with its password: as safe against guessing as a login."""

from __future__ import annotations

import pytest

from menshen.config.user_rules import AccountRules, LimitRules, RateRule
from menshen.errors import AccountLocked, AccountRefused, AccountTaken, AlreadyBound, LoginLimit, UserBanned
from menshen.gateway.binding import Asking
from menshen.secret import Secret
from menshen.storage.tables import account_failures, accounts
from tests.gateway.crowd import DOER, Crowd, on_crowd

RIGHT, WRONG = Secret("planted passphrase 1"), Secret("planted passphrase 2")


async def with_account(crowd: Crowd, name: str = "Ming") -> None:
    await crowd.processes[0].accounts.add(crowd.rules.users.accounts, name, RIGHT, by="test")


async def bind(crowd: Crowd, asking: Asking, name: str = "ming", password: Secret = RIGHT) -> Asking:
    asking = Asking(asking.bearer, asking.caller, crowd.rules)
    return crowd.asking(await crowd.processes[0].account_binding.bind(asking, name, password, ""))


def test_the_right_password_binds_and_the_code_alone_logs_in_from_then_on(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        await with_account(crowd)
        alice = await bind(crowd, await crowd.comes("alice"))
        assert alice.bearer.claims.account == "ming"
        assert (await crowd.comes("alice")).bearer.claims.account == "ming"
        _, bound = await crowd.bindings.user(alice.uid)
        assert bound.account is not None
        assert bound.account.shown == "Ming"

    on_crowd(database_url, work)


@pytest.mark.parametrize(
    ("name", "password"), [("ming", WRONG), ("nobody", RIGHT), ("", RIGHT), ("ming", Secret("")), ("a b", RIGHT)]
)
def test_who_does_not_know_it_binds_nothing_and_learns_nothing(database_url: str, name: str, password: Secret) -> None:
    async def work(crowd: Crowd) -> None:
        await with_account(crowd)
        alice = await crowd.comes("alice")
        with pytest.raises(AccountRefused) as refused:
            await bind(crowd, alice, name, password)
        assert refused.value.text() == AccountRefused().text()
        assert "planted" not in f"{refused.value} {refused.value.detail}"
        assert [row.uid for row in await crowd.rows(accounts)] == [None]
        assert await crowd.live(alice.uid) == {alice.bearer.claims.sid}

    on_crowd(database_url, work)


def test_guessing_locks_the_account_for_binding_and_login_alike(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        await with_account(crowd)
        crowd.users_rules(accounts=AccountRules(lock_after=3))
        mallory = await crowd.comes("mallory")
        for _ in range(3):
            with pytest.raises(AccountRefused):
                await bind(crowd, mallory, "ming", WRONG)
        with pytest.raises(AccountLocked):
            await bind(crowd, mallory, "ming", RIGHT)
        with pytest.raises(AccountLocked):
            await crowd.enters(how="password", username="ming", password=RIGHT)

    on_crowd(database_url, work)


def test_binding_counts_towards_the_limit_of_logins(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        await with_account(crowd)
        alice = await crowd.comes("alice")
        crowd.users_rules(limits=LimitRules(ip=RateRule(2, 3600)))
        for _ in range(2):
            with pytest.raises(AccountRefused):
                await bind(crowd, alice, "ming", WRONG)
        with pytest.raises(LoginLimit):
            await bind(crowd, alice)

    on_crowd(database_url, work)


def test_no_password_is_compared_for_who_may_not_bind(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        await with_account(crowd)
        await with_account(crowd, "Other")
        alice, bob = await crowd.comes("alice"), await crowd.comes("bob")
        alice = await bind(crowd, alice)
        await crowd.processes[0].life.ban(bob.uid, DOER, reason="spam", until=0)
        with pytest.raises(AlreadyBound):
            await bind(crowd, alice, "other", WRONG)
        with pytest.raises(UserBanned):
            await bind(crowd, bob, "other", WRONG)
        assert await crowd.rows(account_failures) == []

    on_crowd(database_url, work)


def test_an_account_of_another_user_is_his(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        await with_account(crowd)
        await bind(crowd, await crowd.comes("alice"))
        with pytest.raises(AccountTaken):
            await bind(crowd, await crowd.comes("bob"))

    on_crowd(database_url, work)
