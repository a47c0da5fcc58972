"""Adapters and client against the emulator: two readings of the same reference, which must agree."""

from __future__ import annotations

import time

import pytest
import uvloop

from menshen.config.snapshot import App
from menshen.emulator.asgi import emulator_app
from menshen.emulator.faults import APIS, FAULTS, Fault
from menshen.emulator.state import AppSettings, Emulator
from menshen.errors import (
    CodeInvalid,
    CodeUsed,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    PlatformSaysBusy,
    PlatformTimeout,
    Refusal,
    UserBlocked,
)
from menshen.platforms.base import PlatformPhone, TokenRefused
from menshen.platforms.client import PlatformClient
from menshen.platforms.open_data import decrypt, encrypted_data, phone_of, profile_of, signed_data, verify_raw
from menshen.platforms.wechat import WeChat
from menshen.secret import Secret
from menshen.web.serving import serving

SECRET = "0123456789abcdef0123456789abcdef"


def against(platform, main, **settings):
    async def whole():
        emulator = Emulator()
        emulator.add_app(platform, "app-1", AppSettings(SECRET, **settings))
        async with (
            serving(emulator_app(emulator), "127.0.0.1", 0, drain=0.1) as bound,
            PlatformClient(timeout=0.5) as client,
        ):
            await main(emulator, client, App("shop", platform, "app-1", Secret(SECRET), f"{bound.origin}/{platform}"))

    uvloop.run(whole())


@pytest.mark.parametrize("platform", ["wechat", "qq"])
@pytest.mark.parametrize("settings", [{}, {"unionid": True}, {"errcode_on_success": True, "extra_fields": True}])
def test_a_login(platform, settings):
    async def main(emulator, client, app):
        first = await client.code2session(app, emulator.login(platform, "app-1", "alice"))
        again = await client.code2session(app, emulator.login(platform, "app-1", "alice"))
        assert first == again
        assert bool(first.unionid) == bool(settings.get("unionid"))
        assert len(first.openid) == {"wechat": 28, "qq": 32}[platform]
        assert len(first.session_key.reveal()) == 24

    against(platform, main, **settings)


@pytest.mark.parametrize(("platform", "kind", "errcode"), [("wechat", CodeUsed, 40163), ("qq", CodeInvalid, 40029)])
def test_a_replay(platform, kind, errcode):
    async def main(emulator, client, app):
        code = emulator.login(platform, "app-1", "alice")
        await client.code2session(app, code)
        with pytest.raises(kind) as raised:
            await client.code2session(app, code)
        assert raised.value.platform_errcode == errcode
        assert emulator.calls(platform).codes == {code: 2}

    against(platform, main)


@pytest.mark.parametrize(("platform", "errcode"), [("wechat", 40125), ("qq", -101222100)])
def test_a_wrong_secret(platform, errcode):
    async def main(emulator, client, app):
        emulator.add_app(platform, "app-1", AppSettings("reset"))
        with pytest.raises(PlatformRefusedUs) as raised:
            await client.code2session(app, emulator.login(platform, "app-1", "alice"))
        assert raised.value.platform_errcode == errcode

    against(platform, main)


OUTCOMES = {
    "latency": None,
    "extra_fields": None,
    "string_errcode": None,
    "control_characters": None,
    "-1": PlatformSaysBusy,
    "502": PlatformSaysBusy,
    "45011": PlatformLimit,
    "40226": UserBlocked,
    "timeout": PlatformTimeout,
    "truncated": PlatformReplyInvalid,
    "html": PlatformReplyInvalid,
    "huge": PlatformReplyInvalid,
    "redirect": PlatformReplyInvalid,
}


def test_every_fault_has_an_outcome():
    assert set(OUTCOMES) == FAULTS


@pytest.mark.parametrize(("name", "kind"), OUTCOMES.items())
def test_every_fault(name, kind):
    async def main(emulator, client, app):
        emulator.add_fault("wechat", Fault(name, seconds=0.05 if name == "latency" else 0))
        code = emulator.login("wechat", "app-1", "alice")
        if kind is None:
            assert (await client.code2session(app, code)).openid
        else:
            with pytest.raises(Refusal) as raised:
                await client.code2session(app, code)
            assert type(raised.value) is kind
        assert emulator.calls("wechat").codes == {code: 1}

    against("wechat", main)


