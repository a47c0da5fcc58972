"""``login``, ``login/phone``, ``login/sms``, ``register``: who nobody knows yet becomes somebody with a login state."""

from __future__ import annotations

from typing import Annotated, Protocol

import msgspec

from menshen.config.snapshot import LoginPlugin, Snapshot
from menshen.errors import (
    AccountLocked,
    AccountRefused,
    AccountTaken,
    AlreadyBound,
    CallMalformed,
    CaptchaRequired,
    CaptchaUnavailable,
    CodeInvalid,
    CodeMalformed,
    CodeUsed,
    ComponentNotAuthorized,
    ComponentTicketMissing,
    HookFailed,
    IdentityConflict,
    LoginLimit,
    LoginRefused,
    NotOffered,
    OpenDataInvalid,
    Overloaded,
    PasswordWeak,
    PhoneCodeInvalid,
    PhoneTaken,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    PlatformSaysBusy,
    PlatformTimeout,
    PlatformUnreachable,
    RegistrationClosed,
    SmsCodeInvalid,
    UserBanned,
    UserBlocked,
    VerifierUnavailable,
)
from menshen.gateway.answer import Answer
from menshen.gateway.codes import LoggedIn
from menshen.gateway.credentials import MAX_IV, MAX_LINE, MAX_OPEN_DATA
from menshen.gateway.issue import Caller
from menshen.gateway.proofs import Proofs
from menshen.secret import Secret
from menshen.sessions.states import States
from menshen.users.phone_number import parse_phone
from menshen.web.user_api.call import Body, Call
from menshen.web.user_api.endpoint import Endpoint
from menshen.web.user_api.given import Given, logged_in_answer

__all__ = [
    "ACCOUNT_REFUSALS",
    "CODE_REFUSALS",
    "LOGIN_REFUSALS",
    "Captcha",
    "Code",
    "Enters",
    "Iv",
    "Line",
    "OpenData",
    "login_endpoints",
]

Line = Annotated[str, msgspec.Meta(max_length=MAX_LINE)]
Code = Annotated[str, msgspec.Meta(max_length=512)]
Captcha = Annotated[str, msgspec.Meta(max_length=4096)]
Iv = Annotated[str, msgspec.Meta(max_length=MAX_IV)]
OpenData = Annotated[str, msgspec.Meta(max_length=MAX_OPEN_DATA)]

CODE_REFUSALS = (
    CodeMalformed,
    CodeInvalid,
    CodeUsed,
    UserBlocked,
    PlatformRefusedUs,
    ComponentNotAuthorized,
    ComponentTicketMissing,
    PlatformSaysBusy,
    PlatformUnreachable,
    PlatformTimeout,
    PlatformReplyInvalid,
    PlatformLimit,
)
"""What can become of a platform's code."""

ACCOUNT_REFUSALS = (AccountRefused, AccountLocked, VerifierUnavailable, Overloaded)
"""What can become of a username and a password."""

LOGIN_REFUSALS = (
    UserBanned,
    LoginLimit,
    CaptchaRequired,
    CaptchaUnavailable,
    LoginRefused,
    HookFailed,
    RegistrationClosed,
)
"""What can become of any login."""


class Enters(Protocol):
    async def enter(
        self,
        plugin: LoginPlugin,
        proofs: Proofs,
        presented: bytes | None,
        states: States,
        caller: Caller,
        rules: Snapshot,
    ) -> LoggedIn:
        """Raises a ``Refusal``."""


class LoginBody(Body, frozen=True):
    """A platform's ``code``, or ``username`` and ``password``, or both: then the account is bound to the user.

    With a code may come what the platform says of the user, encrypted (``encryptedData`` and ``iv``) or signed
    (``rawData`` and ``signature``).
    """

    code: Code = ""
    username: Line = ""
    password: Secret = msgspec.field(default_factory=lambda: Secret(""))
    encrypted_data: OpenData = msgspec.field(name="encryptedData", default="")
    iv: Iv = ""
    raw_data: OpenData = msgspec.field(name="rawData", default="")
    signature: Line = ""
    captcha: Captcha = ""
    app: Line = ""


class PhoneLoginBody(Body, frozen=True):
    """A login code, and the phone number: ``phone_code``, or ``encryptedData`` and ``iv``."""

    code: Code
    phone_code: Code = ""
    encrypted_data: OpenData = msgspec.field(name="encryptedData", default="")
    iv: Iv = ""
    captcha: Captcha = ""
    app: Line = ""


