"""One access token an app, whoever asks and whatever fails (attack class 42)."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
import traceback

import pytest
import uvloop
from sqlalchemy import select

from menshen.emulator.faults import Fault
from menshen.emulator.state import AppSettings
from menshen.errors import (
    PhoneCodeInvalid,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformSaysBusy,
    PlatformTimeout,
    PlatformUnreachable,
    Refusal,
)
from menshen.gateway import access_tokens as access_tokens_module
from menshen.gateway.access_tokens import AHEAD
from menshen.platforms.base import PlatformRequest, TokenRefused
from menshen.platforms.wechat import WeChat
from menshen.secret import Secret
from menshen.storage.access_tokens import TokenKey, claim_token, find_token
from menshen.storage.tables import access_tokens
from tests.gateway.tokens_stage import APPID, NOW, PHONE, staged
from tests.platforms.wire import Peer
from tests.ports import free_port

KEY = TokenKey("wechat", APPID)


@pytest.fixture
def peer():
    return lambda script: Peer(script).listening()


@pytest.fixture
def stage(database_url):
    """Runs ``main(stage)`` on both kinds of database."""

    def start(main):
        async def whole():
            async with staged(database_url) as stage:
                await main(stage)

        uvloop.run(whole())

    return start


@pytest.fixture
def patient(monkeypatch):
    """Who waits for a holder has as long as a busy machine needs, once the lease is over."""
    monkeypatch.setattr(access_tokens_module, "_PATIENCE", 90.0)


async def asked(stage, times):
    """The platform has been asked for so many tokens, whether it has answered or not."""
    async with asyncio.timeout(90):
        while stage.asked() < times:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def checking(stage, openid="oNobody"):
    """A call that needs a token and costs nothing: it is refused for its openid, once the token has passed."""
    return lambda token: WeChat().check_session(stage.app(), token, openid, Secret("k"))


async def passes(stage, tokens):
    """Whether a call with the app's token gets beyond the platform's look at the token."""
    with pytest.raises(Refusal) as raised:
        await tokens.run(stage.app(), checking(stage))
    return raised.value.platform_errcode == 40003


def test_a_token_is_fetched_once_and_kept(stage):
    async def main(stage):
        tokens = stage.tokens()
        token, left = await tokens.token(stage.app())
        assert (len(token.reveal()) > 100, left) == (True, 7200)
        stage.clock.time += 100
        assert await tokens.token(stage.app()) == (token, 7100)
        assert await stage.tokens().token(stage.app()) == (token, 7100)
        assert stage.asked() == 1

    stage(main)


def test_a_stampede_of_fifty_in_several_processes_is_one_call(stage):
    async def main(stage):
        processes = [stage.tokens(await stage.another_database()) for _ in range(5)]
        stage.emulator.add_fault("wechat", Fault("latency", times=50, seconds=0.2, api="token"))
        found = await asyncio.gather(*(processes[n % 5].token(stage.app()) for n in range(50)))
        assert len({token for token, _ in found}) == 1
        assert stage.asked() == 1

    stage(main)


def test_a_stampede_that_fails_is_one_call_too(stage):
    async def main(stage):
        tokens = stage.tokens()
        stage.emulator.add_fault("wechat", Fault("latency", times=50, seconds=1.5, api="token"))
        stage.emulator.add_fault("wechat", Fault("-1", rate=1, api="token"))
        found = await asyncio.gather(*(tokens.token(stage.app()) for _ in range(50)), return_exceptions=True)
        assert {type(each) for each in found} == {PlatformSaysBusy}
        assert stage.asked() == 1

    stage(main)


def test_a_stampede_of_calls_whose_token_is_refused_is_one_call(stage):
    async def main(stage):
        processes = [stage.tokens(await stage.another_database()) for _ in range(5)]
        await asyncio.gather(*(process.token(stage.app()) for process in processes))
        stage.emulator.revoke_token("wechat", APPID)
        assert all(await asyncio.gather(*(passes(stage, processes[n % 5]) for n in range(50))))
        assert stage.asked() == 2

    stage(main)


def test_a_late_refusal_does_not_take_the_newer_token_away(stage):
    async def main(stage):
        slow, quick = stage.tokens(), stage.tokens(await stage.another_database())
        old, _ = await slow.token(stage.app())
        await quick.token(stage.app())
        answers = asyncio.Event()

        def late(token):
            """The old token was sent before the new one was made; the answer comes after."""
            yield PlatformRequest("GET", f"{stage.origin}/wechat/wxa/checksession", query={"access_token": token})
            if token == old:
                raise TokenRefused(platform_errcode=40001)
            return token

        async def call():
            await answers.wait()
            return await slow.run(stage.app(), late)

        calling = asyncio.create_task(call())
        stage.emulator.revoke_token("wechat", APPID)
        new, _ = await quick.newer(stage.app(), old)
        answers.set()
        assert await calling == new
        assert await quick.newer(stage.app(), old) == (new, 7200)
        assert (await stage.tokens().token(stage.app()))[0] == new
        assert stage.asked() == 2

    stage(main)


def test_force_only_where_the_platform_still_gives_the_refused_token(stage):
    async def main(stage):
        tokens = stage.tokens()
        old, _ = await tokens.token(stage.app())
        stage.emulator.revoke_token("wechat", APPID)
        assert await passes(stage, tokens)
        assert stage.asked() == 2  # the platform had another: asked for, not forced
        replaced, _ = await tokens.token(stage.app())
        stage.emulator.add_fault("wechat", Fault("40001", api="session"))
        assert await passes(stage, tokens)
        assert stage.asked() == 4  # it gave the same once more, so it was forced
        forced, _ = await tokens.token(stage.app())
        assert len({old, replaced, forced}) == 3

    stage(main)


@pytest.mark.parametrize("errcode", ["40001", "40014", "42001"])
def test_a_call_is_made_again_once(stage, errcode):
    async def main(stage):
        tokens, app = stage.tokens(), stage.app()
        stage.emulator.add_fault("wechat", Fault(errcode, times=1, api="session"))
        assert await passes(stage, tokens)
        stage.clock.time += 60
        stage.emulator.add_fault("wechat", Fault(errcode, times=5, api="session"))
        with pytest.raises(PlatformRefusedUs) as raised:
            await tokens.run(app, checking(stage))
        assert raised.value.platform_errcode == int(errcode)
        assert stage.asked("/wxa/checksession") == 4

    stage(main)


def test_a_stored_token_that_is_dead_too_is_not_the_last_word(stage):
    async def main(stage):
        first, second = stage.tokens(), stage.tokens(await stage.another_database())
        old, _ = await first.token(stage.app())
        await second.newer(stage.app(), old)
        stage.emulator.revoke_token("wechat", APPID)
        assert await passes(stage, first)  # its own is dead, the one that is stored is dead, the platform has another
        assert stage.asked("/wxa/checksession") == 3

    stage(main)


def test_a_phone_code_survives_a_token_that_ran_out(stage):
    async def main(stage):
        tokens, app, wechat = stage.tokens(), stage.app(), WeChat()
        await tokens.token(app)
        stage.emulator.revoke_token("wechat", APPID)
        code = stage.emulator.phone("wechat", APPID, "alice", "13580006666")
        openid = (await stage.client.code2session(app, stage.emulator.login("wechat", APPID, "alice"))).openid
        phone = await tokens.run(app, lambda token: wechat.phone_number(app, token, code, openid))
        assert phone.pure == "13580006666"
        assert stage.asked(PHONE) == 2
        with pytest.raises(PhoneCodeInvalid):
            await tokens.run(app, lambda token: wechat.phone_number(app, token, code, openid))

    stage(main)


def test_a_platform_that_does_not_force_is_told_as_such(stage):
    async def main(stage):
        tokens, app = stage.tokens(), stage.app()
        refused, _ = await tokens.token(app)
        forced, _ = await tokens.newer(app, refused)
        with pytest.raises(PlatformLimit) as raised:  # the second time within 30 seconds
            await tokens.newer(app, forced)
        assert forced.reveal() not in str(raised.value)
        stage.clock.time += 30
        assert (await tokens.newer(app, forced))[0] not in (refused, forced)

    stage(main)


@pytest.mark.parametrize("errcode", ["40164", "48001", "89503"])
def test_refusals_are_told_and_leave_the_row_free(stage, errcode):
    async def main(stage):
        stage.emulator.add_fault("wechat", Fault(errcode, api="token"))
        with pytest.raises(PlatformRefusedUs) as raised:
            await stage.tokens().token(stage.app())
        assert raised.value.platform_errcode == int(errcode)
        await stage.tokens().token(stage.app())  # by this clock the lease never ends, and who waits for it is told

    stage(main)


def test_nobody_waits_for_a_token_that_is_replaced_while_it_is_good(stage):
    async def main(stage):
        tokens, other = stage.tokens(), stage.tokens(await stage.another_database())
        old, _ = await tokens.token(stage.app())
        await other.token(stage.app())
        stage.clock.time = NOW + 7200 - AHEAD
        with stage.door.shut() as answer:
            renewing = asyncio.create_task(tokens.token(stage.app()))
            await asked(stage, 2)
        assert (await other.token(stage.app()))[0] == old
        assert not renewing.done()
        answer.set()
        new, left = await renewing
        assert (new != old, left) == (True, 7200)
        assert (await other.token(stage.app()))[0] == new
        assert stage.asked() == 2

    stage(main)


def test_a_token_that_cannot_be_replaced_is_used_to_its_end(stage):
    async def main(stage):
        tokens = stage.tokens()
        old, _ = await tokens.token(stage.app())
        stage.clock.time = NOW + 7000
        stage.emulator.add_fault("wechat", Fault("-1", rate=1, api="token"))
        for _ in range(20):
            assert (await tokens.token(stage.app()))[0] == old
        assert stage.asked() == 2  # not asked again at once
        stage.clock.time = NOW + 7200
        with pytest.raises(PlatformSaysBusy):
            await tokens.token(stage.app())

    stage(main)


def test_refresh_ahead_is_of_one_node_and_of_tokens_that_are_due(stage):
    async def main(stage):
        nodes = [stage.tokens(await stage.another_database()) for _ in range(3)]
        apps = [stage.app()]

        async def all_look():
            return await asyncio.gather(*(node.refresh_ahead(apps) for node in nodes))

        assert await all_look() == [{}, {}, {}]
        assert stage.asked() == 0  # nobody has asked for one yet
        old, _ = await nodes[0].token(stage.app())
        stage.clock.time = NOW + 7200 - AHEAD - 1
        await all_look()
        assert stage.asked() == 1
        stage.clock.time = NOW + 7200 - AHEAD
        assert await all_look() == [{}, {}, {}]
        assert stage.asked() == 2
        new, left = await nodes[1].token(stage.app())
        assert (new != old, left) == (True, 7200)
        await all_look()
        assert stage.asked() == 2

    stage(main)


def test_refresh_ahead_tells_what_failed(stage):
    async def main(stage):
        tokens = stage.tokens()
        await tokens.token(stage.app())
        stage.clock.time = NOW + 7000
        stage.emulator.add_fault("wechat", Fault("40164", api="token"))
        failed = await tokens.refresh_ahead([stage.app()])
        assert [(name, refusal.platform_errcode) for name, refusal in failed.items()] == [("shop", 40164)]
        assert await tokens.refresh_ahead([stage.app()]) == {}

    stage(main)


def test_a_holder_that_takes_too_long_is_replaced_and_does_not_overwrite(stage, patient):
    async def main(stage):
        slow, quick = stage.tokens(lease=0.3), stage.tokens(await stage.another_database(), lease=0.3)
        for tokens in (slow, quick):
            tokens._clock = time.time
        with stage.door.shut() as answer:
            first = asyncio.create_task(slow.token(stage.app()))
            await asked(stage, 1)
        second, _ = await quick.token(stage.app())
        assert not first.done()
        answer.set()
        assert (await first)[0] == second
        assert stage.asked() == 2
        async with stage.database.reading() as connection:
            row = await find_token(connection, KEY)
        assert (row.claim, row.claimed_until) == ("", 0.0)

    stage(main)


def test_a_token_goes_nowhere_but_where_it_came_from(stage):
    async def main(stage):
        tokens, sent = stage.tokens(), []
        old, left = await tokens.token(stage.app())
        moved = stage.app(secret="made-up", origin=f"http://127.0.0.1:{free_port()}")

        def call(token):
            sent.append(token)
            yield PlatformRequest("GET", moved.base_url, query={"access_token": token})

        for process in (tokens, stage.tokens(await stage.another_database())):
            with pytest.raises(PlatformUnreachable):
                await process.run(moved, call)
        assert sent == []
        assert await stage.tokens().token(stage.app()) == (old, left)
        assert stage.asked() == 1

    stage(main)


HOLDER = """
import asyncio, os, sys, time
from menshen.config.snapshot import App
from menshen.gateway.access_tokens import AccessTokens
from menshen.platforms.client import PlatformClient
from menshen.secret import Secret
from menshen.storage.database import Database
from menshen.storage.sealing import Sealer

