"""The user pool's part of a snapshot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from menshen.secret import Secret

__all__ = [
    "EVENTS",
    "AccountFields",
    "AccountRules",
    "AccountSource",
    "Callout",
    "CaptchaRules",
    "HookRules",
    "LimitRules",
    "OnFailure",
    "PhoneOwned",
    "RateRule",
    "SmsRules",
    "UserRules",
    "WebhookEvent",
    "WebhookRules",
]

AccountSource = Literal["own", "verifier"]
PhoneOwned = Literal["refuse", "sign_in"]
OnFailure = Literal["closed", "open"]
WebhookEvent = Literal["login", "register", "bind", "unbind", "ban", "close"]

EVENTS: Final[tuple[WebhookEvent, ...]] = get_args(WebhookEvent)


@dataclass(frozen=True, slots=True)
class Callout:
    """A URL of the team's; ``timeout`` in seconds."""

    url: str
    secret: Secret
    timeout: float = 3.0


@dataclass(frozen=True, slots=True)
class AccountFields:
    """Names under which a login request carries username and password, where it carries the code."""

    username: str = "username"
    password: str = "password"  # noqa: S105  (a field's name)


@dataclass(frozen=True, slots=True)
class AccountRules:
    """``lock_minutes`` after ``lock_after`` failures in a row. ``verifier`` None: Menshen's own accounts."""

    verifier: Callout | None = None
    registration: bool = False
    password_min_length: int = 8
    lock_after: int = 5
    lock_minutes: int = 15

    @property
    def source(self) -> AccountSource:
        """Which accounts count. Those of a team that has changed over stay bound, and are told to nobody."""
        return "own" if self.verifier is None else "verifier"


@dataclass(frozen=True, slots=True)
class SmsRules:
    sender: Callout
    registration: bool = True


@dataclass(frozen=True, slots=True)
class CaptchaRules:
    check: Callout
    after: int = 3


@dataclass(frozen=True, slots=True)
class RateRule:
    count: int
    seconds: int


@dataclass(frozen=True, slots=True)
class LimitRules:
    """None: no limit."""

    ip: RateRule | None = None
    user: RateRule | None = None
    app: RateRule | None = None


@dataclass(frozen=True, slots=True)
class HookRules:
    """``timeout`` in seconds; a hook that fails refuses the login (``closed``) or does not count (``open``)."""

    timeout: float = 1.0
    on_failure: OnFailure = "closed"


@dataclass(frozen=True, slots=True)
class UserRules:
    """``avatar_kib`` is the largest avatar; ``match_unionid``: a unionid finds its user in another app as well."""

    accounts: AccountRules = field(default_factory=AccountRules)
    phone_owned: PhoneOwned = "refuse"
    sms: SmsRules | None = None
    captcha: CaptchaRules | None = None
    limits: LimitRules = field(default_factory=LimitRules)
    hooks: HookRules = field(default_factory=HookRules)
    login_log_days: int = 90
    avatar_kib: int = 512
    match_unionid: bool = True


@dataclass(frozen=True, slots=True)
class WebhookRules:
    name: str
    url: str
    secret: Secret
    events: tuple[WebhookEvent, ...]
