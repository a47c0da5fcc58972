"""The hundred buckets: who is in which, the same everywhere, and none fuller than the others."""

from __future__ import annotations

import uuid

import pytest

from menshen.config.buckets import BUCKETS, bucket


@pytest.mark.parametrize(
    ("salt", "whose", "number"),
    [("rollout/blue", "u-1", 18), ("rollout/blue", "u-2", 87), ("rollout/green", "u-1", 78), ("门", "神", 58)],
)
def test_a_user_stays_where_he_is(salt: str, whose: str, number: int) -> None:
    """These are part of the contract: a release that changed them would move users from side to side."""
    assert bucket(salt, whose) == number


@pytest.mark.parametrize("kind", ["uuids", "numbers", "alike"])
def test_buckets_are_equally_full(kind: str) -> None:
    """Chi-square of 99 degrees of freedom: its mean is 99, and over many salts it stays there."""
    number = 2000
    whose = {
        "uuids": [str(uuid.UUID(int=n * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128))) for n in range(number)],
        "numbers": [str(n) for n in range(number)],
        "alike": [f"u-{n:012d}" for n in range(number)],
    }[kind]
    expected = number / BUCKETS
    found = []
    for salt in (f"plugin-{n}/rule" for n in range(20)):
        counts = [0] * BUCKETS
        for each in whose:
            counts[bucket(salt, each)] += 1
        found.append(sum((count - expected) ** 2 / expected for count in counts))
    assert max(found) < 180, found  # one in a million is 175
    assert 85 < sum(found) / len(found) < 113, found


def test_one_choice_says_nothing_about_the_next() -> None:
    users = [f"u-{n}" for n in range(4000)]
    first = {user for user in users if bucket("search/half", user) < 50}
    both = sum(bucket("basket/half", user) < 50 for user in first)
    assert abs(both / len(first) - 0.5) < 0.04


def test_every_share_of_users_holds_within_two_percent() -> None:
    numbers = [bucket("plugin/rule", f"user-{n}") for n in range(20_000)]
    for weight in range(1, 100):
        assert abs(sum(number < weight for number in numbers) / 20_000 - weight / 100) < 0.02
