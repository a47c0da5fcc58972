"""Durations in buckets: each in one, and percentiles that are within it."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.figures.latency import BUCKETS, OVER, SUM, bucket_of, cumulated, quantile


@pytest.mark.parametrize(
    ("milliseconds", "bucket"),
    [(0.0, "0.5"), (0.5, "0.5"), (0.51, "1"), (999.0, "1000"), (60_000.0, "60000"), (1e9, OVER)],
)
def test_a_duration_is_in_the_first_bucket_that_it_fits(milliseconds: float, bucket: str) -> None:
    assert bucket_of(milliseconds) == bucket


def test_buckets_hold_those_below_when_they_are_told() -> None:
    told = cumulated({"1": 2, "50": 3, OVER: 1, SUM: 12345})
    assert told[0] == (0.5, 0)
    assert told[1] == (1.0, 2)
    assert told[-2:] == [(60_000.0, 5), (float("inf"), 6)]


def test_of_nothing_there_is_no_percentile() -> None:
    assert quantile({}, 0.5) is None
    assert quantile({SUM: 5}, 0.5) is None


def test_percentiles_are_spread_over_a_bucket() -> None:
    assert quantile({"20": 100}, 0.5) == 15.0
    assert quantile({"1": 50, "100": 50}, 0.5) == 1.0
    assert quantile({"1": 98, "100": 2}, 0.99) == 75.0
    assert quantile({OVER: 1}, 0.5) == BUCKETS[-1]


@given(st.lists(st.floats(0, 50_000), min_size=1, max_size=50), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_a_percentile_is_in_the_bucket_of_the_real_one(durations: list[float], share: float) -> None:
    found = quantile(Counter(map(bucket_of, durations)), share)
    ordered = sorted(durations)
    real = next(value for place, value in enumerate(ordered, 1) if place >= share * len(ordered))
    assert found is not None
    high = float(bucket_of(real))
    low = max((bound for bound in BUCKETS if bound < high), default=0.0)
    assert low <= found <= high
