"""What is counted of a call of a platform, however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from menshen.errors import CodeInvalid
from menshen.figures.counting import Counts


def ticking() -> Iterator[float]:
    """Seconds: every look is 30 ms after the one before."""
    now = 0.0
    while True:
        yield now
        now += 0.03


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "ok"),
        (CodeInvalid("planted"), CodeInvalid.reason),
        (RuntimeError("planted"), "failed"),
        (asyncio.CancelledError(), "failed"),
    ],
)
def test_a_call_is_counted_once_with_how_it_ended(error: BaseException | None, outcome: str) -> None:
    counts = Counts(ticking().__next__)
    with nullcontext() if error is None else pytest.raises(type(error)), counts.calling("wechat", "shop"):
        _end(error)
    assert counts.tally() == {"calls": {f"wechat shop {outcome}": 1}, "call_ms": {"wechat 50": 1, "wechat us": 30_000}}


def _end(error: BaseException | None) -> None:
    if error is not None:
        raise error


def test_a_tally_is_a_copy_and_has_only_what_happened() -> None:
    counts = Counts()
    assert counts.tally() == {}
    counts.login("shop")
    before = counts.tally()
    counts.login("shop", "code_used")
    counts.decisions["allow"] += 1
    assert before == {"logins": {"shop ok": 1}}
    assert counts.tally() == {"logins": {"shop ok": 1, "shop code_used": 1}, "decisions": {"allow": 1}}
