"""What stands before every login: limits, and a captcha where somebody seems to be guessing.

It is asked before anything is spent or compared. Where no limit and no captcha is configured it asks nobody anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from menshen.callouts.calling import Callouts
from menshen.callouts.captcha import captcha_solved
from menshen.config.snapshot import App
from menshen.config.user_rules import RateRule, UserRules
from menshen.errors import AccountLocked, AccountRefused, CaptchaRequired, LoginLimit, Refusal, SmsCodeInvalid
from menshen.storage.digests import KeyedDigest
from menshen.users.account_names import folded_name
from menshen.users.addresses import address_key
from menshen.users.limits import Limits

__all__ = ["FAILURES_COUNT_FOR", "Attempt", "LoginGuard"]

FAILURES_COUNT_FOR: Final = 7_200
"""Seconds that a failure counts towards the captcha."""

_GUESSES = (AccountRefused, AccountLocked, SmsCodeInvalid)
"""What comes of guessing. A platform's code that is refused is not one: it is old, and thousands share one address."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login that is about to be tried, or a text message that is asked for.

    ``username`` is who it is tried for: a username, or a phone number in E.164; "" where only the platform's code says
    who. ``ip`` is what Envoy saw. ``now`` in Unix seconds.
    """

    app: App
    ip: str
    request_id: str
    how: str
    now: float
    username: str = ""
    captcha: str = ""
    openid: str = ""


class LoginGuard:
    """``digests`` keeps addresses, openids and names out of the counters."""

    def __init__(self, limits: Limits, digests: KeyedDigest, callouts: Callouts) -> None:
        self._limits = limits
        self._digests = digests
        self._callouts = callouts

    async def before(self, rules: UserRules, attempt: Attempt) -> None:
        """Raises ``LoginLimit``, ``CaptchaRequired`` (also for one that is not solved), ``CaptchaUnavailable``."""
        limits, app = rules.limits, attempt.app
        # One after the other: who has used up his address's tries must not use up the app's, which are everybody's.
        if limits.ip is not None:
            await self._within("ip", address_key(attempt.ip), limits.ip, attempt.now)
        if limits.app is not None:
            await self._within("app", f"{app.platform}/{app.appid}", limits.app, attempt.now)
        if await self._suspect(rules, attempt):
            await self._solved(rules, attempt)

    async def identified(self, rules: UserRules, key: str, now: float) -> None:
        """The same once it is known who logs in: ``platform/appid/openid`` or a uid. Raises ``LoginLimit``."""
        if rules.limits.user is not None:
            await self._within("user", key, rules.limits.user, now)

    async def failed(self, rules: UserRules, attempt: Attempt, refusal: Refusal) -> None:
        """A login came to nothing: one that looks like guessing counts towards the captcha."""
        if rules.captcha is not None and rules.captcha.after and attempt.username and isinstance(refusal, _GUESSES):
            await self._limits.add(self._failures_key(attempt), FAILURES_COUNT_FOR, attempt.now)

    async def succeeded(self, rules: UserRules, attempt: Attempt) -> None:
        """A login came to something: who was meant has shown that it is he."""
        if rules.captcha is not None and rules.captcha.after and attempt.username:
            await self._limits.forget(self._failures_key(attempt))

    async def _within(self, what: str, whose: str, rate: RateRule, now: float) -> None:
        wait = await self._limits.exceeded(f"login-{what}:{self._digests.of(what, whose)}", rate, now)
        if wait:
            raise LoginLimit(f"the limit of one {what}", retry_after=wait)

    async def _suspect(self, rules: UserRules, attempt: Attempt) -> bool:
        """Whether a captcha is asked for: of those who name a user themselves, after so many failures."""
        if rules.captcha is None or not attempt.username:
            return False
        if rules.captcha.after == 0:
            return True
        return await self._limits.counted(self._failures_key(attempt), attempt.now) >= rules.captcha.after

    async def _solved(self, rules: UserRules, attempt: Attempt) -> None:
        if rules.captcha is None or not attempt.captcha:
            raise CaptchaRequired
        if not await captcha_solved(self._callouts, rules.captcha.check, attempt.captcha, attempt.ip, attempt.app):
            raise CaptchaRequired("not solved")

    def _failures_key(self, attempt: Attempt) -> str:
        return f"login-fail:{self._digests.of('failures', address_key(attempt.ip), folded_name(attempt.username))}"
