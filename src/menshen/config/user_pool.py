"""The ``users`` and ``webhooks`` sections: who may become a user and how, and who of the team is asked or told."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from menshen.config.app_credentials import AppSecret
from menshen.config.part import Items, Part
from menshen.config.user_rules import EVENTS, OnFailure, PhoneOwned, WebhookEvent
from menshen.config.values import BaseUrl, Description, Minutes, Name, Seconds

__all__ = [
    "Accounts",
    "Called",
    "Captcha",
    "Hooks",
    "LoginLimits",
    "LoginLog",
    "Phone",
    "Rate",
    "Sms",
    "Users",
    "Webhook",
]


class Called(Part):
    """A service of the team's own that the gateway calls, with a signature made with ``secret``. Seconds."""

    url: BaseUrl
    secret: AppSecret
    timeout: Annotated[Seconds, Field(le=10)] = 3.0


class Accounts(Part):
    """Username and password. With a ``verifier`` the team's own accounts, without one Menshen's. Minutes."""

    verifier: Called | None = None
    registration: bool = False
    password_min_length: Annotated[int, Field(ge=6, le=64)] = 8
    lock_after: Annotated[int, Field(ge=1, le=100)] = 5
    lock_minutes: Minutes = 15


class Phone(Part):
    """What a login by phone does with a number that another user owns."""

    owned: PhoneOwned = "refuse"


class Sms(Called):
    """The team's sender of text messages. ``registration``: an unknown number makes a user."""

    registration: bool = True


class Captcha(Called):
    """The team's check of a captcha, asked after so many failures."""

    after: Annotated[int, Field(ge=0, le=100)] = 3


class Rate(Part):
    """At most so many in so many seconds."""

    count: Annotated[int, Field(ge=1, le=1_000_000)]
    seconds: Annotated[int, Field(ge=1, le=86_400)]


class LoginLimits(Part):
    """Logins tried, whatever came of them, from one address, by one user, at one app."""

    ip: Rate | None = None
    user: Rate | None = None
    app: Rate | None = None


class Hooks(Part):
    """Python hooks of the installation. ``timeout`` in seconds for each."""

    timeout: Annotated[Seconds, Field(le=5)] = 1.0
    on_failure: OnFailure = "closed"


class LoginLog(Part):
    """How long login attempts are kept."""

    keep_days: Annotated[int, Field(ge=1, le=3650)] = 90


class Users(Part):
    """The user pool."""

    accounts: Accounts = Accounts()
    phone: Phone = Phone()
    sms: Sms | None = None
    captcha: Captcha | None = None
    limits: LoginLimits = LoginLimits()
    hooks: Hooks = Hooks()
    login_log: LoginLog = LoginLog()
    avatar_kib: Annotated[int, Field(ge=16, le=4096)] = 512
    match_unionid: bool = True


class Webhook(Part):
    """A URL that is told what happens to users."""

    name: Name
    url: BaseUrl
    secret: AppSecret
    events: Annotated[Items[WebhookEvent], Field(min_length=1)] = EVENTS
    description: Description = ""
