"""A forgotten password: whoever shows the phone number of a user with an own account gives the account a new one."""

from __future__ import annotations

from menshen.config.user_rules import UserRules
from menshen.errors import NotBound, NotOffered
from menshen.gateway.account_check import AccountCheck
from menshen.gateway.binding import Bindings
from menshen.secret import Secret
from menshen.storage.database import Database
from menshen.storage.phones import find_phone_owners
from menshen.users.accounts import OwnAccounts
from menshen.users.passwords import check_policy
from menshen.users.phone_number import parse_phone
from menshen.users.phones import PhoneNumbers
from menshen.users.sms_codes import SmsCodes

__all__ = ["PasswordReset", "reset_offered"]


def reset_offered(rules: UserRules) -> bool:
    """Where accounts are the team's, so are their passwords."""
    return rules.sms is not None and rules.accounts.verifier is None


class PasswordReset:
    """Every session of the user ends: who knew the old password may hold one. A lock-out by others ends as well."""

    def __init__(
        self,
        database: Database,
        numbers: PhoneNumbers,
        sms: SmsCodes,
        accounts: OwnAccounts,
        checks: AccountCheck,
        bindings: Bindings,
    ) -> None:
        self._database = database
        self._numbers = numbers
        self._sms = sms
        self._accounts = accounts
        self._checks = checks
        self._bindings = bindings

    async def reset(self, rules: UserRules, phone: str, code: Secret, password: Secret, now: float) -> int:
        """How many sessions ended. What is wrong with the password is said before the code is used up.

        Raises ``NotOffered``, ``CallMalformed``, ``PasswordWeak``, ``SmsCodeInvalid``, and once the number is shown
        ``NotBound`` where it is nobody's or its user has no own account, ``UserBanned``.
        """
        if not reset_offered(rules):
            raise NotOffered("no passwords to reset, or no text messages")
        number = parse_phone(phone)
        check_policy(password, "", rules.accounts.password_min_length)
        await self._sms.check(number, "reset", code, now)
        digest = self._numbers.digest(number)
        async with self._database.reading() as connection:
            uid = (await find_phone_owners(connection, [digest])).get(digest)
        if uid is None:
            raise NotBound("nobody's number")
        await self._bindings.user(uid)
        account = await self._accounts.of(uid)
        ended = await self._accounts.set_password(rules.accounts, account, password)
        await self._checks.unlock_own(account.name)
        return ended