def test_a_token_a_number_and_a_key():
    async def main(emulator, client, app):
        wechat = WeChat()
        token = await client.run(wechat.access_token(app, False))
        assert token.expires_in == 7200
        assert (await client.run(wechat.access_token(app, False))).token == token.token
        assert (await client.run(wechat.access_token(app, True))).token != token.token
        alice = await client.code2session(app, emulator.login("wechat", "app-1", "alice"))
        with pytest.raises(TokenRefused) as raised:
            await client.run(wechat.check_session(app, token.token, alice.openid, alice.session_key))
        assert raised.value.platform_errcode == 40001
        good = (await client.run(wechat.access_token(app, False))).token
        for number, country, shown in (("13580006666", "86", "13580006666"), ("91234567", "852", "+85291234567")):
            code = emulator.phone("wechat", "app-1", "alice", number, country)
            phone = await client.run(wechat.phone_number(app, good, code, alice.openid))
            assert phone == PlatformPhone(shown, number, country)
        assert await client.run(wechat.check_session(app, good, alice.openid, alice.session_key)) is True
        anew = await client.run(wechat.reset_session_key(app, good, alice.openid, alice.session_key))
        assert anew.session_key != alice.session_key
        assert await client.run(wechat.check_session(app, good, alice.openid, alice.session_key)) is False

    against("wechat", main)


@pytest.mark.parametrize("platform", ["wechat", "qq"])
def test_open_data(platform):
    async def main(emulator, client, app):
        alice = await client.code2session(app, emulator.login(platform, "app-1", "alice"))
        now = time.time()
        for made in (
            emulator.user_info(platform, "app-1", "alice", {}, {}),
            emulator.phone_data(platform, "app-1", "alice", "", "86", {}),
        ):
            closed = encrypted_data(made.encrypted_data, made.iv)
            fields = decrypt(closed, alice.session_key, appid=app.appid, openid=alice.openid, now=now)
            if made.signature:
                plain = verify_raw(signed_data(made.raw_data, made.signature), alice.session_key)
                assert profile_of(plain) == profile_of(fields) == {"nickname": "微信用户", "gender": "0"}
            else:
                assert phone_of(fields).pure.startswith("138")

    against(platform, main)


OUTCOMES_OF_CALLS = {
    "latency": None,
    "extra_fields": None,
    "string_errcode": None,
    "control_characters": None,
    "-1": PlatformSaysBusy,
    "502": PlatformSaysBusy,
    "40001": TokenRefused,
    "40014": TokenRefused,
    "42001": TokenRefused,
    "40164": PlatformRefusedUs,
    "48001": PlatformRefusedUs,
    "89503": PlatformRefusedUs,
    "45009": PlatformLimit,
    "45011": PlatformLimit,
    "timeout": PlatformTimeout,
    "truncated": PlatformReplyInvalid,
    "html": PlatformReplyInvalid,
    "huge": PlatformReplyInvalid,
    "redirect": PlatformReplyInvalid,
}


def test_every_fault_of_a_call_has_an_outcome():
    assert set(OUTCOMES_OF_CALLS) == APIS["phone"] == APIS["token"] == APIS["session"]


@pytest.mark.parametrize(("name", "kind"), OUTCOMES_OF_CALLS.items())
def test_every_fault_of_a_call(name, kind):
    async def main(emulator, client, app):
        wechat = WeChat()
        token = (await client.run(wechat.access_token(app, False))).token
        alice = await client.code2session(app, emulator.login("wechat", "app-1", "alice"))
        emulator.add_fault("wechat", Fault(name, seconds=0.05 if name == "latency" else 0, api="phone"))
        flow = wechat.phone_number(app, token, emulator.phone("wechat", "app-1", "alice"), alice.openid)
        if kind is None:
            assert (await client.run(flow)).country_code == "86"
        else:
            with pytest.raises(kind):
                await client.run(flow)
        assert emulator.calls("wechat").apis["/wxa/business/getuserphonenumber"] == 1

    against("wechat", main)
