"""``connections/social/wechat-miniprogram``: Authing's two logins, and the phone number that logs nobody in."""

from __future__ import annotations

from typing import Literal

import msgspec

from menshen.errors import (
    IdentityConflict,
    LoginLimit,
    NotOffered,
    OpenDataInvalid,
    PhoneTaken,
    UserBanned,
)
from menshen.gateway.answer import Answer, answer_json, handed
from menshen.gateway.issue import Issuer
from menshen.gateway.phone_telling import PhoneTelling
from menshen.gateway.proofs import Proofs
from menshen.web.user_api.authing.user import OK, AuthingUser, AuthingUsers
from menshen.web.user_api.authing.wire import AUTHING, plugin_of, presented
from menshen.web.user_api.call import Body, Call
from menshen.web.user_api.endpoint import Endpoint
from menshen.web.user_api.login import CODE_REFUSALS, LOGIN_REFUSALS, Code, Enters, Iv, Line, OpenData

__all__ = ["UserAnswer", "social_endpoints"]


class AuthBody(Body, frozen=True):
    """As ``loginByCode`` sends it. ``rawData`` without a ``signature`` proves nothing and is left unread."""

    code: Code
    encrypted_data: OpenData = msgspec.field(name="encryptedData", default="")
    iv: Iv = ""
    raw_data: OpenData = msgspec.field(name="rawData", default="")
    signature: Line = ""


class AuthByPhoneBody(Body, frozen=True):
    """As ``loginByPhone`` and ``getPhone`` send it: what the phone button gave, and a code of ``wx.login``."""

    code: Code
    encrypted_data: OpenData = msgspec.field(name="encryptedData")
    iv: Iv


class UserAnswer(msgspec.Struct, frozen=True):
    """Authing's envelope around the user."""

    data: AuthingUser
    code: Literal[200] = 200
    message: str = OK


class OwnedPhone(msgspec.Struct, frozen=True, rename="camel"):
    """The number as the platform tells it, and whose it is."""

    country_code: str
    phone_number: str
    pure_phone_number: str
    openid: str = msgspec.field(name="openid")
    unionid: str | None = msgspec.field(name="unionid")


class PhoneAnswer(msgspec.Struct, frozen=True):
    """Authing's envelope around the number."""

    data: OwnedPhone
    code: Literal[200] = 200
    message: str = OK


def social_endpoints(logins: Enters, telling: PhoneTelling, users: AuthingUsers) -> tuple[Endpoint, ...]:
    async def entered(call: Call, proofs: Proofs) -> Answer:
        plugin = plugin_of(call)
        logged_in = await logins.enter(plugin, proofs, presented(call), call.states, call.caller, call.snapshot)
        Issuer.known(call.states, logged_in)
        secrets = (logged_in.reference.reveal(), logged_in.seed.reveal())
        given = handed(plugin, logged_in.claims, call.states, call.now, *secrets)
        # In the body and nowhere else: the package reads no header of an answer, and a cookie would be a second state.
        return answer_json(UserAnswer(await users.of(call, logged_in.claims, given.state)), [])

    async def auth(call: Call, body: AuthBody) -> Answer:
        proofs = Proofs(
            how="code",
            received=call.request.received,
            code=body.code,
            encrypted_data=body.encrypted_data,
            iv=body.iv,
            raw_data=body.raw_data if body.signature else "",
            signature=body.signature,
        )
        return await entered(call, proofs)

    async def by_phone(call: Call, body: AuthByPhoneBody) -> Answer:
        return await entered(call, _of_phone(call, body))

    async def get_phone(call: Call, body: AuthByPhoneBody) -> Answer:
        presented(call)  # nobody's token is needed; two are refused here as everywhere
        told = await telling.tell(plugin_of(call), _of_phone(call, body), call.caller, call.snapshot)
        phone = told.phone
        return answer_json(
            PhoneAnswer(
                OwnedPhone(phone.country_code, phone.number, phone.pure, told.openid, told.unionid or None),
            ),
            [],
        )

    folder = "authing/connections/social/wechat-miniprogram"
    logging_in = (*LOGIN_REFUSALS, *CODE_REFUSALS, IdentityConflict, OpenDataInvalid, NotOffered)
    return (
        Endpoint(
            "POST",
            f"{folder}/auth",
            "Authing's `loginByCode`: log in with a code, and with open data where there is some",
            auth,
            "nothing",
            AuthBody,
            UserAnswer,
            logging_in,
            AUTHING,
        ),
        Endpoint(
            "POST",
            f"{folder}/auth-by-phone",
            "Authing's `loginByPhone`: log in with a code and the phone number of the button",
            by_phone,
            "nothing",
            AuthByPhoneBody,
            UserAnswer,
            (*logging_in, PhoneTaken),
            AUTHING,
        ),
        Endpoint(
            "POST",
            f"{folder}/getphone",
            "Authing's `getPhone`: the phone number of the button; nobody is logged in, nothing is bound",
            get_phone,
            "nothing",
            AuthByPhoneBody,
            PhoneAnswer,
            (*CODE_REFUSALS, LoginLimit, UserBanned, IdentityConflict, OpenDataInvalid, NotOffered),
            AUTHING,
        ),
    )


def _of_phone(call: Call, body: AuthByPhoneBody) -> Proofs:
    return Proofs(
        how="phone",
        received=call.request.received,
        code=body.code,
        encrypted_data=body.encrypted_data,
        iv=body.iv,
    )
