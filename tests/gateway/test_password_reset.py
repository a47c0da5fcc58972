"""A forgotten password, given anew to whoever shows the user's phone number."""

from __future__ import annotations

import time

import pytest

from menshen.config.user_rules import AccountRules
from menshen.errors import AccountLocked, AccountRefused, NotBound, NotOffered, PasswordWeak, SmsCodeInvalid, UserBanned
from menshen.gateway.binding import Asking
from menshen.secret import Secret
from menshen.users.phone_number import parse_phone
from tests.gateway.crowd import DOER, Crowd, on_crowd

NUMBER = parse_phone("13580006666")
OLD, NEW = Secret("planted passphrase 1"), Secret("planted passphrase 2")


async def owner(crowd: Crowd) -> Asking:
    """Alice, with the account ming and her number."""
    proven = await crowd.processes[0].accounts.add(crowd.rules.users.accounts, "ming", OLD, by="test")
    alice = crowd.asking(await crowd.bindings.bind_account(await crowd.comes("alice"), proven))
    return crowd.asking(await crowd.bindings.bind_phone(alice, crowd.numbers.proven(NUMBER)))


async def reset(crowd: Crowd, code: Secret, password: Secret = NEW) -> int:
    return await crowd.processes[0].resets.reset(crowd.rules.users, NUMBER.e164, code, password, time.time())


async def by_password(crowd: Crowd, password: Secret) -> Asking:
    return await crowd.enters(how="password", username="ming", password=password)


def test_the_new_password_lets_in_and_the_old_one_and_every_session_are_over(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await owner(crowd)
        assert await reset(crowd, await crowd.sms_code(NUMBER, "reset")) == 1
        assert await crowd.live(alice.uid) == set()
        with pytest.raises(AccountRefused):
            await by_password(crowd, OLD)
        assert (await by_password(crowd, NEW)).uid == alice.uid

    on_crowd(database_url, work)


def test_an_owner_whom_others_have_locked_out_gets_in_at_once(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        crowd.users_rules(accounts=AccountRules(lock_after=2))
        alice = await owner(crowd)
        for kind in (AccountRefused, AccountRefused, AccountLocked):
            with pytest.raises(kind):
                await by_password(crowd, Secret("a guess of somebody"))
        await reset(crowd, await crowd.sms_code(NUMBER, "reset"))
        assert (await by_password(crowd, NEW)).uid == alice.uid

    on_crowd(database_url, work)


def test_what_is_wrong_with_the_password_costs_no_code(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        await owner(crowd)
        code = await crowd.sms_code(NUMBER, "reset")
        with pytest.raises(PasswordWeak):
            await reset(crowd, code, Secret("short"))
        assert await reset(crowd, code) == 1
        with pytest.raises(SmsCodeInvalid):
            await reset(crowd, code)

    on_crowd(database_url, work)


def test_a_number_of_nobody_a_code_for_something_else_and_an_installation_without_texts(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        with pytest.raises(NotBound):
            await reset(crowd, await crowd.sms_code(NUMBER, "reset"))
        await owner(crowd)
        for_binding = await crowd.sms_code(NUMBER, "bind")
        with pytest.raises(SmsCodeInvalid):
            await reset(crowd, for_binding)
        crowd.users_rules(sms=None)
        with pytest.raises(NotOffered):
            await reset(crowd, for_binding)

    on_crowd(database_url, work)


def test_a_banned_user_gets_no_new_password(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await owner(crowd)
        code = await crowd.sms_code(NUMBER, "reset")
        await crowd.processes[0].life.ban(alice.uid, DOER)
        with pytest.raises(UserBanned):
            await reset(crowd, code)
        await crowd.processes[0].life.unban(alice.uid, DOER)
        assert (await by_password(crowd, OLD)).uid == alice.uid

    on_crowd(database_url, work)
