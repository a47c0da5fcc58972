from __future__ import annotations

from collections import Counter

from menshen.config.buckets import BUCKETS, bucket


def test_users_are_spread_evenly() -> None:
    """20,000 users are 200 in each bucket; one that is off by five standard deviations would say it is no hash."""
    counts = Counter(bucket("plugin/rule", f"user-{number}") for number in range(20_000))
    assert set(counts) == set(range(BUCKETS))
    assert max(abs(count - 200) for count in counts.values()) < 71


def test_every_share_of_users_holds_within_two_percent() -> None:
    buckets = [bucket("plugin/rule", f"user-{number}") for number in range(20_000)]
    for weight in range(1, 100):
        assert abs(sum(each < weight for each in buckets) / 20_000 - weight / 100) < 0.02


def test_another_choice_takes_other_users() -> None:
    users = [f"user-{number}" for number in range(5_000)]
    both = sum(bucket("a", user) < 50 and bucket("b", user) < 50 for user in users)
    assert abs(both / 5_000 - 0.25) < 0.03


def test_salt_and_user_are_not_taken_for_each_other() -> None:
    pairs = [("ab", "c"), ("a", "bc"), ("abc", ""), ("", "abc")]
    assert len({bucket(salt, whose) for salt, whose in pairs}) > 1
