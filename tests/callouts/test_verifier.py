"""Asking the team's verifier."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from menshen.callouts.verifier import verified_account
from menshen.errors import VerifierUnavailable
from menshen.secret import Secret
from tests.callouts.service import APP, calling


def asked(answer: Any) -> tuple[Any, Any]:
    async def main() -> tuple[Any, Any]:
        async with calling(lambda _: answer) as (service, callouts):
            account = await verified_account(callouts, service.callout, "Älice", Secret('p"ß'), APP)
            return service.calls[0].json, account

    return asyncio.run(main())


def test_the_question_and_the_account() -> None:
    question, account = asked({"account": "E10086"})
    assert account == "E10086"
    assert question == {
        "username": "Älice",
        "password": 'p"ß',
        "app": "shop",
        "platform": "wechat",
        "appid": "wx4f4bc4dec97d474b",
    }


def test_nobody() -> None:
    assert asked({"account": None})[1] is None


@pytest.mark.parametrize("account", ["x" * 128, "a:b/c", "~"])
def test_ids(account: str) -> None:
    assert asked({"account": account})[1] == account


@pytest.mark.parametrize("account", ["", "x" * 129, "a b", "a\r\nx-menshen-user: u1", "ä", 7, False, ["E1"]])
def test_an_id_that_no_header_can_carry_is_no_answer(account: Any) -> None:
    with pytest.raises(VerifierUnavailable):
        asked({"account": account})
