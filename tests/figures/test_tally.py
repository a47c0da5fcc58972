"""Counts add up, and no total goes down, whatever dies."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from menshen.figures.tally import Source, Tally, add, labels_of, total_of

PIECES = st.dictionaries(
    st.sampled_from(["decisions", "logins"]), st.dictionaries(st.sampled_from(["a", "b", "c d"]), st.integers(1, 9))
)


def test_families_and_labels_are_added_up() -> None:
    tally: Tally = {"decisions": {"allow": 1}}
    add(tally, {"decisions": {"allow": 2, "login": 1}, "logins": {"shop ok": 1}})
    assert tally == {"decisions": {"allow": 3, "login": 1}, "logins": {"shop ok": 1}}
    assert labels_of(tally, "logins") == [(("shop", "ok"), 1)]
    assert labels_of(tally, "calls") == []


def test_adding_up_changes_nothing_that_is_added() -> None:
    one: Tally = {"decisions": {"allow": 1}}
    assert total_of([one, one]) == {"decisions": {"allow": 2}}
    assert one == {"decisions": {"allow": 1}}


def test_only_what_is_new_is_added() -> None:
    source = Source()
    assert source.added(7, {"decisions": {"allow": 3}}) == {"decisions": {"allow": 3}}
    assert source.added(7, {"decisions": {"allow": 3}}) == {}
    assert source.added(7, {"decisions": {"allow": 5, "login": 1}}) == {"decisions": {"allow": 2, "login": 1}}


def test_a_process_that_replaces_another_begins_at_nothing() -> None:
    source = Source()
    source.added(7, {"decisions": {"allow": 3}})
    assert source.added(8, {"decisions": {"allow": 4}}) == {"decisions": {"allow": 4}}


def test_a_counter_that_was_dropped_begins_anew() -> None:
    source = Source()
    source.added(7, {"routes": {"mall/order 2xx": 9, "mall/news 2xx": 4}})
    assert source.added(7, {"routes": {"mall/order 2xx": 9}}) == {}
    assert source.added(7, {"routes": {"mall/order 2xx": 2, "mall/news 2xx": 1}}) == {
        "routes": {"mall/order 2xx": 2, "mall/news 2xx": 1}
    }


@given(st.lists(st.tuples(st.booleans(), PIECES), max_size=12))
def test_what_all_that_lived_have_done_is_the_total(steps: list[tuple[bool, Tally]]) -> None:
    source, done, total, said, pid = Source(), {}, {}, {}, 1
    for dies, piece in steps:
        if dies:
            pid, said = pid + 1, {}
        add(done, piece)
        said = total_of([said, piece])
        add(total, source.added(pid, said))
    assert {family: counts for family, counts in done.items() if counts} == total
