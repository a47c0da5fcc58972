"""The team's sender of text messages.

It is sent ``{"phone": "+8613580006666", "code": "123456", "purpose": "login", "expires_in": 300}``, writes the text
and answers ``{"sent": true}``; ``{"sent": false}`` where it does not send to this number.
"""

from __future__ import annotations

import msgspec

from menshen.callouts.calling import Callouts, asked
from menshen.config.user_rules import Callout
from menshen.errors import SmsUnavailable
from menshen.platforms.base import Flow
from menshen.secret import Secret
from menshen.users.phone_number import PhoneNumber

__all__ = ["SmsSender", "code_sent"]


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    sent: bool


class SmsSender:
    """Hands codes to the sender; the way out that ``users.sms_codes.SmsCodes`` is given."""

    def __init__(self, callouts: Callouts) -> None:
        self._callouts = callouts

    async def __call__(self, sender: Callout, phone: PhoneNumber, code: Secret, purpose: str, expires_in: int) -> None:
        """Raises ``SmsUnavailable``: the sender did not take it, or did not say that it did."""
        callouts = self._callouts
        flow = code_sent(sender, phone, code, purpose, expires_in, callouts.new_id(), callouts.clock())
        if not await callouts.run(flow, SmsUnavailable):
            raise SmsUnavailable("the sender did not take it")


def code_sent(
    sender: Callout, phone: PhoneNumber, code: Secret, purpose: str, expires_in: int, id_: str, now: float
) -> Flow[bool]:
    """Whether the sender took the message."""
    question = {"phone": phone.e164, "code": code.reveal(), "purpose": purpose, "expires_in": expires_in}
    answer = yield from asked(sender, question, _Answer, SmsUnavailable, id_, now)
    return answer.sent
