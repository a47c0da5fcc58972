"""Baidu's and Kuaishou's adapters and the client against the emulator: two readings of the same reference."""

from __future__ import annotations

import time

import pytest

from menshen.emulator.faults import FAULTS, Fault
from menshen.emulator.state import AppSettings
from menshen.errors import (
    CodeInvalid,
    OpenDataInvalid,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    PlatformSaysBusy,
    PlatformTimeout,
    Refusal,
)
from menshen.platforms.open_data import phone_of, profile_of
from menshen.platforms.registry import PLATFORMS
from tests.platforms.test_against_emulator import against

BOTH = pytest.mark.parametrize("platform", ["baidu", "kuaishou"])


@BOTH
@pytest.mark.parametrize("settings", [{}, {"unionid": True}, {"errcode_on_success": True, "extra_fields": True}])
def test_a_login(platform, settings):
    async def main(emulator, client, app):
        first = await client.code2session(app, emulator.login(platform, "app-1", "alice"))
        again = await client.code2session(app, emulator.login(platform, "app-1", "alice"))
        other = await client.code2session(app, emulator.login(platform, "app-1", "bob"))
        assert first == again
        assert first.openid != other.openid
        assert bool(first.unionid) == bool(settings.get("unionid") and platform == "kuaishou")
        assert len(first.session_key.reveal()) == {"baidu": 32, "kuaishou": 24}[platform]

    against(platform, main, **settings)


@BOTH
def test_a_replay_and_a_code_that_was_never_given(platform):
    async def main(emulator, client, app):
        code = emulator.login(platform, "app-1", "alice")
        await client.code2session(app, code)
        for bad in (code, "0" * 32, emulator.login("wechat", "wx", "alice")):
            with pytest.raises(CodeInvalid):
                await client.code2session(app, bad)
        assert emulator.calls(platform).codes[code] == 2

    async def with_wechat(emulator, client, app):
        emulator.add_app("wechat", "wx", AppSettings("secret"))
        await main(emulator, client, app)

    against(platform, with_wechat)


@BOTH
def test_a_wrong_secret(platform):
    async def main(emulator, client, app):
        emulator.add_app(platform, "app-1", AppSettings("reset"))
        with pytest.raises(PlatformRefusedUs):
            await client.code2session(app, emulator.login(platform, "app-1", "alice"))
        with pytest.raises(PlatformRefusedUs):
            await client.run(PLATFORMS[platform].access_token(app, False))

    against(platform, main)


OUTCOMES = {
    "latency": None,
    "extra_fields": None,
    "string_errcode": None,
    "control_characters": None,
    "-1": PlatformSaysBusy,
    "502": PlatformSaysBusy,
    "45011": PlatformLimit,
    "40226": PlatformRefusedUs,  # the platforms document no number for a blocked user
    "timeout": PlatformTimeout,
    "truncated": PlatformReplyInvalid,
    "html": PlatformReplyInvalid,
    "huge": PlatformReplyInvalid,
    "redirect": PlatformReplyInvalid,
}


def test_every_fault_has_an_outcome():
    assert set(OUTCOMES) == FAULTS


@BOTH
@pytest.mark.parametrize(("name", "kind"), OUTCOMES.items())
def test_every_fault(platform, name, kind):
    async def main(emulator, client, app):
        emulator.add_fault(platform, Fault(name, seconds=0.05 if name == "latency" else 0))
        code = emulator.login(platform, "app-1", "alice")
        if kind is None:
            assert (await client.code2session(app, code)).openid
        else:
            with pytest.raises(Refusal) as raised:
                await client.code2session(app, code)
            assert type(raised.value) is kind
        assert emulator.calls(platform).codes == {code: 1}

    against(platform, main)


@BOTH
def test_a_token(platform):
    async def main(emulator, client, app):
        adapter = PLATFORMS[platform]
        first = await client.run(adapter.access_token(app, False))
        assert (first.expires_in, bool(first.token)) == (7200, True)
        assert (await client.run(adapter.access_token(app, False))).token != first.token

    against(platform, main)


@BOTH
def test_open_data(platform):
    async def main(emulator, client, app):
        adapter, now = PLATFORMS[platform], time.time()
        alice = await client.code2session(app, emulator.login(platform, "app-1", "alice"))
        bob = await client.code2session(app, emulator.login(platform, "app-1", "bob"))
        made = emulator.user_info(platform, "app-1", "alice", {}, {})
        closed = adapter.encrypted_data(made.encrypted_data, made.iv)
        fields = adapter.decrypt(app, closed, alice.session_key, openid=alice.openid, now=now)
        assert profile_of(fields)["gender"] == "0"
        for key, openid in ((bob.session_key, alice.openid), (alice.session_key, bob.openid)):
            with pytest.raises(OpenDataInvalid):
                adapter.decrypt(app, closed, key, openid=openid, now=now)
        made = emulator.phone_data(platform, "app-1", "alice", "13800001111", "86", {})
        closed = adapter.encrypted_data(made.encrypted_data, made.iv)
        phone = phone_of(adapter.decrypt(app, closed, alice.session_key, openid=alice.openid, now=now))
        assert (phone.pure, phone.country_code) == ("13800001111", "86")

    against(platform, main)
