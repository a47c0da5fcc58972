"""A day as paths: the highest is at the top, nothing is at the bottom, what is not known is a gap."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from menshen.web.console.sparkline import HEIGHT, sparkline


def test_a_day_goes_from_left_to_right() -> None:
    line = sparkline([0, 5, 10])
    assert (line.width, line.most) == (2, 10)
    assert line.line == "M0 32.0L1 17.0L2 2.0"
    assert line.area == "M0 32L0 32.0L1 17.0L2 2.0L2 32Z"


def test_what_is_not_known_is_a_gap() -> None:
    assert sparkline([None, 1, None, 2, 2]).line == "M1 17.0M3 2.0L4 2.0"
    empty = sparkline([None, None])
    assert (empty.line, empty.area, empty.most) == ("", "", None)


def test_of_nothing_there_is_a_picture_too() -> None:
    assert sparkline([]).width == 1
    assert sparkline([0, 0]).line == "M0 32.0L1 32.0"


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e12)), max_size=150))
def test_nothing_is_outside_the_picture(values: list[float | None]) -> None:
    made = sparkline(values)
    for x, y in re.findall(r"[ML](\d+) ([\d.]+)", made.line + made.area):
        assert 0 <= int(x) <= made.width
        assert 0 <= float(y) <= HEIGHT
