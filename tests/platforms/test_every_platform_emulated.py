"""Every platform's adapter and the client against its emulator: two readings of one reference, which must agree."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from menshen.emulator.dialects import DIALECTS
from menshen.emulator.faults import APIS, FAULTS, SIGNED, Fault
from menshen.emulator.state import AppSettings, Emulator, NotFaked
from menshen.errors import (
    CodeInvalid,
    NotOffered,
    OpenDataInvalid,
    PhoneCodeInvalid,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    PlatformSaysBusy,
    PlatformTimeout,
    Refusal,
)
from menshen.platforms.base import PlatformPhone, TokenLogins, TokenRefused
from menshen.platforms.evidence import evidence
from menshen.platforms.open_data import phone_of, profile_of, signed_data, signed_fields, verify_raw
from menshen.platforms.registry import PLATFORMS
from menshen.secret import Secret
from menshen.web.console.try_it.emulated import openid_in
from tests.platforms.rows import FACETS, ROWS, against, having, log_in

EACH = pytest.mark.parametrize("platform", ROWS)
SETTINGS = [{}, {"unionid": True}, {"errcode_on_success": True, "extra_fields": True}]


def each(*facets):
    return pytest.mark.parametrize("platform", having(*facets))


def test_every_platform_has_a_row_and_every_row_is_faked():
    assert set(ROWS) == set(PLATFORMS) == set(DIALECTS)


@EACH
def test_the_console_finds_in_what_the_emulator_heard_who_logged_in(platform):
    async def main(emulator, client, app):
        code = emulator.login(platform, app.appid, "lin")
        identity = await log_in(client, app, code)
        heard = emulator.heard(platform, code)[-1]
        assert openid_in(heard.answer) == identity.openid
        if identity.session_key:
            assert identity.session_key.reveal() not in repr(heard)

    against(platform, main)


@EACH
def test_a_row_says_of_everything_whether_the_platform_has_it(platform):
    row, adapter = ROWS[platform], PLATFORMS[platform]
    assert (row.has | row.never, row.has & row.never) == (FACETS, frozenset())
    told = {
        "session_key": adapter.session_keys,
        "phone_codes": adapter.phone_codes,
        "session_checks": adapter.session_checks,
        "token_login": isinstance(adapter, TokenLogins),
    }
    assert {name for name, has in told.items() if has} == row.has & told.keys()
    assert adapter.open_data == bool(row.has & {"profiles", "phone_data"})
    known = evidence([platform])[platform]
    for facet in ("unionid", "phone_data", "phone_codes", "session_checks", "access_token"):
        said = known[facet].confirmed
        assert said in ("none", "unconfirmed") if facet in row.never else said != "none", facet


@EACH
@pytest.mark.parametrize("settings", SETTINGS, ids=["plain", "unionid", "more fields"])
def test_a_login(platform, settings):
    row = ROWS[platform]

    async def main(emulator, client, app):
        first = await log_in(client, app, emulator.login(platform, "app-1", "alice"))
        again = await log_in(client, app, emulator.login(platform, "app-1", "alice"))
        other = await log_in(client, app, emulator.login(platform, "app-1", "bob"))
        assert first == again
        assert first.openid != other.openid
        assert bool(first.unionid) == bool(settings.get("unionid") and "unionid" in row.has)
        assert len(first.openid) == row.openid_length
        assert len(first.session_key.reveal()) == row.session_key_length
        assert bool(row.session_key_length) == ("session_key" in row.has)

    against(platform, main, **settings)


@EACH
def test_a_wrong_code_and_another_apps(platform):
    async def main(emulator, client, app):
        emulator.add_app(platform, "app-2", AppSettings(ROWS[platform].other_secret))
        for code in ("0" * 32, emulator.login(platform, "app-2", "alice")):
            with pytest.raises(CodeInvalid) as raised:
                await log_in(client, app, code)
            assert raised.value.platform_errcode == ROWS[platform].wrong_code
            assert emulator.calls(platform).codes[code] == 1

    against(platform, main)


@EACH
def test_a_used_code(platform):
    kind, errcode = ROWS[platform].used_code

    async def main(emulator, client, app):
        code = emulator.login(platform, "app-1", "alice")
        await log_in(client, app, code)
        with pytest.raises(Refusal) as raised:
            await log_in(client, app, code)
        assert (type(raised.value), raised.value.platform_errcode) == (kind, errcode)
        assert emulator.calls(platform).codes == {code: 2}

    against(platform, main)


@EACH
def test_a_wrong_secret(platform):
    row = ROWS[platform]

    async def main(emulator, client, app):
        mine = replace(app, secret=Secret(row.other_secret))
        with pytest.raises(PlatformRefusedUs) as raised:
            await log_in(client, mine, emulator.login(platform, "app-1", "alice"))
        assert raised.value.platform_errcode == row.wrong_secret
        if "access_token" in row.has:
            with pytest.raises(PlatformRefusedUs):
                await client.run(PLATFORMS[platform].access_token(mine, False))

    against(platform, main)


@EACH
def test_a_wrong_appid(platform):
    wrong = {ROWS[platform].named_by: "app-2"}

    async def main(emulator, client, app):
        with pytest.raises(PlatformRefusedUs):
            await log_in(client, replace(app, **wrong), emulator.login(platform, "app-1", "alice"))

    against(platform, main)


SOON = 2.5
"""Seconds of a call that waits in vain: enough for a busy machine to connect and send, or it was never sent."""

OUTCOMES = {
    "latency": None,
    "extra_fields": None,
    "string_errcode": None,
    "control_characters": None,
    "-1": PlatformSaysBusy,
    "502": PlatformSaysBusy,
    "45011": PlatformLimit,
    "timeout": PlatformTimeout,
    "truncated": PlatformReplyInvalid,
    "html": PlatformReplyInvalid,
    "huge": PlatformReplyInvalid,
    "redirect": PlatformReplyInvalid,
}


def test_every_fault_has_an_outcome():
    assert {*OUTCOMES, "40226"} == FAULTS


@EACH
@pytest.mark.parametrize("name", [*OUTCOMES, "40226"])
def test_every_fault(platform, name):
    kind = ROWS[platform].blocked if name == "40226" else OUTCOMES[name]

    async def main(emulator, client, app):
        emulator.add_fault(platform, Fault(name, seconds=0.05 if name == "latency" else 0))
        code = emulator.login(platform, "app-1", "alice")
        if kind is None:
            assert (await log_in(client, app, code)).openid
        else:
            with pytest.raises(Refusal) as raised:
                await log_in(client, app, code)
            assert type(raised.value) is kind
        assert emulator.calls(platform).codes == {code: 1}

    against(platform, main, timeout=SOON if name == "timeout" else 60)


@EACH
def test_an_access_token(platform):
    adapter = PLATFORMS[platform]

    async def main(emulator, client, app):
        if "access_token" in ROWS[platform].never:
            with pytest.raises(NotOffered):
                adapter.access_token(app, False)
            return
        first = await client.run(adapter.access_token(app, False))
        assert (first.expires_in, bool(first.token)) == (7200, True)
        second = await client.run(adapter.access_token(app, False))
        assert (second.token == first.token) == adapter.stable_tokens
        forced = await client.run(adapter.access_token(app, True))
        assert (forced.token != second.token) == ROWS[platform].forces_tokens

    against(platform, main)


@each("token_login")
def test_a_token_that_is_not_taken_spends_no_code(platform):
    adapter = PLATFORMS[platform]

    async def main(emulator, client, app):
        code = emulator.login(platform, "app-1", "alice")
        emulator.add_app(platform, "app-2", AppSettings("other"))
        other = replace(app, appid="app-2", secret=Secret("other"))
        foreign = (await client.run(adapter.access_token(other, False))).token
        old = (await client.run(adapter.access_token(app, False))).token
        emulator.revoke_token(platform, "app-1")
        # Where it is the token alone that names the app, another's is for codes of that one.
        foreigners = [foreign] if ROWS[platform].login_names_app else []
        for token in (*foreigners, old, Secret("never-given")):
            with pytest.raises(TokenRefused):
                await client.run(adapter.code2session_by(app, token, code))
        assert (await log_in(client, app, code)).openid

    against(platform, main)


# Open data.


def opened(app, made, identity, **change):
    adapter = PLATFORMS[app.platform]
    closed = adapter.encrypted_data(made.encrypted_data, made.iv)
    asked = {"session_key": identity.session_key, "openid": identity.openid, "now": time.time(), **change}
    return adapter.decrypt(app, closed, asked.pop("session_key"), **asked)


@EACH
def test_a_profile(platform):
    row = ROWS[platform]

    async def main(emulator, client, app):
        if "profiles" in row.never:
            with pytest.raises(NotFaked):
                emulator.user_info(platform, "app-1", "alice", {}, {})
            return
        alice = await log_in(client, app, emulator.login(platform, "app-1", "alice"))
        bob = await log_in(client, app, emulator.login(platform, "app-1", "bob"))
        made = emulator.user_info(platform, "app-1", "alice", {}, {})
        fields = opened(app, made, alice)
        assert profile_of(fields) == row.profile
        assert bool(made.signature) == ("signed_data" in row.has)
        if made.signature:
            signed = signed_data(made.raw_data, made.signature)
            plain = signed_fields(PLATFORMS[platform], signed, alice.session_key)
            assert profile_of(plain) == row.profile | row.signed_more
            with pytest.raises(OpenDataInvalid):
                signed_fields(PLATFORMS[platform], signed, bob.session_key)
        for wrong in ({"session_key": bob.session_key}, {"openid": bob.openid}):
            with pytest.raises(OpenDataInvalid):
                opened(app, made, alice, **wrong)

    against(platform, main)


@EACH
def test_a_number_in_open_data(platform):
    row = ROWS[platform]

    async def main(emulator, client, app):
        if "phone_data" in row.never:
            with pytest.raises(NotFaked):
                emulator.phone_data(platform, "app-1", "alice", "13580006666", "86", {})
            return
        alice = await log_in(client, app, emulator.login(platform, "app-1", "alice"))
        bob = await log_in(client, app, emulator.login(platform, "app-1", "bob"))
        made = emulator.phone_data(platform, "app-1", "alice", "13580006666", "86", {})
        assert phone_of(opened(app, made, alice)) == PlatformPhone("13580006666", "13580006666", "86")
        if "session_key" in row.has:
            with pytest.raises(OpenDataInvalid):
                opened(app, made, alice, session_key=bob.session_key)

    against(platform, main)


@each("phone_data", "named_app")
def test_open_data_that_names_another_app(platform):
    async def main(emulator, client, app):
        alice = await log_in(client, app, emulator.login(platform, "app-1", "alice"))
        made = emulator.phone_data(platform, "app-1", "alice", "13580006666", "86", {})
        with pytest.raises(OpenDataInvalid):
            opened(replace(app, appid="app-2"), made, alice)

    against(platform, main)


def test_signed_data_where_there_is_no_session_key_is_anybodys():
    with pytest.raises(OpenDataInvalid):
        verify_raw(signed_data("{}", "bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f"), Secret(""))


# Calls with an access token.


@EACH
def test_phone_codes(platform):
    adapter = PLATFORMS[platform]

    async def main(emulator, client, app):
        if "phone_codes" in ROWS[platform].never:
            with pytest.raises(NotFaked):
                emulator.phone(platform, "app-1", "alice")
            with pytest.raises(NotOffered):
                adapter.phone_number(app, Secret("token"), "code", "openid")
            return
        token = (await client.run(adapter.access_token(app, False))).token
        alice = await log_in(client, app, emulator.login(platform, "app-1", "alice"))
        for number, country, shown in (("13580006666", "86", "13580006666"), ("91234567", "852", "+85291234567")):
            code = emulator.phone(platform, "app-1", "alice", number, country)
            phone = await client.run(adapter.phone_number(app, token, code, alice.openid))
            assert phone == PlatformPhone(shown, number, country)
            with pytest.raises(PhoneCodeInvalid):
                await client.run(adapter.phone_number(app, token, code, alice.openid))
        emulator.revoke_token(platform, "app-1")
        with pytest.raises(TokenRefused):
            await client.run(adapter.phone_number(app, token, "x", alice.openid))

    against(platform, main)


OUTCOMES_OF_CALLS = {
    **OUTCOMES,
    "40001": TokenRefused,
    "40014": TokenRefused,
    "42001": TokenRefused,
    "40164": PlatformRefusedUs,
    "48001": PlatformRefusedUs,
    "89503": PlatformRefusedUs,
    "45009": PlatformLimit,
}


def test_every_fault_of_a_call_has_an_outcome():
    """Those of signed answers are in tests/edge/test_api_security.py."""
    assert set(OUTCOMES_OF_CALLS) == APIS["phone"] - SIGNED == APIS["token"] == APIS["session"]


@each("phone_codes")
@pytest.mark.parametrize(("name", "kind"), OUTCOMES_OF_CALLS.items())
def test_every_fault_of_a_call(platform, name, kind):
    adapter = PLATFORMS[platform]

    async def main(emulator, client, app):
        token = (await client.run(adapter.access_token(app, False))).token
        alice = await log_in(client, app, emulator.login(platform, "app-1", "alice"))
        emulator.add_fault(platform, Fault(name, seconds=0.05 if name == "latency" else 0, api="phone"))
        flow = adapter.phone_number(app, token, emulator.phone(platform, "app-1", "alice"), alice.openid)
        if kind is None:
            assert (await client.run(flow)).country_code == "86"
        else:
            with pytest.raises(kind):
                await client.run(flow)
        assert emulator.calls(platform).apis[ROWS[platform].phone_call] == 1

    against(platform, main, timeout=SOON if name == "timeout" else 60)


@EACH
def test_whether_a_session_key_is_good(platform):
    adapter = PLATFORMS[platform]

    async def main(emulator, client, app):
        if "session_checks" in ROWS[platform].never:
            for call in (adapter.check_session, adapter.reset_session_key):
                with pytest.raises(NotOffered):
                    call(app, Secret("token"), "openid", Secret("key"))
            return
        token = (await client.run(adapter.access_token(app, False))).token
        alice = await log_in(client, app, emulator.login(platform, "app-1", "alice"))
        assert await client.run(adapter.check_session(app, token, alice.openid, alice.session_key)) is True
        anew = await client.run(adapter.reset_session_key(app, token, alice.openid, alice.session_key))
        assert anew.session_key != alice.session_key
        assert await client.run(adapter.check_session(app, token, alice.openid, alice.session_key)) is False
        emulator.revoke_token(platform, "app-1")
        with pytest.raises(TokenRefused):
            await client.run(adapter.check_session(app, token, alice.openid, alice.session_key))

    against(platform, main)


def test_a_token_that_wechat_never_gave_is_its_40001():
    async def main(emulator, client, app):
        wechat = PLATFORMS["wechat"]
        old = await client.run(wechat.access_token(app, False))
        await client.run(wechat.access_token(app, True))
        alice = await log_in(client, app, emulator.login("wechat", "app-1", "alice"))
        with pytest.raises(TokenRefused) as raised:
            await client.run(wechat.check_session(app, old.token, alice.openid, alice.session_key))
        assert raised.value.platform_errcode == 40001

    against("wechat", main)


# What one platform has alone.


def test_a_device_logs_in_at_douyin_and_is_not_its_user():
    async def main(emulator, client, app):
        code = emulator.login("douyin", "app-1", "alice", anonymous=True)
        for wrong in (code, f"anonymous:{emulator.login('douyin', 'app-1', 'alice')}"):
            with pytest.raises(CodeInvalid):
                await client.code2session(app, wrong)
        device = await client.code2session(app, f"anonymous:{code}")
        alice = await client.code2session(app, emulator.login("douyin", "app-1", "alice"))
        assert device.openid.removeprefix("anonymous:") not in (device.openid, alice.openid)
        with pytest.raises(CodeInvalid) as raised:
            await client.code2session(app, f"anonymous:{code}")
        assert raised.value.platform_errcode == 40019

    against("douyin", main)


@pytest.mark.parametrize("platform", [name for name in ROWS if name != "douyin"])
def test_no_other_platform_has_codes_of_devices(platform):
    async def main(emulator, client, app):
        with pytest.raises(NotFaked):
            emulator.login(platform, "app-1", "alice", anonymous=True)

    against(platform, main)


def test_douyins_numbers_for_a_wrong_secret_of_a_token_and_for_a_wrong_appid():
    async def main(emulator, client, app):
        with pytest.raises(PlatformRefusedUs) as raised:
            await client.run(PLATFORMS["douyin"].access_token(replace(app, secret=Secret("wrong")), False))
        assert raised.value.platform_errcode == 10013
        with pytest.raises(PlatformRefusedUs) as raised:
            await client.code2session(replace(app, appid="app-2"), emulator.login("douyin", "app-1", "alice"))
        assert raised.value.platform_errcode == 40015

    against("douyin", main)


def test_an_answer_with_another_key_of_the_platform_logs_nobody_in():
    async def main(emulator, client, app):
        emulator.add_app("alipay", "app-2", AppSettings(ROWS["alipay"].secret))
        mine = replace(app, platform_key=emulator.shown("alipay", "app-2")["platform_key"])
        with pytest.raises(PlatformReplyInvalid, match="platform_key"):
            await client.code2session(mine, emulator.login("alipay", "app-1", "alice"))
        with pytest.raises(PlatformReplyInvalid, match="platform_key"):
            await client.code2session(mine, "nobodys-code")

    against("alipay", main)


def test_the_platforms_key_of_an_app_stays_when_the_app_changes():
    row, emulator = ROWS["alipay"], Emulator()
    emulator.add_app("alipay", "app-1", AppSettings(row.secret))
    before = emulator.shown("alipay", "app-1")
    emulator.add_app("alipay", "app-1", AppSettings(row.other_secret))
    assert emulator.shown("alipay", "app-1") == before
