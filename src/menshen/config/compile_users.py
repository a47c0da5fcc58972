"""The ``users`` and ``webhooks`` sections to their part of the snapshot."""

from __future__ import annotations

from menshen.config import user_pool as written
from menshen.config.user_rules import (
    AccountRules,
    Callout,
    CaptchaRules,
    HookRules,
    LimitRules,
    RateRule,
    SmsRules,
    UserRules,
    WebhookRules,
)

__all__ = ["user_rules", "webhook_rules"]


def user_rules(users: written.Users) -> UserRules:
    accounts, sms, captcha, limits = users.accounts, users.sms, users.captcha, users.limits
    return UserRules(
        accounts=AccountRules(
            verifier=None if accounts.verifier is None else _callout(accounts.verifier),
            registration=accounts.registration,
            password_min_length=accounts.password_min_length,
            lock_after=accounts.lock_after,
            lock_minutes=accounts.lock_minutes,
        ),
        phone_owned=users.phone.owned,
        sms=None if sms is None else SmsRules(_callout(sms), sms.registration),
        captcha=None if captcha is None else CaptchaRules(_callout(captcha), captcha.after),
        limits=LimitRules(_rate(limits.ip), _rate(limits.user), _rate(limits.app)),
        hooks=HookRules(users.hooks.timeout, users.hooks.on_failure),
        login_log_days=users.login_log.keep_days,
        avatar_kib=users.avatar_kib,
        match_unionid=users.match_unionid,
    )


def webhook_rules(webhook: written.Webhook) -> WebhookRules:
    return WebhookRules(webhook.name, webhook.url, webhook.secret, tuple(dict.fromkeys(webhook.events)))


def _callout(called: written.Called) -> Callout:
    return Callout(called.url, called.secret, called.timeout)


def _rate(rate: written.Rate | None) -> RateRule | None:
    return None if rate is None else RateRule(rate.count, rate.seconds)
