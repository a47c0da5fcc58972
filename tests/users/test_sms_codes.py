"""Codes by text message, with a sender that keeps them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import select

from menshen.config.user_rules import Callout, SmsRules
from menshen.errors import SmsCodeInvalid, SmsLimit, SmsUnavailable
from menshen.secret import Secret
from menshen.storage.database import Database
from menshen.storage.digests import KeyedDigest
from menshen.storage.tables import counters, sms_codes
from menshen.users.limits import Limits
from menshen.users.phone_number import PhoneNumber, parse_phone
from menshen.users.sms_codes import SmsCodes, _six_digits
from tests.storage.conftest import opened

NOW = 1_800_000_000.5
RULES = SmsRules(Callout("http://127.0.0.1:9/sms", Secret("s")))
PHONE = parse_phone("13580006666")
IP = "10.0.0.9"


class Outbox:
    """Where messages go; ``away`` as if the sender did not answer."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str, int]] = []
        self.away = False

    async def __call__(self, sender: Callout, phone: PhoneNumber, code: Secret, purpose: str, expires_in: int) -> None:
        assert sender == RULES.sender
        if self.away:
            raise SmsUnavailable
        self.sent.append((phone.e164, code.reveal(), purpose, expires_in))

    @property
    def code(self) -> Secret:
        return Secret(self.sent[-1][1])


def codes_on(database: Database, outbox: Outbox) -> SmsCodes:
    return SmsCodes(database, KeyedDigest(b"k" * 32, "sms-code"), Limits(database), outbox, os.urandom)


def run(url: str, work: Callable[[SmsCodes, Outbox, Database], Awaitable[None]]) -> None:
    async def main() -> None:
        async with opened(url) as database:
            outbox = Outbox()
            await work(codes_on(database, outbox), outbox, database)

    asyncio.run(main())


def other_than(code: Secret) -> Secret:
    return Secret(f"{(int(code.reveal()) + 1) % 10**6:06d}")


async def limited(codes: SmsCodes, now: float = NOW, phone: PhoneNumber = PHONE, ip: str = IP) -> int:
    with pytest.raises(SmsLimit) as raised:
        await codes.send(RULES, phone, "login", ip, now)
    assert raised.value.retry_after is not None
    assert phone.national not in raised.value.detail
    return raised.value.retry_after


def test_six_digits_for_one_purpose_once(database_url: str) -> None:
    async def work(codes: SmsCodes, outbox: Outbox, _: Database) -> None:
        await codes.send(RULES, PHONE, "login", IP, NOW)
        phone, code, purpose, expires_in = outbox.sent[0]
        assert (phone, purpose, expires_in) == ("+8613580006666", "login", 300)
        assert len(code) == 6
        assert code.isdigit()
        for phone_number, kind, typed in (
            (PHONE, "login", other_than(outbox.code)),
            (PHONE, "bind", outbox.code),
            (PHONE, "reset", outbox.code),
            (parse_phone("13580006667"), "login", outbox.code),
            (PHONE, "login", Secret(f" {code}")),
            (PHONE, "login", Secret("")),
        ):
            with pytest.raises(SmsCodeInvalid):
                await codes.check(phone_number, kind, typed, NOW + 1)  # type: ignore[arg-type]
        await codes.check(PHONE, "login", outbox.code, NOW + 299)
        with pytest.raises(SmsCodeInvalid):
            await codes.check(PHONE, "login", outbox.code, NOW + 299)

    run(database_url, work)


def test_five_minutes(database_url: str) -> None:
    async def work(codes: SmsCodes, outbox: Outbox, _: Database) -> None:
        await codes.send(RULES, PHONE, "login", IP, NOW)
        with pytest.raises(SmsCodeInvalid):
            await codes.check(PHONE, "login", outbox.code, NOW + 300)

    run(database_url, work)


def test_five_tries(database_url: str) -> None:
    async def work(codes: SmsCodes, outbox: Outbox, _: Database) -> None:
        await codes.send(RULES, PHONE, "login", IP, NOW)
        for _n in range(5):
            with pytest.raises(SmsCodeInvalid):
                await codes.check(PHONE, "login", other_than(outbox.code), NOW + 1)
        with pytest.raises(SmsCodeInvalid):
            await codes.check(PHONE, "login", outbox.code, NOW + 1)

    run(database_url, work)


def test_of_two_checks_at_once_one_wins(database_url: str) -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            databases = [await stack.enter_async_context(opened(database_url)) for _ in range(2)]
            outbox = Outbox()
            both = [codes_on(database, outbox) for database in databases]
            await both[0].send(RULES, PHONE, "login", IP, NOW)
            checks = (both[n % 2].check(PHONE, "login", outbox.code, NOW + 1) for n in range(4))
            answers = await asyncio.gather(*checks, return_exceptions=True)
            assert answers.count(None) == 1
            assert sum(isinstance(answer, SmsCodeInvalid) for answer in answers) == 3

    asyncio.run(main())


