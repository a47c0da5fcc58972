"""Codes sent by text message: six digits, five minutes, for one purpose, once.

The database has keyed digests of number and code alone. A million codes are few, so a code is dead after five tries,
each counted before it is compared; and numbers and addresses get so many messages an hour, for a message costs money
and a stranger's patience.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Literal, Protocol

from menshen.config.user_rules import Callout, RateRule, SmsRules
from menshen.errors import SmsCodeInvalid, SmsLimit, SmsUnavailable
from menshen.secret import Secret
from menshen.storage.database import Database
from menshen.storage.digests import KeyedDigest
from menshen.storage.sms_codes import CodeTry, NewSmsCode, drop_sms_code, find_sent_at, store_sms_codes, try_codes
from menshen.users.addresses import address_key
from menshen.users.limits import Limits
from menshen.users.phone_number import PhoneNumber

__all__ = [
    "EXPIRES_IN",
    "MOST_ATTEMPTS",
    "PER_ADDRESS",
    "PER_NUMBER",
    "RESEND_AFTER",
    "SmsCodes",
    "SmsPurpose",
    "SmsWay",
]

SmsPurpose = Literal["login", "bind", "reset"]

EXPIRES_IN: Final = 300
RESEND_AFTER: Final = 60
"""Seconds."""

MOST_ATTEMPTS: Final = 5
PER_NUMBER: Final = RateRule(5, 3600)
PER_ADDRESS: Final = RateRule(20, 3600)


class SmsWay(Protocol):
    """Hands a code to who sends it. Raises ``SmsUnavailable``."""

    async def __call__(
        self, sender: Callout, phone: PhoneNumber, code: Secret, purpose: str, expires_in: int
    ) -> None: ...


class SmsCodes:
    """``random`` is OS randomness."""

    def __init__(
        self,
        database: Database,
        digests: KeyedDigest,
        limits: Limits,
        way: SmsWay,
        random: Callable[[int], bytes],
    ) -> None:
        self._database = database
        self._digests = digests
        self._limits = limits
        self._way = way
        self._random = random

    async def send(self, rules: SmsRules, phone: PhoneNumber, purpose: SmsPurpose, ip: str, now: float) -> None:
        """Send a code, in place of an older one for this purpose. ``now`` in Unix seconds.

        The same happens for a number that nobody has: the answer must not tell. Raises ``SmsLimit``,
        ``SmsUnavailable``.
        """
        await self._not_too_soon(phone, purpose, now)
        # The address first: who has used his up must not use up a stranger's number as well.
        await self._within(f"sms-ip:{self._digests.of('ip', address_key(ip))}", PER_ADDRESS, now)
        await self._within(f"sms-to:{self._digests.of('to', phone.e164)}", PER_NUMBER, now)
        code = Secret(_six_digits(self._random))
        at = int(now)
        digest, code_digest = self._place(phone, purpose), self._code(phone, purpose, code)
        new = NewSmsCode(digest, code_digest, at, at + EXPIRES_IN, at - RESEND_AFTER)
        if not await self._database.write(store_sms_codes, new):
            raise SmsLimit("sent a moment ago", retry_after=RESEND_AFTER)
        try:
            await self._way(rules.sender, phone, code, purpose, EXPIRES_IN)
        except SmsUnavailable:
            async with self._database.writing() as connection:
                await drop_sms_code(connection, digest, code_digest)
            raise

    async def check(self, phone: PhoneNumber, purpose: SmsPurpose, code: Secret, now: float) -> None:
        """Use a code up. Raises ``SmsCodeInvalid`` for a wrong, used or old one, and for the sixth try."""
        attempt = CodeTry(self._place(phone, purpose), self._code(phone, purpose, code), int(now), MOST_ATTEMPTS)
        if not await self._database.write(try_codes, attempt):
            raise SmsCodeInvalid

    async def _not_too_soon(self, phone: PhoneNumber, purpose: SmsPurpose, now: float) -> None:
        async with self._database.reading() as connection:
            sent_at = await find_sent_at(connection, self._place(phone, purpose))
        if sent_at is not None and int(now) < sent_at + RESEND_AFTER:
            raise SmsLimit("sent a moment ago", retry_after=max(1, math.ceil(sent_at + RESEND_AFTER - now)))

    async def _within(self, key: str, rate: RateRule, now: float) -> None:
        wait = await self._limits.exceeded(key, rate, now)
        if wait:
            raise SmsLimit("the limit of one address or number", retry_after=wait)

    def _place(self, phone: PhoneNumber, purpose: SmsPurpose) -> str:
        return self._digests.of("place", phone.e164, purpose)

    def _code(self, phone: PhoneNumber, purpose: SmsPurpose, code: Secret) -> str:
        return self._digests.of("code", phone.e164, purpose, code.reveal())


def _six_digits(random: Callable[[int], bytes]) -> str:
    """Every code as likely as any other: a number that would favour the low ones is drawn again."""
    limit = 2**24 // 10**6 * 10**6
    while (number := int.from_bytes(random(3), "big")) >= limit:
        pass
    return f"{number % 10**6:06d}"
