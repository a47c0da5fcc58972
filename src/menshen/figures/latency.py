"""How long things take, as counts in buckets: they add up over workers and nodes, which a percentile does not."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Final

__all__ = ["BUCKETS", "OVER", "SUM", "bucket_of", "cumulated", "quantile"]

BUCKETS: Final = (
    *(0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0),
    *(1_000.0, 2_000.0, 5_000.0, 10_000.0, 30_000.0, 60_000.0),
)
"""Upper bounds, in milliseconds. Envoy counts in the same."""

OVER: Final = "inf"
"""The bucket of what took longer than any bound."""

SUM: Final = "us"
"""Beside the buckets: the time of all together, in microseconds."""

_NAMES: Final = (*(f"{bound:g}" for bound in BUCKETS), OVER)


def bucket_of(milliseconds: float) -> str:
    """The name of the bucket: its upper bound."""
    return _NAMES[bisect_left(BUCKETS, milliseconds)]


def cumulated(counts: Mapping[str, int]) -> list[tuple[float, int]]:
    """Upper bound in milliseconds -> how many took no longer, infinity last. ``counts`` are by name of bucket."""
    found, so_far = [], 0
    for bound, name in zip((*BUCKETS, float("inf")), _NAMES, strict=True):
        so_far += counts.get(name, 0)
        found.append((bound, so_far))
    return found


def quantile(counts: Mapping[str, int], share: float) -> float | None:
    """The milliseconds within which ``share`` of them were done, evenly spread in a bucket; None where there are none.

    What is over the last bound counts as that.
    """
    buckets = cumulated(counts)
    wanted = share * buckets[-1][1]
    low = 0.0
    below = 0
    for bound, so_far in buckets:
        if so_far and so_far >= wanted:
            inside = so_far - below
            high = min(bound, BUCKETS[-1])
            return high if not inside else low + (high - low) * max(0.0, wanted - below) / inside
        low, below = bound, so_far
    return None
