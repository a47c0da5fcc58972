"""Codes where a login comes with an access token: who gets that, how often, and what a refused one costs."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import pytest
import uvloop

from menshen.config.snapshot import App
from menshen.emulator.state import AppSettings
from menshen.emulator.wecom import CORP
from menshen.errors import CodeInvalid, InternalFault, PlatformRefusedUs
from menshen.figures.counting import Counts
from menshen.gateway.access_tokens import AccessTokens
from menshen.gateway.code_exchange import PlatformExchange
from menshen.secret import Secret
from menshen.storage.sealing import Sealer
from tests.gateway.tokens_stage import APPID, MASTER_KEY, SECRET, Stage, staged

TOKEN_PATH = "/api/rmp/token"
XHS = "xiaohongshu"


@pytest.fixture
def stage(database_url):
    """Runs ``main(stage)`` on both kinds of database."""

    def start(main):
        async def whole():
            async with staged(database_url) as stage:
                await main(stage)

        uvloop.run(whole())

    return start


def exchange_on(s: Stage, counts: Counts | None = None) -> PlatformExchange:
    s.emulator.add_app(XHS, APPID, AppSettings(SECRET))
    sealer = Sealer(MASTER_KEY, "access-token")
    return PlatformExchange(s.client, AccessTokens(s.database, sealer, s.client, s.clock, os.urandom, counts=counts))


def test_logins_share_one_token(stage):
    async def main(s):
        exchange = exchange_on(s)
        codes = [s.emulator.login(XHS, APPID, f"user-{n}") for n in range(20)]
        found = await asyncio.gather(*(exchange.code2session(s.app(XHS), code) for code in codes))
        assert len({each.openid for each in found}) == 20
        assert s.asked(TOKEN_PATH, XHS) == 1

    stage(main)


def test_a_refused_token_is_replaced_and_the_code_is_still_good(stage):
    async def main(s):
        exchange = exchange_on(s)
        await exchange.code2session(s.app(XHS), s.emulator.login(XHS, APPID, "alice"))
        s.emulator.revoke_token(XHS, APPID)
        assert (await exchange.code2session(s.app(XHS), s.emulator.login(XHS, APPID, "bob"))).openid
        assert s.asked(TOKEN_PATH, XHS) == 2

    stage(main)


def test_a_wrong_code_costs_no_token(stage):
    async def main(s):
        exchange = exchange_on(s)
        for _ in range(3):
            with pytest.raises(CodeInvalid):
                await exchange.code2session(s.app(XHS), "0" * 32)
        assert s.asked(TOKEN_PATH, XHS) == 1

    stage(main)


def test_a_wrong_secret_is_told_and_no_code_is_sent(stage):
    async def main(s):
        exchange = exchange_on(s)
        with pytest.raises(PlatformRefusedUs):
            await exchange.code2session(s.app(XHS, secret="wrong"), s.emulator.login(XHS, APPID, "alice"))
        assert s.emulator.calls(XHS).total == 0

    stage(main)


def test_a_login_is_counted_by_who_asks_and_the_token_by_its_holder(stage):
    async def main(s):
        counts = Counts()
        await exchange_on(s, counts).code2session(s.app(XHS), s.emulator.login(XHS, APPID, "alice"))
        assert dict(counts.calls) == {"xiaohongshu shop ok": 1}  # the token's
        assert s.asked(TOKEN_PATH, XHS) == 1

    stage(main)


def test_other_platforms_need_no_token(stage):
    async def main(s):
        assert (await exchange_on(s).code2session(s.app(), s.emulator.login("wechat", APPID, "alice"))).openid
        assert s.emulator.calls("wechat").apis == {}

    stage(main)


def test_a_platform_without_an_adapter(stage):
    async def main(s):
        with pytest.raises(InternalFault):
            await exchange_on(s).code2session(App("a", "nowhere", APPID, Secret(SECRET)), "code")

    stage(main)


def test_a_token_that_came_for_another_apps_secret_does_not_outlive_it(stage):
    async def main(s):
        for appid, secret in ((APPID, "linked"), ("wx00000000000000d2", "not-linked")):
            s.emulator.add_app("wecom", appid, AppSettings(secret, platform_key=CORP))
        exchange = exchange_on(s)
        right = replace(s.app("wecom", secret="linked"), platform_key=CORP)
        with pytest.raises(CodeInvalid):
            await exchange.code2session(
                replace(right, secret=Secret("not-linked")), s.emulator.login("wecom", APPID, "alice")
            )
        assert (await exchange.code2session(right, s.emulator.login("wecom", APPID, "alice"))).openid

    stage(main)