async def main(url, base_url, appid, secret, lease):
    async with PlatformClient(timeout=120) as client:
        sealer = Sealer(bytes(range(32)), "access-token")
        tokens = AccessTokens(Database(url), sealer, client, time.time, os.urandom, lease=float(lease))
        await tokens.token(App("shop", "wechat", appid, Secret(secret), base_url))

asyncio.run(main(*sys.argv[1:]))
"""


def test_a_holder_that_is_killed_while_it_fetches_is_replaced(stage, peer, patient):
    async def main(stage):
        asked = asyncio.Event()

        async def never(p, reader, writer):
            await p.read(reader)
            asked.set()
            await asyncio.sleep(120)

        lease = 1.5
        async with peer(never) as silent:
            app = stage.app(origin=silent.origin)
            arguments = [stage.url, app.base_url, app.appid, app.secret.reveal(), str(lease)]
            holder = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDER, *arguments)
            try:
                await asyncio.wait_for(asked.wait(), 90)
                async with stage.database.reading() as connection:
                    row = await find_token(connection, KEY)
                assert row is not None
                assert row.claim
            finally:
                holder.kill()
                await holder.wait()
        tokens = stage.tokens(lease=lease)
        tokens._clock = time.time
        began = time.monotonic()
        assert (await tokens.token(stage.app()))[0]
        assert time.monotonic() - began < lease + 60
        assert stage.asked() == 1

    stage(main)


def test_who_waits_for_a_holder_in_vain_is_told(stage):
    async def main(stage):
        tokens = stage.tokens(lease=-3.3)  # what it waits is 3.5 seconds more
        async with stage.database.writing() as connection:
            await claim_token(connection, KEY, "somebody", 0.0, NOW, NOW + 60)
        with pytest.raises(PlatformTimeout):
            await tokens.token(stage.app())

    stage(main)


def test_a_client_that_hangs_up_does_not_stop_the_fetching(stage):
    async def main(stage):
        tokens = stage.tokens()
        with stage.door.shut() as answer:
            hanging_up = asyncio.create_task(tokens.token(stage.app()))
            await asked(stage, 1)
        hanging_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging_up
        answer.set()
        await tokens.token(stage.app())
        assert stage.asked() == 1

    stage(main)


def test_a_token_of_another_master_key_is_fetched_again(stage):
    async def main(stage):
        await stage.tokens().token(stage.app())
        token, _ = await stage.tokens(key=bytes(32)).token(stage.app())
        assert token
        assert stage.asked() == 2

    stage(main)


def test_qq_has_tokens_too(stage):
    async def main(stage):
        tokens = stage.tokens()
        token, left = await tokens.token(stage.app("qq"))
        assert left == 7200
        assert await tokens.token(stage.app("qq")) == (token, 7200)
        assert stage.asked("/api/getToken", "qq") == 1

    stage(main)


def test_tokens_stay_where_they_belong(stage, caplog):
    """The canary: not in the database's bytes, not in a log, not in an error, not in a repr."""

    async def main(stage):
        caplog.set_level(logging.DEBUG)
        tokens, app = stage.tokens(), stage.app()
        token, _ = await tokens.token(app)
        shown = [repr(tokens._held), repr(token)]
        stage.emulator.add_app("wechat", APPID, AppSettings("another-secret-since"))
        stage.emulator.revoke_token("wechat", APPID)
        for work in (tokens.run(app, checking(stage)), tokens.newer(app, token)):
            with pytest.raises(PlatformRefusedUs) as raised:
                await work
            shown += traceback.format_exception(raised.value)
        nowhere = stage.app(origin=f"http://127.0.0.1:{free_port()}")
        with pytest.raises(Refusal) as raised:
            await tokens.run(nowhere, checking(stage))
        shown += traceback.format_exception(raised.value)
        async with stage.database.reading() as connection:
            rows = (await connection.execute(select(access_tokens))).all()
        assert len(rows) == 1
        shown += [str(rows), caplog.text]
        for secret in (token.reveal(), app.secret.reveal()):
            assert all(secret not in text for text in shown)

    stage(main)
