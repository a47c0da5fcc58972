"""Logins by a third-party platform: which ticket, which token, how often, and what a missing one costs."""

from __future__ import annotations

import asyncio
import os
from urllib.parse import urlencode

import pytest
import uvloop
from pydantic import TypeAdapter, ValidationError

from menshen.config.snapshot import App, Component
from menshen.config.values import Name
from menshen.emulator.component import ComponentSettings
from menshen.emulator.state import AppSettings
from menshen.errors import (
    ComponentNotAuthorized,
    ComponentTicketMissing,
    InternalFault,
    NotOffered,
    PlatformRefusedUs,
    Refusal,
)
from menshen.gateway.access_tokens import AccessTokens, _key
from menshen.gateway.code_exchange import PlatformExchange
from menshen.gateway.component_tickets import COMPONENT_TICKET, ComponentTickets
from menshen.platforms.registry import adapter_of
from menshen.platforms.wechat_component import ERRORS, REFUSED_FOR, TOKEN_ERRORS
from menshen.platforms.wechat_push import open_push
from menshen.secret import Secret
from menshen.storage.sealing import Sealer
from tests.gateway.tokens_stage import MASTER_KEY, Stage, staged
from tests.platforms.flows import answered, plain, question

COMPONENT, SHOP, OTHER = "wx00000000000000c1", "wx00000000000000a1", "wx00000000000000a2"
SETTINGS = ComponentSettings(
    "planted-component-secret", "planted-message-token", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)
TOKEN_PATH = "/cgi-bin/component/api_component_token"


@pytest.fixture
def stage(database_url):
    """Runs ``main(stage)`` on both kinds of database."""

    def start(main):
        async def whole():
            async with staged(database_url) as stage:
                for appid in (SHOP, OTHER):
                    stage.emulator.add_app("wechat", appid, AppSettings("nobody-uses-it"))
                stage.emulator.add_component(COMPONENT, SETTINGS, {SHOP, OTHER})
                await main(stage)

        uvloop.run(whole())

    return start


def component(s: Stage | None = None, secret: str = SETTINGS.secret) -> Component:
    keys = (Secret(secret), Secret(SETTINGS.token), Secret(SETTINGS.message_key))
    return Component("provider", COMPONENT, *keys, f"{s.origin}/wechat" if s else "")


def app(s: Stage | None = None, appid: str = SHOP, secret: str = SETTINGS.secret) -> App:
    of = component(s, secret)
    return App("shop", "wechat", appid, Secret(""), of.base_url, component=of)


def tickets_of(s: Stage, key: bytes = MASTER_KEY) -> ComponentTickets:
    return ComponentTickets(s.database, Sealer(key, COMPONENT_TICKET))


def tokens_of(s: Stage) -> AccessTokens:
    sealer = Sealer(MASTER_KEY, "access-token")
    return AccessTokens(s.database, sealer, s.client, s.clock, os.urandom, tickets=tickets_of(s))


def exchange_of(s: Stage) -> PlatformExchange:
    return PlatformExchange(s.client, tokens_of(s))


async def pushed(s: Stage) -> bool:
    push = s.emulator.component_ticket(COMPONENT)
    told = open_push(component(), urlencode(push.query).encode(), push.body.encode(), s.clock())
    return await tickets_of(s).keep(component(), told.ticket, told.made_at, s.clock())


async def log_in(s: Stage, exchange: PlatformExchange, user: str = "lin", appid: str = SHOP) -> str:
    found = await exchange.code2session(app(s, appid), s.emulator.login("wechat", appid, user))
    return found.openid


async def refusal_of(s: Stage, exchange: PlatformExchange, of: App) -> Refusal:
    with pytest.raises(Refusal) as refused:
        await exchange.code2session(of, s.emulator.login("wechat", SHOP, "lin"))
    return refused.value


def test_all_customers_apps_share_one_token(stage):
    async def main(s):
        await pushed(s)
        exchange = exchange_of(s)
        await asyncio.gather(*(log_in(s, exchange, f"user-{n}", (SHOP, OTHER)[n % 2]) for n in range(20)))
        assert s.asked(TOKEN_PATH) == 1
        await log_in(s, exchange_of(s))  # another process
        assert s.asked(TOKEN_PATH) == 1

    stage(main)


def test_no_platform_of_a_package_has_the_row_of_a_components_token():
    platform = _key(app()).platform
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(platform)


def test_before_the_first_ticket_nothing_is_sent(stage):
    async def main(s):
        refusal = await refusal_of(s, exchange_of(s), app(s))
        assert isinstance(refusal, ComponentTicketMissing)
        assert (refusal.code, refusal.action, refusal.who) == (4017, "retry", "operator")
        assert s.emulator.calls("wechat").total == s.asked(TOKEN_PATH) == 0
        await pushed(s)
        await log_in(s, exchange_of(s))

    stage(main)


def test_a_ticket_that_has_expired_is_missing(stage):
    async def main(s):
        await pushed(s)
        s.clock.time += 43_200
        refusal = await refusal_of(s, exchange_of(s), app(s))
        assert isinstance(refusal, ComponentTicketMissing)
        assert refusal.platform_errcode == 61005

    stage(main)


