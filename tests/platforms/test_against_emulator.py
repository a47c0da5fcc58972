"""Adapters and client against the emulator: two readings of the same reference, which must agree."""

from __future__ import annotations

import pytest
import uvloop

from menshen.config.snapshot import App
from menshen.emulator.asgi import emulator_app
from menshen.emulator.faults import FAULTS, Fault
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
from menshen.platforms.client import PlatformClient
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
