"""Phone numbers from the platform and from text messages: bound, told, and used to log in."""

from __future__ import annotations

import time
from typing import Any

import pytest

from menshen.emulator.faults import Fault
from menshen.errors import (
    AlreadyBound,
    CallMalformed,
    IdentityConflict,
    NotBound,
    NotOffered,
    OpenDataInvalid,
    PhoneCodeInvalid,
    PhoneTaken,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    PlatformSaysBusy,
    Refusal,
    SessionKeyStale,
    SmsCodeInvalid,
    UserBanned,
)
from menshen.gateway.proofs import Proofs
from menshen.secret import Secret
from menshen.storage.every_table import metadata
from menshen.storage.tables import phones
from menshen.users.phone_number import parse_phone
from tests.gateway.crowd import APPIDS, DOER, Crowd, on_crowd

NUMBER = parse_phone("13580006666")
PHONE_CALL = "/wxa/business/getuserphonenumber"


def by_code(code: str) -> Proofs:
    return Proofs("phone", time.time(), phone_code=code)


def by_data(crowd: Crowd, who: str, app: str = "shop", number: str = NUMBER.national, **watermark: Any) -> Proofs:
    platform = "qq" if app == "qq" else "wechat"
    payload = crowd.emulator.phone_data(platform, APPIDS[app], who, number, "86", watermark)
    return Proofs("phone", time.time(), encrypted_data=payload.encrypted_data, iv=payload.iv)


def by_text(code: Secret, number: str = NUMBER.e164) -> Proofs:
    return Proofs("sms", time.time(), phone=number, sms_code=code)


def asked(crowd: Crowd) -> int:
    """How often the platform was asked for a number, which is what costs money."""
    return crowd.emulator.calls("wechat").apis.get(PHONE_CALL, 0)


async def owner(crowd: Crowd) -> str:
    rows = await crowd.rows(phones)
    return rows[0].uid if rows else ""


# Binding


