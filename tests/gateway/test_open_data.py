"""Open data and numbers through the emulator: the user's own, now, or a refusal that says the right thing."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
import uvloop

from menshen.emulator.faults import Fault
from menshen.errors import (
    NotOffered,
    OpenDataInvalid,
    PhoneCodeInvalid,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformSaysBusy,
    SessionKeyStale,
)
from menshen.gateway.open_data import OpenData
from menshen.gateway.proofs import Proofs
from menshen.platforms.base import PlatformPhone
from menshen.secret import Secret
from menshen.storage.database import sqlite_url
from menshen.storage.identities import IdentityKey, SeenIdentity, add_identities
from menshen.storage.sealing import Sealer
from menshen.storage.user_standings import add_users
from tests.gateway.tokens_stage import APPID, MASTER_KEY, NOW, PHONE, staged
from tests.platforms import open_data_vectors as vectors

CHECK = "/wxa/checksession"


class Phone:
    """A user who has logged in, and the gateway that keeps his key."""

    def __init__(self, stage, platform):
        self.stage = stage
        self.platform = platform
        self.app = stage.app(platform)
        self.open_data = OpenData(stage.database, Sealer(MASTER_KEY, "session-key"), stage.tokens(), stage.clock)
        self.identity = None

    async def log_in(self, user="alice"):
        code = self.stage.emulator.login(self.platform, APPID, user)
        self.identity = await self.stage.client.code2session(self.app, code)
        await self.keep(self.identity.openid, self.identity.session_key)

    async def keep(self, openid, session_key):
        key = IdentityKey(self.app.platform, self.app.appid, openid)
        sealed = Sealer(MASTER_KEY, "session-key").seal(session_key, f"{key.platform}/{key.appid}/{key.openid}")
        async with self.stage.database.writing() as connection:
            await add_users(connection, {f"u{openid}"[:40]: 1})
            await add_identities(connection, [(f"u{openid}"[:40], SeenIdentity(key, "", sealed, 1))])

    def user_info(self, user="alice", profile=None, watermark=None):
        return self.stage.emulator.user_info(self.platform, APPID, user, profile or {}, watermark or {})

    def number(self, user="alice", number="13580006666", watermark=None):
        return self.stage.emulator.phone_data(self.platform, APPID, user, number, "86", watermark or {})

    async def decrypted(self, payload, iv=None):
        openid = self.identity.openid
        return await self.open_data.decrypted(self.app, openid, payload.encrypted_data, iv or payload.iv)


@pytest.fixture
def phone(tmp_path):
    def start(main, platform="wechat", logged_in=True):
        async def whole():
            async with staged(sqlite_url(tmp_path)) as stage:
                phone = Phone(stage, platform)
                if logged_in:
                    await phone.log_in()
                await main(phone)

        uvloop.run(whole())

    return start


both = pytest.mark.parametrize("platform", ["wechat", "qq"])


@both
def test_a_payload_opens_with_the_kept_key(phone, platform):
    async def main(phone):
        fields = await phone.decrypted(phone.user_info(profile={"nickName": "Band"}))
        assert (fields["nickName"], fields["openId"]) == ("Band", phone.identity.openid)
        payload = phone.number()
        found = await phone.open_data.phone(phone.app, phone.identity.openid, payload.encrypted_data, payload.iv)
        assert found == PlatformPhone("13580006666", "13580006666", "86")
        assert phone.stage.asked(CHECK) == 0

    phone(main, platform)


def test_the_official_vectors_open_with_a_kept_key(phone):
    async def main(phone):
        phone.stage.clock.time = vectors.MADE
        await phone.keep(vectors.OPENID, vectors.SESSION_KEY)
        fields = await phone.open_data.decrypted(phone.app, vectors.OPENID, vectors.USER_INFO, vectors.IV)
        assert fields == vectors.USER_INFO_FIELDS
        number = await phone.open_data.phone(phone.app, vectors.OPENID, vectors.PHONE, vectors.IV)
        assert number.pure == "13580006666"

    phone(main, logged_in=False)


async def bad_payloads(phone):
    """Each kind of failure with the key, as (data, iv)."""
    good, number = phone.user_info(), phone.number()
    closed = bytearray(base64.b64decode(good.encrypted_data))
    closed[-1] ^= 1
    await phone.stage.client.code2session(phone.app, phone.stage.emulator.login(phone.platform, APPID, "mallory"))
    others = phone.user_info("mallory")
    return {
        "padding": (base64.b64encode(closed).decode(), good.iv),
        "rubbish": (base64.b64encode(bytes(64)).decode(), good.iv),
        "iv": (good.encrypted_data, number.iv),
        "another user's": (others.encrypted_data, others.iv),
        "another app's": _parts(phone.user_info(watermark={"appid": "wxother"})),
        "old": _parts(phone.user_info(watermark={"timestamp": int(NOW) - 601})),
        "from the future": _parts(phone.user_info(watermark={"timestamp": int(NOW) + 121})),
        "no watermark": _parts(phone.user_info(watermark={"timestamp": None})),
    }


def _parts(payload):
    return payload.encrypted_data, payload.iv


def test_every_failure_with_a_good_key_is_the_same(phone):
    async def main(phone):
        seen = set()
        for number, (data, iv) in enumerate((await bad_payloads(phone)).values()):
            with pytest.raises(OpenDataInvalid) as raised:
                await phone.open_data.decrypted(phone.app, phone.identity.openid, data, iv)
            seen.add((raised.value.detail, raised.value.platform_errcode))
            assert phone.stage.asked(CHECK) == number + 1
        assert len(seen) == 1

    phone(main)


def test_every_failure_with_a_key_that_is_not_the_users_any_more_is_the_same(phone):
    async def main(phone):
        bad = await bad_payloads(phone)
        phone.stage.emulator.rotate_key("wechat", APPID, "alice")
        bad["new key"] = _parts(phone.user_info())
        for data, iv in bad.values():
            with pytest.raises(SessionKeyStale):
                await phone.open_data.decrypted(phone.app, phone.identity.openid, data, iv)

    phone(main)


def test_a_platform_that_does_not_tell_sends_the_client_to_log_in(phone):
    async def main(phone):
        for data, iv in (await bad_payloads(phone)).values():
            with pytest.raises(SessionKeyStale):
                await phone.open_data.decrypted(phone.app, phone.identity.openid, data, iv)
        assert phone.stage.emulator.calls("qq").apis == {}

    phone(main, "qq")


def test_what_no_key_could_open_asks_nobody(phone):
    async def main(phone):
        good = phone.user_info()
        for data, iv in (("", good.iv), (good.encrypted_data, ""), (good.encrypted_data[:-4], good.iv), ("?", "?")):
            with pytest.raises(OpenDataInvalid):
                await phone.open_data.decrypted(phone.app, phone.identity.openid, data, iv)
        assert phone.stage.emulator.calls("wechat").apis == {}

    phone(main)


def test_without_a_kept_key_the_client_logs_in(phone):
    async def main(phone):
        payload = phone.user_info()
        for app, openid in ((phone.app, "oNobody"), (replace(phone.app, appid="wxother"), phone.identity.openid)):
            with pytest.raises(SessionKeyStale):
                await phone.open_data.decrypted(app, openid, payload.encrypted_data, payload.iv)
        other = OpenData(
            phone.stage.database, Sealer(bytes(32), "session-key"), phone.stage.tokens(), phone.stage.clock
        )
        with pytest.raises(SessionKeyStale):
            await other.decrypted(phone.app, phone.identity.openid, payload.encrypted_data, payload.iv)

    phone(main)


def test_a_platform_that_fails_when_asked_is_told_as_that(phone):
    async def main(phone):
        good = phone.user_info()
        phone.stage.emulator.add_fault("wechat", Fault("-1", api="session"))
        with pytest.raises(PlatformSaysBusy):
            await phone.decrypted(good, phone.number().iv)
        assert (await phone.decrypted(good))["nickName"] == "微信用户"

    phone(main)


def test_a_number_by_code(phone):
    async def main(phone):
        openid = phone.identity.openid
        code = phone.stage.emulator.phone("wechat", APPID, "alice", "13580006666")
        assert (await phone.open_data.phone_by_code(phone.app, code, openid)).pure == "13580006666"
        with pytest.raises(PhoneCodeInvalid):
            await phone.open_data.phone_by_code(phone.app, code, openid)

    phone(main)


def test_the_phone_code_of_one_user_is_no_good_to_another(phone):
    """Attack class 40: the code goes with the openid of the login, so the platform sees whose it is."""

    async def main(phone):
        victims = phone.stage.emulator.phone("wechat", APPID, "victim", "13580006666")
        with pytest.raises(PhoneCodeInvalid):
            await phone.open_data.phone_by_code(phone.app, victims, phone.identity.openid)
        login_code = phone.stage.emulator.login("wechat", APPID, "alice")
        with pytest.raises(PhoneCodeInvalid):
            await phone.open_data.phone_by_code(phone.app, login_code, phone.identity.openid)

    phone(main)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("45009", PlatformLimit),
        ("45011", PlatformLimit),
        ("48001", PlatformRefusedUs),
        ("40164", PlatformRefusedUs),
        ("89503", PlatformRefusedUs),
        ("-1", PlatformSaysBusy),
        ("502", PlatformSaysBusy),
    ],
)
def test_refusals_of_a_number_leave_the_code(phone, fault, kind):
    async def main(phone):
        code = phone.stage.emulator.phone("wechat", APPID, "alice")
        phone.stage.emulator.add_fault("wechat", Fault(fault, api="phone"))
        with pytest.raises(kind):
            await phone.open_data.phone_by_code(phone.app, code, phone.identity.openid)
        assert phone.stage.asked(PHONE) == 1
        assert (await phone.open_data.phone_by_code(phone.app, code, phone.identity.openid)).country_code == "86"

    phone(main)


def test_what_a_platform_or_a_login_does_not_have(phone):
    async def main(phone):
        with pytest.raises(NotOffered):
            await phone.open_data.phone_by_code(phone.app, "code", phone.identity.openid)
        with pytest.raises(NotOffered):
            await phone.open_data.reset_key(phone.app, phone.identity.openid)
        with pytest.raises(NotOffered):
            await phone.open_data.phone_by_code(phone.stage.app("wechat"), "code", "")
        assert phone.stage.emulator.calls("wechat").apis == {}

    phone(main, "qq")


def test_a_key_is_made_anew(phone):
    async def main(phone):
        openid, before = phone.identity.openid, phone.user_info()
        assert await phone.open_data.reset_key(phone.app, openid) is True
        assert (await phone.decrypted(phone.user_info()))["openId"] == openid
        with pytest.raises(OpenDataInvalid):
            await phone.decrypted(before)
        phone.stage.emulator.rotate_key("wechat", APPID, "alice")
        assert await phone.open_data.reset_key(phone.app, openid) is False
        assert await phone.open_data.reset_key(phone.app, "oNobody") is False

    phone(main)


def proofs(how="code", **brought):
    return Proofs(how, NOW, **brought)


@both
def test_the_open_data_of_a_login(phone, platform):
    async def main(phone):
        payload = phone.user_info(profile={"nickName": "Band", "gender": 1})
        closed = proofs(encrypted_data=payload.encrypted_data, iv=payload.iv)
        signed = proofs(raw_data=payload.raw_data, signature=payload.signature)
        for each in (closed, signed):
            phone.open_data.check(phone.app, each)
            assert await phone.open_data.profile(phone.app, phone.identity, each) == {"nickname": "Band", "gender": "1"}
        phone.open_data.check(phone.app, proofs())
        assert await phone.open_data.profile(phone.app, phone.identity, proofs()) == {}
        number = phone.number()
        old = phone.number(watermark={"timestamp": 1})  # not judged here: it may not be needed at all
        for each in (number, old):
            by_phone = proofs("phone", encrypted_data=each.encrypted_data, iv=each.iv)
            assert await phone.open_data.profile(phone.app, phone.identity, by_phone) == {}
        found = phone.open_data.phone_in(phone.app, phone.identity, number.encrypted_data, number.iv)
        assert found.pure == "13580006666"

    phone(main, platform)


def test_the_open_data_of_a_login_is_of_that_login(phone):
    async def main(phone):
        payload = phone.user_info()
        other = replace(phone.identity, session_key=Secret("tiihtNczf5v6AKRyjwEUhQ=="))
        stranger = replace(phone.identity, openid="oSomebodyElse")
        closed = proofs(encrypted_data=payload.encrypted_data, iv=payload.iv)
        signed = proofs(raw_data=payload.raw_data, signature=payload.signature)
        for identity, each in ((other, closed), (other, signed), (stranger, closed)):
            with pytest.raises(OpenDataInvalid):
                await phone.open_data.profile(phone.app, identity, each)
        assert phone.stage.emulator.calls("wechat").apis == {}

    phone(main)


@pytest.mark.parametrize(
    "brought",
    [
        {"encrypted_data": "AAAA"},
        {"iv": vectors.IV},
        {"raw_data": "{}"},
        {"signature": "0" * 40},
        {"encrypted_data": "AAAA", "iv": vectors.IV},
        {"raw_data": "{}", "signature": "0" * 39},
    ],
)
def test_half_a_pair_is_refused_before_anything_is_spent(phone, brought):
    async def main(phone):
        with pytest.raises(OpenDataInvalid):
            phone.open_data.check(phone.app, proofs(**brought))

    phone(main, logged_in=False)
