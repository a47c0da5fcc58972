"""Overlap against a brute-force matcher that shares nothing with the implementation."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menshen.config.overlap import Pattern, overlaps
from menshen.config.paths import parse_path, path_fault

METHODS = ("GET", "POST")
SEGMENTS = ("a", "b", "{x}", "{y}")


def pattern(path: str, *methods: str) -> Pattern:
    return Pattern(parse_path(path), frozenset(methods))


def overlap(*patterns: Pattern) -> list[tuple[int, tuple[int, ...]]]:
    return list(overlaps(patterns))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/login", "/login"),
        ("/orders/{id}", "/orders/new"),
        ("/orders/{id}", "/orders/{number}"),
        ("/{a}/x", "/x/{b}"),
        ("/static/*", "/static/app.js"),
        ("/static/*", "/static/"),
        ("/static/*", "/static/a/b"),
        ("/static/*", "/{x}/a"),
        ("/static/*", "/static/js/*"),
        ("/static/*", "/{x}/*"),
        ("/*", "/"),
        ("/*", "/a/b/c"),
        ("/*", "/{x}"),
        ("/*", "/*"),
    ],
)
def test_these_meet(one: str, other: str) -> None:
    assert overlap(pattern(one), pattern(other)) == [(1, (0,))]
    assert overlap(pattern(other), pattern(one)) == [(1, (0,))]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/login", "/Login"),
        ("/login", "/login/"),
        ("/static/*", "/static"),
        ("/static/*", "/statics/a"),
        ("/orders/{id}", "/orders"),
        ("/orders/{id}", "/orders/"),
        ("/orders/{id}", "/orders/a/b"),
        ("/{a}/x", "/{a}/y"),
        ("/{x}", "/"),
        ("/a/*", "/b/*"),
    ],
)
def test_these_do_not_meet(one: str, other: str) -> None:
    assert overlap(pattern(one), pattern(other)) == []
    assert overlap(pattern(other), pattern(one)) == []


def test_methods_keep_apart_and_no_methods_are_all_methods() -> None:
    assert overlap(pattern("/a", "GET"), pattern("/a", "POST")) == []
    assert overlap(pattern("/a", "GET", "POST"), pattern("/a", "POST", "PUT")) == [(1, (0,))]
    assert overlap(pattern("/a"), pattern("/a", "DELETE")) == [(1, (0,))]


def test_every_earlier_one_is_named() -> None:
    found = overlap(pattern("/a"), pattern("/b"), pattern("/{x}"), pattern("/*"))
    assert found == [(2, (0, 1)), (3, (0, 1, 2))]


def paths() -> st.SearchStrategy[str]:
    last = st.sampled_from((*SEGMENTS, "*", ""))
    return (
        st.tuples(st.lists(st.sampled_from(SEGMENTS), max_size=2), last)
        .map(lambda parts: "/" + "/".join((*parts[0], parts[1])))
        .filter(lambda path: path_fault(path) is None)
    )


def as_regex(path: str) -> re.Pattern[str]:
    text = re.sub(r"\{\w\}", "[^/]+", path)
    return re.compile(re.sub(r"\*$", ".*", text))


# One segment more than a pattern can have, each any of the literals or one that no pattern names.
CONCRETE = [
    "/" + "/".join(segments) + end
    for length in range(5)
    for segments in itertools.product("abc", repeat=length)
    for end in (("",) if length == 0 else ("", "/"))
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(paths(), st.sets(st.sampled_from(METHODS))), min_size=2, max_size=5))
def test_a_pair_is_reported_exactly_if_some_request_matches_both(rows: list[tuple[str, set[str]]]) -> None:
    reported = {
        (earlier, later)
        for later, met in overlaps([Pattern(parse_path(path), frozenset(methods)) for path, methods in rows])
        for earlier in met
    }
    matched = [
        {
            (concrete, method)
            for concrete in CONCRETE
            if as_regex(path).fullmatch(concrete)
            for method in methods or METHODS
        }
        for path, methods in rows
    ]
    expected = {
        (earlier, later)
        for earlier, later in itertools.combinations(range(len(rows)), 2)
        if matched[earlier] & matched[later]
    }
    assert reported == expected
