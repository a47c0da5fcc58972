"""Which of a user's ways in lead in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.users.ways_in import DoorsOpen, WaysIn

SHOP, GONE = ("wechat", "wx1"), ("wechat", "wx-gone")
ALL = DoorsOpen(frozenset({SHOP}), "own", True)


@pytest.mark.parametrize(
    ("ways", "doors", "led"),
    [
        (WaysIn({}), ALL, False),
        (WaysIn({1: SHOP}), ALL, True),
        (WaysIn({1: GONE}), ALL, False),
        (WaysIn({1: ("qq", "wx1")}), ALL, False),
        (WaysIn({1: GONE, 2: SHOP}), ALL, True),
        (WaysIn({}, "own"), ALL, True),
        (WaysIn({}, "verifier"), ALL, False),
        (WaysIn({}, "verifier"), DoorsOpen(frozenset(), "verifier", False), True),
        (WaysIn({}, ""), DoorsOpen(frozenset(), "", False), False),
        (WaysIn({}, "", True), ALL, True),
        (WaysIn({}, "", True), DoorsOpen(frozenset({SHOP}), "own", False), False),
    ],
)
def test_a_way_leads_in_where_its_door_is_open(ways: WaysIn, doors: DoorsOpen, led: bool) -> None:
    assert ways.open(doors) is led


def test_what_is_left_is_everything_else() -> None:
    ways = WaysIn({1: SHOP, 2: GONE}, "own", True)
    assert ways.without(identity=1) == WaysIn({2: GONE}, "own", True)
    assert ways.without(account=True) == WaysIn({1: SHOP, 2: GONE}, "", True)
    assert ways.without(phone=True) == WaysIn({1: SHOP, 2: GONE}, "own", False)
    assert ways.without(identity=3) == ways


@given(
    st.dictionaries(st.integers(1, 5), st.sampled_from([SHOP, GONE])),
    st.sampled_from(["", "own", "verifier"]),
    st.booleans(),
    st.integers(0, 6),
    st.booleans(),
    st.booleans(),
)
def test_taking_away_never_opens_a_way(
    identities: dict[int, tuple[str, str]], account: str, phone: bool, identity: int, no_account: bool, no_phone: bool
) -> None:
    ways = WaysIn(identities, account, phone)
    left = ways.without(identity=identity, account=no_account, phone=no_phone)
    assert ways.open(ALL) or not left.open(ALL)