def test_a_number_is_bound_in_the_new_way_in_the_old_way_and_by_a_text(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        for way in ("new", "old", "text"):
            asking = await crowd.comes(f"user-{way}")
            match way:
                case "new":
                    proofs = by_code(crowd.phone_code(f"user-{way}"))
                case "old":
                    proofs = by_data(crowd, f"user-{way}")
                case _:
                    proofs = by_text(await crowd.sms_code(NUMBER, "bind"))
            bound = await crowd.phones.bind(asking, proofs)
            assert bound.claims.sub == asking.uid == await owner(crowd)
            (row,) = await crowd.rows(phones)
            assert crowd.numbers.reveal(row.sealed_number, row.digest) == NUMBER
            await crowd.processes[0].life.close(asking.uid, DOER, reason="")
        assert asked(crowd) == 1

    on_crowd(database_url, work)


def test_a_number_of_another_user_is_refused(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice, bob = await crowd.comes("alice"), await crowd.comes("bob")
        await crowd.phones.bind(alice, by_code(crowd.phone_code("alice")))
        for proofs in (
            by_code(crowd.phone_code("bob")),
            by_data(crowd, "bob"),
            by_text(await crowd.sms_code(NUMBER, "bind")),
        ):
            with pytest.raises(PhoneTaken):
                await crowd.phones.bind(bob, proofs)
        assert await owner(crowd) == alice.uid

    on_crowd(database_url, work)


def test_a_phone_code_of_another_user_of_another_app_or_used_is_nothing(database_url: str) -> None:
    """Attack class 38: the code goes with the caller's own openid, always."""

    async def work(crowd: Crowd) -> None:
        mallory, alice = await crowd.comes("mallory"), await crowd.comes("alice")
        stolen = crowd.phone_code("alice")
        login_code = crowd.code("mallory")
        for code in (stolen, crowd.phone_code("mallory", app="mall"), login_code, "never-given"):
            with pytest.raises(PhoneCodeInvalid):
                await crowd.phones.bind(mallory, by_code(code))
        mine = crowd.phone_code("alice")
        assert (await crowd.phones.get(alice, by_code(mine))).pure == NUMBER.national
        with pytest.raises(PhoneCodeInvalid):
            await crowd.phones.bind(alice, by_code(mine))
        assert await crowd.rows(phones) == []

    on_crowd(database_url, work)


def test_nothing_is_paid_for_what_is_refused_anyway(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice, banned, qq = await crowd.comes("alice"), await crowd.comes("bob"), await crowd.comes("carol", "qq")
        alice = crowd.asking(await crowd.phones.bind(alice, by_data(crowd, "alice")))
        with pytest.raises(AlreadyBound):
            await crowd.phones.bind(alice, by_code(crowd.phone_code("alice", "13580007777")))
        await crowd.processes[0].life.ban(banned.uid, DOER, reason="spam", until=0)
        for flow in (crowd.phones.bind, crowd.phones.get):
            with pytest.raises(UserBanned):
                await flow(banned, by_code(crowd.phone_code("bob")))
            with pytest.raises(NotOffered):
                await flow(qq, by_code("a-phone-code"))
        assert asked(crowd) == 0
        text = await crowd.sms_code(parse_phone("13580007777"), "bind")
        with pytest.raises(AlreadyBound):
            await crowd.phones.bind(alice, by_text(text, "13580007777"))
        other = await crowd.comes("dave")
        await crowd.phones.bind(other, by_text(text, "13580007777"))  # for the code was not used up

    on_crowd(database_url, work)


@pytest.mark.parametrize(
    ("proofs", "kind"),
    [
        (Proofs("phone", 0.0), CallMalformed),
        (Proofs("sms", 0.0), CallMalformed),
        (Proofs("phone", 0.0, phone_code="x", encrypted_data="x", iv="x"), CallMalformed),
        (Proofs("phone", 0.0, phone_code="x", phone="13580006666", sms_code=Secret("123456")), CallMalformed),
        (Proofs("sms", 0.0, phone_code="x"), CallMalformed),
        (Proofs("phone", 0.0, phone="13580006666", sms_code=Secret("123456")), CallMalformed),
        (Proofs("phone", 0.0, phone_code="x" * 300), CallMalformed),
        (Proofs("phone", 0.0, phone_code="a\r\nb"), CallMalformed),
        (Proofs("phone", 0.0, phone_code="手机"), CallMalformed),
        (Proofs("phone", 0.0, encrypted_data="AAAA", iv="AAAA"), OpenDataInvalid),
        (Proofs("phone", 0.0, encrypted_data="A" * 24), OpenDataInvalid),
        (Proofs("sms", 0.0, phone="1358000666", sms_code=Secret("123456")), CallMalformed),
        (Proofs("sms", 0.0, phone="13580006666", sms_code=Secret("12345")), SmsCodeInvalid),
        (Proofs("sms", 0.0, phone="13580006666", sms_code=Secret("１２３４５６")), SmsCodeInvalid),
        (Proofs("sms", 0.0, phone="13580006666", sms_code=Secret("")), SmsCodeInvalid),
    ],
)
def test_what_cannot_show_a_number_is_refused_unasked(database_url: str, proofs: Proofs, kind: type[Exception]) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        with pytest.raises(kind):
            await crowd.phones.bind(alice, proofs)
        assert crowd.emulator.calls("wechat").apis == {}
        assert await crowd.live(alice.uid) == {alice.bearer.claims.sid}

    on_crowd(database_url, work)


def test_open_data_of_a_key_that_is_gone_tells_to_log_in_again(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        crowd.emulator.rotate_key("wechat", APPIDS["shop"], "alice")
        with pytest.raises(SessionKeyStale):
            await crowd.phones.bind(alice, by_data(crowd, "alice"))
        alice = await crowd.comes("alice")
        await crowd.phones.bind(alice, by_data(crowd, "alice"))
        assert await owner(crowd) == alice.uid

    on_crowd(database_url, work)


@pytest.mark.parametrize("watermark", [{"appid": "wx2"}, {"timestamp": 1_477_314_187}])
def test_open_data_of_another_app_or_of_long_ago_is_refused(database_url: str, watermark: dict[str, Any]) -> None:
    """Attack class 37."""

    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        with pytest.raises(OpenDataInvalid):
            await crowd.phones.bind(alice, by_data(crowd, "alice", **watermark))
        with pytest.raises(OpenDataInvalid):
            await crowd.enters(how="phone", code=crowd.code("bob"), **open_data(by_data(crowd, "bob", **watermark)))
        assert await crowd.rows(phones) == []

    on_crowd(database_url, work)


def test_a_text_for_one_purpose_is_nothing_for_another_and_good_once(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        for_login = await crowd.sms_code(NUMBER, "login")
        with pytest.raises(SmsCodeInvalid):
            await crowd.phones.bind(alice, by_text(for_login))
        for_binding = await crowd.sms_code(NUMBER, "bind")
        await crowd.phones.bind(alice, by_text(for_binding))
        alice = crowd.asking(await crowd.bindings.unbind_phone(await crowd.comes("alice")))
        with pytest.raises(SmsCodeInvalid):
            await crowd.phones.bind(alice, by_text(for_binding))

    on_crowd(database_url, work)


def test_without_a_sender_there_are_no_text_messages(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        text = await crowd.sms_code(NUMBER, "bind")
        crowd.users_rules(sms=None)
        with pytest.raises(NotOffered):
            await crowd.phones.bind(await crowd.comes("alice"), by_text(text))

    on_crowd(database_url, work)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("truncated", PlatformReplyInvalid),
        ("html", PlatformReplyInvalid),
        ("502", PlatformSaysBusy),
        ("-1", PlatformSaysBusy),
        ("45011", PlatformLimit),
        ("48001", PlatformRefusedUs),
    ],
)
def test_a_platform_in_trouble_binds_nothing(database_url: str, fault: str, kind: type[Refusal]) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        crowd.emulator.add_fault("wechat", Fault(fault, api="phone"))
        with pytest.raises(kind) as refused:
            await crowd.phones.bind(alice, by_code(crowd.phone_code("alice")))
        assert NUMBER.national not in f"{refused.value} {refused.value.detail}"
        assert await crowd.rows(phones) == []
        assert await crowd.live(alice.uid) == {alice.bearer.claims.sid}

    on_crowd(database_url, work)


def test_an_access_token_that_died_is_replaced_and_the_code_is_not_lost(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        await crowd.phones.get(alice, by_code(crowd.phone_code("alice")))
        crowd.emulator.revoke_token("wechat", APPIDS["shop"])
        await crowd.phones.bind(alice, by_code(crowd.phone_code("alice")))
        assert await owner(crowd) == alice.uid

    on_crowd(database_url, work)


def test_a_number_of_the_platforms_that_is_none_is_not_bound(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        with pytest.raises(PlatformReplyInvalid):
            await crowd.phones.bind(alice, by_code(crowd.phone_code("alice", "12345")))
        assert await crowd.rows(phones) == []

    on_crowd(database_url, work)


# Getting


def test_a_number_is_told_and_nothing_is_bound(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        for proofs in (by_code(crowd.phone_code("alice")), by_data(crowd, "alice")):
            told = await crowd.phones.get(alice, proofs)
            assert (told.pure, told.country_code) == (NUMBER.national, "86")
        qq = await crowd.comes("bob", "qq")
        assert (await crowd.phones.get(qq, by_data(crowd, "bob", "qq"))).pure == NUMBER.national
        assert await crowd.rows(phones) == []
        assert await crowd.live(alice.uid) == {alice.bearer.claims.sid}
        with pytest.raises(CallMalformed):
            await crowd.phones.get(alice, by_text(Secret("123456")))

    on_crowd(database_url, work)


def test_a_login_that_no_platform_had_a_part_in_shows_numbers_by_the_one_identity_there_is(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        await crowd.phones.bind(alice, by_code(crowd.phone_code("alice")))
        entered = await crowd.enters(how="sms", phone=NUMBER.e164, sms_code=await crowd.sms_code(NUMBER, "login"))
        assert (entered.uid, entered.bearer.claims.openid) == (alice.uid, "")
        assert (await crowd.phones.get(entered, by_code(crowd.phone_code("alice")))).pure == NUMBER.national
        stranger = parse_phone("13580007777")
        nobody = await crowd.enters(how="sms", phone=stranger.e164, sms_code=await crowd.sms_code(stranger, "login"))
        with pytest.raises(NotBound):
            await crowd.phones.get(nobody, by_code(crowd.phone_code("bob")))

    on_crowd(database_url, work)


# Logging in: the rules of Authing 5


def open_data(proofs: Proofs) -> dict[str, str]:
    return {"encrypted_data": proofs.encrypted_data, "iv": proofs.iv}


async def log_in(crowd: Crowd, who: str, app: str = "shop", number: str = NUMBER.national) -> Any:
    code, phone_code = crowd.code(who, app), crowd.phone_code(who, number, app)
    return await crowd.enters(app, how="phone", code=code, phone_code=phone_code)


def test_an_unknown_number_is_filled_in(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await log_in(crowd, "alice")
        assert await owner(crowd) == alice.uid
        known = await crowd.comes("bob")
        again = await crowd.enters(
            how="phone", code=crowd.code("bob"), **open_data(by_data(crowd, "bob", number="13580007777"))
        )
        assert again.uid == known.uid
        assert len(await crowd.rows(phones, uid=known.uid)) == 1

    on_crowd(database_url, work)


def test_who_has_a_number_keeps_it_and_the_new_one_is_not_paid_for(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await log_in(crowd, "alice")
        assert asked(crowd) == 1
        again = await log_in(crowd, "alice", number="13580007777")
        at_the_mall = await log_in(crowd, "alice", "mall", "13580008888")  # one person by unionid
        assert alice.uid == again.uid == at_the_mall.uid
        (row,) = await crowd.rows(phones)
        assert crowd.numbers.reveal(row.sealed_number, row.digest) == NUMBER
        assert asked(crowd) == 1

    on_crowd(database_url, work)


def test_a_number_that_another_owns_is_refused_or_leads_to_him_as_configured(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await log_in(crowd, "alice")
        bob = await crowd.comes("bob")
        for who in ("bob", "stranger"):
            with pytest.raises(PhoneTaken):
                await log_in(crowd, who)
        crowd.users_rules(phone_owned="sign_in")
        assert (await log_in(crowd, "stranger")).uid == alice.uid
        assert (await crowd.comes("stranger")).uid == alice.uid
        assert (await log_in(crowd, "bob")).uid == alice.uid
        assert (await crowd.comes("bob")).uid == bob.uid  # his own identity stays his
        assert await owner(crowd) == alice.uid

    on_crowd(database_url, work)


def test_a_banned_user_spends_no_phone_code(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        await crowd.processes[0].life.ban(alice.uid, DOER, reason="spam", until=0)
        for app in ("shop", "mall"):  # at the mall he is found by his unionid
            with pytest.raises(UserBanned):
                await log_in(crowd, "alice", app)
        assert asked(crowd) == 0

    on_crowd(database_url, work)


def test_a_person_who_is_two_users_spends_no_phone_code(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        crowd.users_rules(match_unionid=False)
        assert (await crowd.comes("alice")).uid != (await crowd.comes("alice", "mall")).uid
        crowd.users_rules(match_unionid=True)
        with pytest.raises(IdentityConflict):
            await log_in(crowd, "alice")
        assert asked(crowd) == 0

    on_crowd(database_url, work)


def test_a_login_by_text_finds_the_owner_whatever_is_configured(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await log_in(crowd, "alice")
        code = await crowd.sms_code(NUMBER, "login")
        entered = await crowd.enters(how="sms", phone="13580006666", sms_code=code)
        assert entered.uid == alice.uid
        with pytest.raises(SmsCodeInvalid):
            await crowd.enters(how="sms", phone=NUMBER.e164, sms_code=code)

    on_crowd(database_url, work)


def test_no_number_and_no_phone_code_is_in_the_database_or_a_log(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Attack class 36: every flow and a failure of each, then everything that was written."""
    caplog.set_level("DEBUG")
    planted: list[str] = [NUMBER.national]

    async def work(crowd: Crowd) -> None:
        alice, bob = await crowd.comes("alice"), await crowd.comes("bob")
        planted.extend([crowd.phone_code("alice"), crowd.phone_code("bob"), crowd.phone_code("carol")])
        alice = crowd.asking(await crowd.phones.bind(alice, by_code(planted[1])))
        for proofs in (by_code(planted[2]), by_code(planted[2]), by_data(crowd, "bob")):
            with pytest.raises((PhoneTaken, PhoneCodeInvalid)):
                await crowd.phones.bind(bob, proofs)
        with pytest.raises(PhoneTaken):
            await crowd.enters(how="phone", code=crowd.code("carol"), phone_code=planted[3])
        text = await crowd.sms_code(NUMBER, "login")
        with pytest.raises(SmsCodeInvalid):
            await crowd.enters(how="sms", phone=NUMBER.e164, sms_code=Secret("000000"))
        await crowd.enters(how="sms", phone=NUMBER.e164, sms_code=text)
        await crowd.bindings.unbind_phone(alice)
        for table in metadata.sorted_tables:
            for row in await crowd.rows(table):
                written = [value for value in row if isinstance(value, str)]
                assert not [value for value in written for secret in planted if secret in value], table.name

    on_crowd(database_url, work)
    # The driver's own debugging shows statements with their values; nobody runs a gateway with it.
    ours = [record for record in caplog.records if record.name.startswith("menshen")]
    said = " ".join(f"{record.getMessage()} {vars(record)}" for record in ours)
    assert not [secret for secret in planted if secret in said]
