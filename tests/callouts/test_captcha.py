"""Asking the team's check of captchas."""

from __future__ import annotations

import asyncio

import pytest

from menshen.callouts.captcha import captcha_solved
from menshen.errors import CaptchaUnavailable
from tests.callouts.service import APP, calling


@pytest.mark.parametrize("passed", [True, False])
def test_the_question_and_the_answer(passed: bool) -> None:
    async def main() -> None:
        async with calling(lambda _: {"passed": passed}) as (service, callouts):
            assert await captcha_solved(callouts, service.callout, "ticket", "10.0.0.9", APP) is passed
            assert service.calls[0].json == {"captcha": "ticket", "ip": "10.0.0.9", "app": "shop"}

    asyncio.run(main())


def test_no_answer() -> None:
    async def main() -> None:
        async with calling(lambda _: {"ok": True}) as (service, callouts):
            with pytest.raises(CaptchaUnavailable):
                await captcha_solved(callouts, service.callout, "ticket", "10.0.0.9", APP)

    asyncio.run(main())
