"""``sms``, ``password/reset``: codes by text message, and what a forgotten password needs them for."""

from __future__ import annotations

import msgspec

from menshen.errors import (
    CaptchaRequired,
    CaptchaUnavailable,
    LoginLimit,
    NotBound,
    NotOffered,
    Overloaded,
    PasswordWeak,
    SmsCodeInvalid,
    SmsLimit,
    SmsUnavailable,
    UserBanned,
)
from menshen.gateway.answer import Answer, answer_json
from menshen.gateway.guard import Attempt, LoginGuard
from menshen.gateway.password_reset import PasswordReset, reset_offered
from menshen.secret import Secret
from menshen.users.phone_number import parse_phone
from menshen.users.sms_codes import EXPIRES_IN, RESEND_AFTER, SmsCodes, SmsPurpose
from menshen.web.user_api.call import Body, Call
from menshen.web.user_api.endpoint import Endpoint
from menshen.web.user_api.login import Captcha, Line

__all__ = ["sms_endpoints"]


class SmsBody(Body, frozen=True):
    """A code for one purpose: it is good for no other."""

    phone: Line
    purpose: SmsPurpose
    captcha: Captcha = ""
    app: Line = ""


class Sent(msgspec.Struct, frozen=True):
    """The same whether anybody has the number or not. Seconds."""

    sent: bool
    expires_in: int
    resend_after: int


class ResetBody(Body, frozen=True):
    """The number that the code was sent to, the code, and the password that is to be."""

    phone: Line
    sms_code: Secret
    password: Secret
    app: Line = ""


class Reset(msgspec.Struct, frozen=True):
    """How many sessions ended with the old password."""

    ended: int


def sms_endpoints(codes: SmsCodes, guard: LoginGuard, resets: PasswordReset) -> tuple[Endpoint, ...]:
    async def send(call: Call, body: SmsBody) -> Answer:
        rules, plugin = call.snapshot.users, call.plugin(body.app)
        if rules.sms is None or (body.purpose == "reset" and not reset_offered(rules)):
            raise NotOffered("no text messages, or none for this")
        phone = parse_phone(body.phone)
        attempt = Attempt(
            app=plugin.app,
            ip=call.caller.ip,
            request_id=call.caller.request_id,
            how="sms",
            now=call.now,
            username=phone.e164,
            captcha=body.captcha,
        )
        await guard.before(rules, attempt)
        await codes.send(rules.sms, phone, body.purpose, call.caller.ip, call.now)
        return answer_json(Sent(True, EXPIRES_IN, RESEND_AFTER), [])

    async def reset(call: Call, body: ResetBody) -> Answer:
        call.plugin(body.app)
        ended = await resets.reset(call.snapshot.users, body.phone, body.sms_code, body.password, call.now)
        return answer_json(Reset(ended), [])

    return (
        Endpoint(
            "POST",
            "sms",
            "Send a code by text message",
            send,
            "nothing",
            SmsBody,
            Sent,
            (NotOffered, LoginLimit, CaptchaRequired, CaptchaUnavailable, SmsLimit, SmsUnavailable),
        ),
        Endpoint(
            "POST",
            "password/reset",
            "A new password for who has the phone number; every session ends",
            reset,
            "nothing",
            ResetBody,
            Reset,
            (NotOffered, SmsCodeInvalid, PasswordWeak, NotBound, UserBanned, Overloaded),
        ),
    )