def test_a_ticket_of_another_master_key_is_missing(stage):
    async def main(s):
        await tickets_of(s, bytes(32)).keep(component(), Secret("ticket@@@x"), int(s.clock()), s.clock())
        assert isinstance(await refusal_of(s, exchange_of(s), app(s)), ComponentTicketMissing)

    stage(main)


def test_a_wrong_appsecret_of_the_component(stage):
    async def main(s):
        await pushed(s)
        refusal = await refusal_of(s, exchange_of(s), app(s, secret="another-component-secret"))
        assert isinstance(refusal, PlatformRefusedUs)
        assert refusal.platform_errcode == 40125

    stage(main)


def test_an_app_that_has_not_authorised(stage):
    async def main(s):
        await pushed(s)
        s.emulator.add_component(COMPONENT, SETTINGS, ())
        refusal = await refusal_of(s, exchange_of(s), app(s))
        assert isinstance(refusal, ComponentNotAuthorized)
        assert (refusal.platform_errcode, refusal.action) == (61003, "none")

    stage(main)


def test_a_refused_token_is_replaced_and_the_code_is_still_good(stage):
    async def main(s):
        await pushed(s)
        exchange = exchange_of(s)
        await log_in(s, exchange)
        s.emulator.revoke_component_token(COMPONENT)
        await log_in(s, exchange)
        assert s.asked(TOKEN_PATH) == 2

    stage(main)


def test_it_is_fetched_ahead_once_for_all_apps(stage):
    async def main(s):
        await pushed(s)
        await log_in(s, exchange_of(s))
        s.clock.time += 7200 - 290
        tokens = tokens_of(s)
        assert await tokens.refresh_ahead([app(s), app(s, OTHER)]) == {}
        assert s.asked(TOKEN_PATH) == 2

    stage(main)


def test_the_newest_ticket_stays(stage):
    async def main(s):
        tickets, of = tickets_of(s), component()
        assert await tickets.keep(of, Secret("second"), 20, 1.0)
        assert not await tickets.keep(of, Secret("first"), 10, 2.0)
        assert not await tickets.keep(of, Secret("twice"), 20, 3.0)
        assert (await tickets.newest(of)).reveal() == "second"
        assert await tickets.keep(of, Secret("third"), 21, 4.0)
        assert (await tickets.newest(of)).reveal() == "third"

    stage(main)


def test_nobody_is_told_the_components_token_for_an_apps(stage):
    async def main(s):
        await pushed(s)
        tokens = tokens_of(s)
        await log_in(s, PlatformExchange(s.client, tokens))
        for asking in (tokens.token(app(s)), tokens.newer(app(s), Secret("refused"))):
            with pytest.raises(NotOffered):
                await asking

    stage(main)


def test_what_a_login_sends():
    asked = question(adapter_of(app()).code2session_by(app(), Secret("the-token"), "a-code"))
    assert (asked.method, asked.url) == ("GET", "https://api.weixin.qq.com/sns/component/jscode2session")
    assert plain(asked.query) == {
        "appid": SHOP,
        "js_code": "a-code",
        "grant_type": "authorization_code",
        "component_appid": COMPONENT,
        "component_access_token": "the-token",
    }


def test_what_asks_for_a_token():
    asked = question(adapter_of(app()).access_token_by(app(), Secret("ticket@@@x")))
    assert (asked.method, asked.url) == ("POST", "https://api.weixin.qq.com/cgi-bin/component/api_component_token")
    assert plain(asked.json) == {
        "component_appid": COMPONENT,
        "component_appsecret": SETTINGS.secret,
        "component_verify_ticket": "ticket@@@x",
    }


@pytest.mark.parametrize("errcode", TOKEN_ERRORS)
def test_every_refusal_of_a_token(errcode):
    flow = adapter_of(app()).access_token_by(app(), Secret("ticket@@@x"))
    body = {"errcode": errcode, "errmsg": f"refused {SETTINGS.secret} ticket@@@x"}
    with pytest.raises(TOKEN_ERRORS[errcode]) as refused:
        answered(flow, body)
    assert refused.value.detail == "refused *** ***"


@pytest.mark.parametrize("errcode", [str(each) for each in ERRORS])
def test_every_refusal_of_a_login_also_as_the_text_that_the_page_shows(errcode):
    flow = adapter_of(app()).code2session_by(app(), Secret("the-token"), "a-code")
    with pytest.raises(ERRORS[int(errcode)]) as refused:
        answered(flow, {"errcode": errcode, "errmsg": "the-token a-code"})
    assert refused.value.detail == "*** ***"


def test_the_doctor_knows_what_each_refusal_is_about():
    refused = {code for table in (ERRORS, TOKEN_ERRORS) for code, what in table.items() if what is PlatformRefusedUs}
    assert refused <= REFUSED_FOR.keys()


@pytest.mark.parametrize("call", ["phone_number", "check_session", "reset_session_key"])
def test_what_needs_an_apps_own_token_is_not_offered(call):
    with pytest.raises(NotOffered):
        getattr(adapter_of(app()), call)(app(), Secret("t"), "a", "b")


@pytest.mark.parametrize("call", [("code2session", "a-code"), ("access_token", False)])
def test_what_would_need_a_secret_of_the_apps_is_a_bug(call):
    name, argument = call
    with pytest.raises(InternalFault):
        getattr(adapter_of(app()), name)(app(), argument)
