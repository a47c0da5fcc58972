"""Limits: never more than so many in any span, and a truthful Retry-After."""

from __future__ import annotations

import asyncio
import random

from menshen.config.user_rules import RateRule
from menshen.users.limits import Limits, tick
from tests.storage.conftest import opened

NOW = 1_800_000_003.5


def test_a_limit_and_when_it_frees(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as database:
            limits, rate = Limits(database), RateRule(3, 60)
            assert [await limits.exceeded("k", rate, NOW + n) for n in range(3)] == [0, 0, 0]
            wait = await limits.exceeded("k", rate, NOW + 3)
            assert 57 <= wait <= 66
            assert await limits.exceeded("k", rate, NOW + 3 + wait - 1) > 0
            assert await limits.exceeded("k", rate, NOW + 3 + wait) == 0
            assert await limits.exceeded("other", rate, NOW + 3) == 0

    asyncio.run(main())


def test_no_span_of_that_length_ever_has_more(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as one, opened(database_url) as two:
            limits, rate = [Limits(one), Limits(two)], RateRule(7, 50)
            at, let_through = NOW, []
            seeded = random.Random(7)
            for n in range(400):
                at += seeded.choice([0, 0, 0, 0.3, 1, 4, 30])
                if not await limits[n % 2].exceeded("k", rate, at):
                    let_through.append(at)
            for first in let_through:
                assert sum(first <= each < first + 50 for each in let_through) <= 7
            # And it lets through nearly what it may: steady pressure does not shut it.
            assert len(let_through) > 0.6 * 7 * (at - NOW) / 50

    asyncio.run(main())


def test_short_and_long_spans_are_counted_in_whole_seconds() -> None:
    assert tick("k", 1, NOW, 5).expires_at - int(NOW) == 2
    day = tick("k", 86_400, NOW, 5)
    assert (day.period <= NOW < day.period + 8640, day.expires_at - day.period) == (True, 95_040)


def test_failures_are_summed_and_forgotten(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as database:
            limits = Limits(database)
            for n in range(4):
                await limits.add("k", 7200, NOW + n * 1000)
            assert await limits.counted("k", NOW + 3000) == 4
            assert await limits.counted("k", NOW + 7199) == 4
            assert await limits.counted("k", NOW + 3000 + 7200 + 720) == 0
            assert await limits.counted("other", NOW) == 0
            await limits.forget("k")
            assert await limits.counted("k", NOW + 3000) == 0

    asyncio.run(main())
