"""What stands before a login: limits over all processes, a captcha after failures, and nothing where nothing is set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, select

from menshen.config.snapshot import App
from menshen.config.user_rules import CaptchaRules, LimitRules, RateRule, UserRules
from menshen.errors import (
    AccountLocked,
    AccountRefused,
    CaptchaRequired,
    CaptchaUnavailable,
    CodeInvalid,
    LoginLimit,
    Refusal,
    SmsCodeInvalid,
    UserBanned,
)
from menshen.gateway.guard import FAILURES_COUNT_FOR, Attempt, LoginGuard
from menshen.secret import Secret
from menshen.storage.database import Database
from menshen.storage.digests import KeyedDigest
from menshen.storage.tables import counters
from menshen.users.limits import Limits
from tests.callouts.service import APP, NOW, Service, calling
from tests.storage.conftest import opened

OTHER_APP = App("other", "qq", "1112", Secret("s"))


def attempt(
    username: str = "", *, ip: str = "10.0.0.9", app: App = APP, now: float = NOW, captcha: str = ""
) -> Attempt:
    return Attempt(app, ip, "r1", "password" if username else "code", now, username, captcha)


def solved(question: dict[str, str]) -> Any:
    return {"passed": question["captcha"] == "solved"}


@asynccontextmanager
async def guarding(url: str) -> AsyncIterator[tuple[LoginGuard, Service, Database]]:
    async with opened(url) as database, calling(solved) as (service, callouts):
        yield LoginGuard(Limits(database), KeyedDigest(b"k" * 32, "login-limit"), callouts), service, database


async def passes(guard: LoginGuard, rules: UserRules, tried: Attempt) -> bool:
    try:
        await guard.before(rules, tried)
    except LoginLimit as refused:
        return not refused.retry_after
    return True


async def asks(guard: LoginGuard, rules: UserRules, tried: Attempt) -> bool:
    """Whether a captcha is asked for."""
    try:
        await guard.before(rules, tried)
    except CaptchaRequired:
        return True
    return False


def test_without_rules_nobody_is_asked_anything(database_url: str) -> None:
    async def main() -> None:
        async with guarding(database_url) as (guard, service, database):
            statements: list[str] = []
            event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *said: statements.append(said[2]))
            for username in ("", "alice"):
                tried = attempt(username, captcha="unasked")
                await guard.before(UserRules(), tried)
                await guard.identified(UserRules(), "wechat/wx1/o1", NOW)
                await guard.failed(UserRules(), tried, AccountRefused())
                await guard.succeeded(UserRules(), tried)
            assert statements == []
            assert service.calls == []

    asyncio.run(main())


def test_one_address(database_url: str) -> None:
    async def main() -> None:
        async with guarding(database_url) as (guard, _, _database):
            rules = UserRules(limits=LimitRules(ip=RateRule(3, 60)))
            assert [await passes(guard, rules, attempt(app=app)) for app in (APP, OTHER_APP, APP, APP)] == [
                *[True] * 3,
                False,
            ]
            assert await passes(guard, rules, attempt(ip="10.0.0.10"))
            assert not await passes(guard, rules, attempt("alice", ip="::ffff:10.0.0.9"))
            assert await passes(guard, rules, attempt(now=NOW + 70))

    asyncio.run(main())


def test_all_addresses_of_one_client(database_url: str) -> None:
    """IPv6 gives each client 2^64 addresses."""

    async def main() -> None:
        async with guarding(database_url) as (guard, _, _database):
            rules = UserRules(limits=LimitRules(ip=RateRule(3, 60)))
            assert [await passes(guard, rules, attempt(ip=f"2001:db8::{n:x}")) for n in range(5)] == [True] * 3 + [
                False
            ] * 2
            # Attack class 54: what is no address does not go free.
            assert [await passes(guard, rules, attempt(ip="?")) for _ in range(4)] == [True] * 3 + [False]

    asyncio.run(main())


def test_one_app_and_one_user(database_url: str) -> None:
    async def main() -> None:
        async with guarding(database_url) as (guard, _, _database):
            rules = UserRules(limits=LimitRules(app=RateRule(2, 60), user=RateRule(1, 60)))
            tries = [attempt(ip=f"10.0.0.{n}") for n in range(3)]
            assert [await passes(guard, rules, each) for each in tries] == [True, True, False]
            assert await passes(guard, rules, attempt(app=OTHER_APP))
            await guard.identified(rules, "wechat/wx1/o1", NOW)
            await guard.identified(rules, "wechat/wx1/o2", NOW)
            with pytest.raises(LoginLimit) as refused:
                await guard.identified(rules, "wechat/wx1/o1", NOW)
            assert "o1" not in refused.value.detail

    asyncio.run(main())


def test_who_has_used_up_his_address_does_not_use_up_the_app(database_url: str) -> None:
    async def main() -> None:
        async with guarding(database_url) as (guard, _, _database):
            rules = UserRules(limits=LimitRules(ip=RateRule(2, 60), app=RateRule(4, 60)))
            for _n in range(20):
                await passes(guard, rules, attempt(ip="10.6.6.6"))
            assert [await passes(guard, rules, attempt(ip=f"10.0.0.{n}")) for n in range(3)] == [True, True, False]

    asyncio.run(main())


def test_several_processes_count_together(database_url: str) -> None:
    async def main() -> None:
        async with guarding(database_url) as (one, _, _one), guarding(database_url) as (two, _, _two):
            rules = UserRules(limits=LimitRules(ip=RateRule(7, 60)))
            tries = (passes((one, two)[n % 2], rules, attempt()) for n in range(40))
            assert (await asyncio.gather(*tries)).count(True) == 7

    asyncio.run(main())


def test_no_address_openid_or_name_in_the_counters(database_url: str) -> None:
    async def main() -> None:
        async with guarding(database_url) as (guard, service, database):
            limits = LimitRules(*[RateRule(1, 60)] * 3)
            rules = UserRules(limits=limits, captcha=CaptchaRules(service.callout))
            await guard.before(rules, attempt("canary-name"))
            await guard.identified(rules, "wechat/wx1/canary-openid", NOW)
            await guard.failed(rules, attempt("canary-name"), AccountRefused())
            async with database.reading() as connection:
                keys = (await connection.execute(select(counters.c.key))).scalars().all()
            assert len(keys) == 4
            assert "canary" not in str(keys)
            assert "10.0.0.9" not in str(keys)

    asyncio.run(main())


@pytest.mark.parametrize("refusal", [AccountRefused, AccountLocked, SmsCodeInvalid])
def test_a_captcha_after_failures_of_this_name_from_this_address(refusal: type[Refusal], database_url: str) -> None:
    async def main() -> None:
        async with guarding(database_url) as (guard, service, _):
            rules = UserRules(captcha=CaptchaRules(service.callout, after=3))
            for _n in range(3):
                assert not await asks(guard, rules, attempt("alice"))
                await guard.failed(rules, attempt("alice"), refusal())
            assert await asks(guard, rules, attempt("Alice"))
            assert await asks(guard, rules, attempt("ＡLICE", captcha="guessed"))
            assert not await asks(guard, rules, attempt("alice", captcha="solved"))
            assert [call.json["captcha"] for call in service.calls] == ["guessed", "solved"]
            for other in (attempt("bob"), attempt("alice", ip="10.0.0.10"), attempt()):
                assert not await asks(guard, rules, other)
            assert await asks(guard, rules, attempt("alice", now=NOW + FAILURES_COUNT_FOR - 1))
            assert not await asks(guard, rules, attempt("alice", now=NOW + 1.2 * FAILURES_COUNT_FOR))

    asyncio.run(main())


def test_names_that_are_nobodys_are_asked_as_well(database_url: str) -> None:
    """The guard has no way to know who exists: the two stories are one."""

    async def main() -> None:
        async with guarding(database_url) as (guard, service, _):
            rules = UserRules(captcha=CaptchaRules(service.callout, after=1))
            stories = []
            for username in ("alice", "nobody"):
                before = await asks(guard, rules, attempt(username))
                await guard.failed(rules, attempt(username), AccountRefused())
                stories.append((before, await asks(guard, rules, attempt(username))))
            assert stories == [(False, True)] * 2

    asyncio.run(main())


def test_success_and_what_is_no_guessing(database_url: str) -> None:
    async def main() -> None:
        async with guarding(database_url) as (guard, service, _):
            rules = UserRules(captcha=CaptchaRules(service.callout, after=1))
            for refusal in (CodeInvalid(), UserBanned(), LoginLimit(), CaptchaRequired()):
                await guard.failed(rules, attempt("alice"), refusal)
            await guard.failed(rules, attempt(), AccountRefused())
            assert not await asks(guard, rules, attempt("alice"))
            await guard.failed(rules, attempt("alice"), AccountRefused())
            await guard.succeeded(rules, attempt("alice", captcha="solved"))
            assert not await asks(guard, rules, attempt("alice"))

    asyncio.run(main())


def test_after_zero_failures_it_is_always_asked_of_who_names_a_user(database_url: str) -> None:
    async def main() -> None:
        async with guarding(database_url) as (guard, service, database):
            rules = UserRules(captcha=CaptchaRules(service.callout, after=0))
            assert await asks(guard, rules, attempt("alice"))
            assert await asks(guard, rules, attempt("+8613580006666"))
            assert not await asks(guard, rules, attempt("alice", captcha="solved"))
            assert not await asks(guard, rules, attempt())
            await guard.failed(rules, attempt("alice"), AccountRefused())
            async with database.reading() as connection:
                assert (await connection.execute(select(counters))).all() == []

    asyncio.run(main())


def test_a_check_that_is_away_lets_nobody_through(database_url: str) -> None:
    async def main() -> None:
        async with guarding(database_url) as (guard, service, _):
            service.answer = lambda _: {"ok": True}
            rules = UserRules(captcha=CaptchaRules(service.callout, after=0))
            with pytest.raises(CaptchaUnavailable):
                await guard.before(rules, attempt("alice", captcha="solved"))
            away = replace(service.callout, url="http://127.0.0.1:9/")
            with pytest.raises(CaptchaUnavailable):
                await guard.before(UserRules(captcha=CaptchaRules(away, after=0)), attempt("alice", captcha="solved"))

    asyncio.run(main())
