"""``me/phone``, ``me/phone/get``: the user's phone number, as the platform or a text message vouches for it."""

from __future__ import annotations

import msgspec

from menshen.errors import (
    AlreadyBound,
    CallMalformed,
    ComponentNotAuthorized,
    ComponentTicketMissing,
    NotBound,
    NotOffered,
    OpenDataInvalid,
    PhoneCodeInvalid,
    PhoneTaken,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    PlatformSaysBusy,
    PlatformTimeout,
    PlatformUnreachable,
    SessionKeyStale,
    SessionRevoked,
    SmsCodeInvalid,
    UserBanned,
)
from menshen.gateway.answer import Answer, answer_json
from menshen.gateway.phone import PhoneFlows
from menshen.gateway.proofs import Proofs
from menshen.secret import Secret
from menshen.web.user_api.call import Body, Call
from menshen.web.user_api.endpoint import Endpoint
from menshen.web.user_api.given import Given
from menshen.web.user_api.login import Code, Iv, Line, OpenData
from menshen.web.user_api.rebinding import Rebinding

__all__ = ["phone_endpoints"]


class PlatformPhoneBody(Body, frozen=True):
    """``phone_code`` of the new way, or ``encryptedData`` and ``iv`` of the old one."""

    phone_code: Code = ""
    encrypted_data: OpenData = msgspec.field(name="encryptedData", default="")
    iv: Iv = ""


class PhoneBody(Body, frozen=True):
    """As for ``me/phone/get``, or ``phone`` and the ``sms_code`` that was sent to it."""

    phone_code: Code = ""
    encrypted_data: OpenData = msgspec.field(name="encryptedData", default="")
    iv: Iv = ""
    phone: Line = ""
    sms_code: Secret = msgspec.field(default_factory=lambda: Secret(""))


class Phone(msgspec.Struct, frozen=True, rename="camel"):
    """As the platform tells it: with calling code, without it, and the code."""

    phone_number: str
    pure_phone_number: str
    country_code: str


def phone_endpoints(flows: PhoneFlows, rebinding: Rebinding) -> tuple[Endpoint, ...]:
    async def bind(call: Call, body: PhoneBody) -> Answer:
        by_message = bool(body.phone or body.sms_code)
        proofs = Proofs(
            how="sms" if by_message else "phone",
            received=call.request.received,
            phone_code=body.phone_code,
            encrypted_data=body.encrypted_data,
            iv=body.iv,
            phone=body.phone,
            sms_code=body.sms_code,
        )
        asking = await rebinding.asking(call)
        return rebinding.answer(call, asking, await flows.bind(asking, _whole(proofs)))

    async def get(call: Call, body: PlatformPhoneBody) -> Answer:
        proofs = Proofs(
            how="phone",
            received=call.request.received,
            phone_code=body.phone_code,
            encrypted_data=body.encrypted_data,
            iv=body.iv,
        )
        found = await flows.get(await rebinding.asking(call), _whole(proofs))
        return answer_json(Phone(found.number, found.pure, found.country_code), [])

    ways = (
        UserBanned,
        SessionRevoked,
        NotOffered,
        NotBound,
        PhoneCodeInvalid,
        OpenDataInvalid,
        SessionKeyStale,
        PlatformRefusedUs,
        ComponentNotAuthorized,
        ComponentTicketMissing,
        PlatformSaysBusy,
        PlatformUnreachable,
        PlatformTimeout,
        PlatformReplyInvalid,
        PlatformLimit,
    )
    return (
        Endpoint(
            "POST",
            "me/phone",
            "Bind a phone number",
            bind,
            "state",
            PhoneBody,
            Given,
            (*ways, PhoneTaken, AlreadyBound, SmsCodeInvalid),
        ),
        Endpoint(
            "POST",
            "me/phone/get",
            "The phone number that the platform vouches for; nothing is bound",
            get,
            "state",
            PlatformPhoneBody,
            Phone,
            ways,
        ),
    )


def _whole(proofs: Proofs) -> Proofs:
    if bool(proofs.encrypted_data) != bool(proofs.iv) or bool(proofs.phone) != bool(proofs.sms_code):
        raise CallMalformed("half of a pair")
    return proofs
