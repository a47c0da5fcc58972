"""What a login brings to show who it is, and who checks each thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from menshen.config.snapshot import App
from menshen.config.user_rules import AccountRules, UserRules
from menshen.errors import Refusal
from menshen.gateway.guard import Attempt
from menshen.gateway.hooks import Hooks
from menshen.platforms.base import PlatformIdentity
from menshen.secret import Secret
from menshen.storage.accounts import AccountRow
from menshen.users.entering import ProvenAccount, ProvenPhone

__all__ = [
    "AccountChecks",
    "CodeExchange",
    "Guarding",
    "How",
    "LoginChecks",
    "OpenDataReading",
    "PhoneProving",
    "Proofs",
]

How = Literal["code", "password", "phone", "sms"]


def _none() -> Secret:
    return Secret("")


@dataclass(frozen=True, slots=True)
class Proofs:
    """What one login brings; "" where it brings none.

    ``received`` is when Envoy had the request (Unix seconds). ``encrypted_data`` and ``iv`` are open data of the
    platform, the phone number's where ``how`` is phone; ``raw_data`` and ``signature`` the plain kind. A login of an
    unknown person is refused unless ``registers``. ``new_account``: username and password are to become an account.
    """

    how: How
    received: float
    code: str = ""
    username: str = ""
    password: Secret = field(default_factory=_none)
    encrypted_data: str = ""
    iv: str = ""
    raw_data: str = ""
    signature: str = ""
    phone_code: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    sms_code: Secret = field(default_factory=_none)
    captcha: str = ""
    registers: bool = True
    new_account: bool = False


class CodeExchange(Protocol):
    """Asks a platform who logged in. Raises the platform refusals of ``menshen.errors``."""

    async def code2session(self, app: App, code: str) -> PlatformIdentity: ...


class AccountChecks(Protocol):
    async def check(self, rules: AccountRules, username: str, password: Secret, app: App, now: float) -> ProvenAccount:
        """Raises ``AccountRefused``, ``AccountLocked``, ``VerifierUnavailable``."""

    async def new_account(self, rules: AccountRules, username: str, password: Secret) -> AccountRow:
        """One to be made. Raises ``RegistrationClosed``, ``AccountTaken``, ``PasswordWeak``, ``CallMalformed``."""


class Guarding(Protocol):
    """See :class:`menshen.gateway.guard.LoginGuard`."""

    async def before(self, rules: UserRules, attempt: Attempt) -> None: ...

    async def identified(self, rules: UserRules, key: str, now: float) -> None: ...

    async def failed(self, rules: UserRules, attempt: Attempt, refusal: Refusal) -> None: ...

    async def succeeded(self, rules: UserRules, attempt: Attempt) -> None: ...


class OpenDataReading(Protocol):
    def check(self, app: App, proofs: Proofs) -> None:
        """Before anything is spent: whether these can be open data at all. Raises as :meth:`profile` does."""

    async def profile(self, app: App, identity: PlatformIdentity, proofs: Proofs) -> Mapping[str, str]:
        """The profile in a login's open data, {} where it brought none. Raises ``OpenDataInvalid``, ``NotOffered``."""


class PhoneProving(Protocol):
    def check(self, app: App, proofs: Proofs) -> None:
        """Before anything is spent: whether these can be proofs of a number here. Raises ``NotOffered`` and more."""

    async def of_identity(
        self, rules: UserRules, app: App, identity: PlatformIdentity, proofs: Proofs
    ) -> ProvenPhone | None:
        """The number of a login by phone, None where the user has one: the phone code is then not spent."""

    async def of_message(self, rules: UserRules, app: App, proofs: Proofs, now: float) -> ProvenPhone:
        """The number to which the code was sent. Raises ``SmsCodeInvalid``, ``CallMalformed``, ``NotOffered``."""


@dataclass(frozen=True, slots=True)
class LoginChecks:
    """Everybody who is asked about a login."""

    guard: Guarding
    accounts: AccountChecks
    open_data: OpenDataReading
    phones: PhoneProving
    hooks: Hooks
