"""Handing a code to the team's sender."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from menshen.callouts.sms import SmsSender
from menshen.errors import SmsUnavailable
from menshen.secret import Secret
from menshen.users.phone_number import parse_phone
from tests.callouts.service import calling


async def sent(answer: Any) -> Any:
    async with calling(lambda _: answer) as (service, callouts):
        await SmsSender(callouts)(service.callout, parse_phone("13580006666"), Secret("012345"), "login", 300)
        return service.calls[0].json


def test_the_question() -> None:
    assert asyncio.run(sent({"sent": True})) == {
        "phone": "+8613580006666",
        "code": "012345",
        "purpose": "login",
        "expires_in": 300,
    }


@pytest.mark.parametrize("answer", [{"sent": False}, {"sent": "yes"}, {"ok": True}, b"HTTP/1.1 204 No Content\r\n\r\n"])
def test_what_was_not_taken(answer: Any) -> None:
    with pytest.raises(SmsUnavailable) as raised:
        asyncio.run(sent(answer))
    assert "012345" not in raised.value.detail