class SmsLoginBody(Body, frozen=True):
    """A phone number and the code that was sent to it."""

    phone: Line
    sms_code: Secret
    captcha: Captcha = ""
    app: Line = ""


class RegisterBody(Body, frozen=True):
    """A new account; with a login code it is bound to the user of that code."""

    username: Line
    password: Secret
    code: Code = ""
    captcha: Captcha = ""
    app: Line = ""


def login_endpoints(logins: Enters) -> tuple[Endpoint, ...]:
    async def entered(call: Call, app: str, proofs: Proofs) -> Answer:
        plugin = call.plugin(app)
        logged_in = await logins.enter(plugin, proofs, call.presented, call.states, call.caller, call.snapshot)
        return logged_in_answer(call, plugin, logged_in)

    async def login(call: Call, body: LoginBody) -> Answer:
        _together(body.username, body.password.reveal())
        _together(body.encrypted_data, body.iv)
        _together(body.raw_data, body.signature)
        if not body.code and (not body.username or body.iv or body.signature):
            raise CallMalformed("neither a code nor an account alone")
        proofs = Proofs(
            how="code" if body.code else "password",
            received=call.request.received,
            code=body.code,
            username=body.username,
            password=body.password,
            encrypted_data=body.encrypted_data,
            iv=body.iv,
            raw_data=body.raw_data,
            signature=body.signature,
            captcha=body.captcha,
        )
        return await entered(call, body.app, proofs)

    async def by_phone(call: Call, body: PhoneLoginBody) -> Answer:
        _together(body.encrypted_data, body.iv)
        if bool(body.phone_code) == bool(body.iv):
            raise CallMalformed("one of phone_code and encryptedData")
        proofs = Proofs(
            how="phone",
            received=call.request.received,
            code=body.code,
            phone_code=body.phone_code,
            encrypted_data=body.encrypted_data,
            iv=body.iv,
            captcha=body.captcha,
        )
        return await entered(call, body.app, proofs)

    async def by_sms(call: Call, body: SmsLoginBody) -> Answer:
        rules = call.snapshot.users.sms
        if rules is None:
            raise NotOffered("no sender of text messages")
        proofs = Proofs(
            how="sms",
            received=call.request.received,
            phone=parse_phone(body.phone).e164,  # one spelling, so that failures at all of them are counted as one
            sms_code=body.sms_code,
            captcha=body.captcha,
            registers=rules.registration,
        )
        return await entered(call, body.app, proofs)

    async def register(call: Call, body: RegisterBody) -> Answer:
        proofs = Proofs(
            how="code" if body.code else "password",
            received=call.request.received,
            code=body.code,
            username=body.username,
            password=body.password,
            captcha=body.captcha,
            new_account=True,
        )
        return await entered(call, body.app, proofs)

    bound = (AccountTaken, AlreadyBound, IdentityConflict)
    return (
        Endpoint(
            "POST",
            "login",
            "Log in with a platform's code, a username and password, or both",
            login,
            "nothing",
            LoginBody,
            Given,
            (*LOGIN_REFUSALS, *CODE_REFUSALS, *ACCOUNT_REFUSALS, *bound, OpenDataInvalid, NotOffered),
        ),
        Endpoint(
            "POST",
            "login/phone",
            "Log in with a platform's code and the phone number that the platform vouches for",
            by_phone,
            "nothing",
            PhoneLoginBody,
            Given,
            (
                *LOGIN_REFUSALS,
                *CODE_REFUSALS,
                IdentityConflict,
                PhoneTaken,
                PhoneCodeInvalid,
                OpenDataInvalid,
                NotOffered,
            ),
        ),
        Endpoint(
            "POST",
            "login/sms",
            "Log in with the code of a text message",
            by_sms,
            "nothing",
            SmsLoginBody,
            Given,
            (*LOGIN_REFUSALS, SmsCodeInvalid, NotOffered),
        ),
        Endpoint(
            "POST",
            "register",
            "Make an account of Menshen's own and log in",
            register,
            "nothing",
            RegisterBody,
            Given,
            (*LOGIN_REFUSALS, *CODE_REFUSALS, *bound, PasswordWeak, Overloaded),
        ),
    )


def _together(one: str, other: str) -> None:
    if bool(one) != bool(other):
        raise CallMalformed("half of a pair")