def test_another_after_a_minute_and_the_first_is_dead(database_url: str) -> None:
    async def work(codes: SmsCodes, outbox: Outbox, _: Database) -> None:
        await codes.send(RULES, PHONE, "login", IP, NOW)
        first = outbox.code
        assert await limited(codes, NOW + 20) == 40
        await codes.send(RULES, PHONE, "bind", IP, NOW + 20)
        await codes.send(RULES, PHONE, "login", IP, NOW + 60)
        if outbox.code != first:
            with pytest.raises(SmsCodeInvalid):
                await codes.check(PHONE, "login", first, NOW + 61)
        await codes.check(PHONE, "login", outbox.code, NOW + 61)

    run(database_url, work)


def test_a_used_code_does_not_make_another_come_sooner_than_its_number_may(database_url: str) -> None:
    async def work(codes: SmsCodes, outbox: Outbox, _: Database) -> None:
        for n in range(5):
            await codes.send(RULES, PHONE, "login", IP, NOW + n)
            await codes.check(PHONE, "login", outbox.code, NOW + n)
        assert 3500 < await limited(codes, NOW + 6) < 4000
        assert len(outbox.sent) == 5

    run(database_url, work)


def test_five_an_hour_for_a_number_from_wherever(database_url: str) -> None:
    async def work(codes: SmsCodes, outbox: Outbox, _: Database) -> None:
        for n in range(5):
            await codes.send(RULES, PHONE, "login", f"10.0.0.{n}", NOW + 60 * n)
        assert await limited(codes, NOW + 300, ip="10.0.0.99") > 3000
        await codes.send(RULES, parse_phone("13580006667"), "login", IP, NOW + 300)
        await codes.send(RULES, PHONE, "login", IP, NOW + 3960)
        assert len(outbox.sent) == 7

    run(database_url, work)


def test_twenty_an_hour_for_an_address_and_they_do_not_use_up_a_number(database_url: str) -> None:
    async def work(codes: SmsCodes, outbox: Outbox, _: Database) -> None:
        for n in range(20):
            await codes.send(RULES, parse_phone(f"135800066{n:02}"), "login", "2001:db8::1", NOW)
        victim = parse_phone("13900000000")
        for n in range(10):
            assert await limited(codes, NOW + 60, victim, f"2001:db8::{n}") > 3000
        for n in range(5):
            await codes.send(RULES, victim, "login", IP, NOW + 60 * (n + 1))
        assert len(outbox.sent) == 25

    run(database_url, work)


def test_parallel_requests_send_one_message(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as one, opened(database_url) as two:
            outbox = Outbox()
            both = [codes_on(one, outbox), codes_on(two, outbox)]
            sends = (both[n % 2].send(RULES, PHONE, "login", IP, NOW) for n in range(10))
            answers = await asyncio.gather(*sends, return_exceptions=True)
            assert answers.count(None) == 1
            assert sum(isinstance(answer, SmsLimit) for answer in answers) == 9
            assert len(outbox.sent) == 1
            await both[0].check(PHONE, "login", outbox.code, NOW)

    asyncio.run(main())


def test_a_message_that_was_not_sent_may_be_asked_for_again(database_url: str) -> None:
    async def work(codes: SmsCodes, outbox: Outbox, _: Database) -> None:
        outbox.away = True
        with pytest.raises(SmsUnavailable):
            await codes.send(RULES, PHONE, "login", IP, NOW)
        outbox.away = False
        await codes.send(RULES, PHONE, "login", IP, NOW + 1)
        await codes.check(PHONE, "login", outbox.code, NOW + 2)

    run(database_url, work)


def test_neither_number_nor_code_nor_address_is_in_the_database(database_url: str) -> None:
    async def work(codes: SmsCodes, outbox: Outbox, database: Database) -> None:
        await codes.send(RULES, PHONE, "login", IP, NOW)
        async with database.reading() as connection:
            dump = str((await connection.execute(select(sms_codes))).all())
            dump += str((await connection.execute(select(counters))).all())
        for value in ("13580006666", "80006666", IP):
            assert value not in dump
        assert f"'{outbox.code.reveal()}'" not in dump

    run(database_url, work)


def test_every_code_is_as_likely() -> None:
    drawn = iter([b"\xff\xff\xff", b"\xf4\x24\x00", b"\x00\x00\x07", b"\x0f\x42\x40", b"\xf4\x23\xff"])
    # 16,000,000 and above would make the low codes likelier.
    assert _six_digits(lambda size: next(drawn)) == "000007"
    assert _six_digits(lambda size: next(drawn)) == "000000"
    assert _six_digits(lambda size: next(drawn)) == "999999"
