"""The expressions that other proxies match by, beside Envoy's own routes."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.config.snapshot import Route, Snapshot
from menshen.envoy.normal_path import normal_target
from menshen.envoy.route_table import find_entry
from menshen.envoy.routes import domains_of, route_configuration
from menshen.integrate.matches import ODD_PATHS, PLAIN_PATHS, Match, by_segment, in_branches, matches_at
from tests.gateway.samples import SNAPSHOT

WORDS = ("mall", "shop", "orders", "a", "a,b", "static", "{id}", "x.y", "v1")


def published(prefix: str, path: str, methods: tuple[str, ...], hosts: tuple[str, ...], number: int) -> Route:
    like = SNAPSHOT.routes[2]
    group = f"g{number}"
    return replace(
        like, id=f"{group}/api", group=group, api="api", prefix=prefix, path=path, methods=methods, hosts=hosts
    )


segments = st.lists(st.sampled_from(WORDS), max_size=3)
prefixes = st.lists(st.sampled_from(("mall", "shop", "mall.x")), max_size=2).map(lambda words: "/" + "/".join(words))
paths = st.tuples(segments, st.booleans()).map(lambda p: "/" + "/".join(p[0]) + ("/*" if p[1] and p[0] else ""))
methods = st.sampled_from(((), ("GET",), ("GET", "POST")))
hosts = st.sampled_from((("*",), ("shop.example.com",), ("*.example.com",)))
snapshots = st.lists(st.tuples(prefixes, paths, methods, hosts), min_size=1, max_size=5).map(
    lambda rows: replace(SNAPSHOT, routes=tuple(published(*row, n) for n, row in enumerate(rows))).sealed()
)
asked = st.lists(st.sampled_from((*WORDS, "Mall", "7", "a%2Cb", "")), max_size=5).map(
    lambda words: "/" + "/".join(words)
)


def found_here(snapshot: Snapshot, domain: str, method: str, path: str) -> str:
    return found_among(matches_at(domain, snapshot), method, path)


def found_among(matches: list[Match], method: str, path: str) -> str:
    for match in matches:
        if (not match.methods or method in match.methods) and re.fullmatch(match.path, path, re.DOTALL):
            return match.route.id if match.route else str(match.status)
    raise AssertionError("nothing fits")


def found_by_envoy(snapshot: Snapshot, domain: str, method: str, path: str) -> str:
    authority = domain.replace("*", "x") if domain != "*" else "elsewhere.test"
    entry = find_entry(route_configuration(snapshot), {":path": path, ":method": method, ":authority": authority})
    if entry is None:
        return "404"
    return str(entry.entry.get("name") or entry.entry["direct_response"]["status"])


@given(snapshots, asked, st.sampled_from(("GET", "POST", "PUT")))
def test_they_find_what_envoy_finds(snapshot: Snapshot, path: str, method: str) -> None:
    if re.fullmatch(ODD_PATHS, path):
        return
    for domain in domains_of(snapshot):
        assert found_here(snapshot, domain, method, path) == found_by_envoy(snapshot, domain, method, path)


@given(snapshots, asked, st.sampled_from(("GET", "POST", "PUT")))
def test_those_of_the_first_segment_find_what_all_find(snapshot: Snapshot, path: str, method: str) -> None:
    for domain in domains_of(snapshot):
        matches = matches_at(domain, snapshot)
        branches = by_segment(matches)
        below = branches.get(path.split("/")[1].lower(), branches[""])
        assert found_among(below, method, path) == found_among(matches, method, path)


def test_only_those_of_the_first_segment_are_tried() -> None:
    rows = [("/mall", "/a"), ("/mall.x", "/*"), ("/shop", "/{id}"), ("/Shop", "/"), ("", "/{any}/b"), ("", "/a,b/c")]
    routes = tuple(published(*row, (), ("*",), number) for number, row in enumerate(rows))
    branches = by_segment(matches_at("*", replace(SNAPSHOT, routes=routes).sealed()))
    tried = {
        segment: [match.route.prefix + match.route.path for match in found if match.route]
        for segment, found in branches.items()
    }
    any_ = ["/a,b/c", "/{any}/b"]
    assert tried == {
        "mall": ["/mall/a", *any_],
        "mall.x": ["/mall.x/*", *any_],
        "shop": ["/Shop/", "/shop/{id}", *any_],
        "": any_,
    }


@given(snapshots, asked, st.sampled_from(("GET", "POST", "PUT")), st.integers(0, 8))
def test_those_of_the_branch_find_what_all_find(snapshot: Snapshot, path: str, method: str, most: int) -> None:
    for domain in domains_of(snapshot):
        matches = matches_at(domain, snapshot)
        first = path.split("/")[1]
        (below, *_) = (found for segments, found in in_branches(matches, most) if first in segments or not segments)
        assert found_among(below, method, path) == found_among(matches, method, path)


def test_a_branch_has_several_segments_while_it_is_small() -> None:
    def paths(prefix: str, number: int) -> list[Match]:
        return [Match(f"{prefix}/{each}") for each in range(number)]

    anywhere = Match("/[^?]*", status=404)
    matches = [*paths("/a", 2), *paths("/b", 2), *paths("/big", 9), *paths("/c", 3), *paths("/A", 1), anywhere]
    assert in_branches(matches, 4) == [
        (("a", "b"), [*paths("/a", 2), *paths("/b", 2), anywhere]),
        (("big",), [*paths("/big", 9), anywhere]),
        (("c", "A"), [*paths("/c", 3), *paths("/A", 1), anywhere]),
        ((), [anywhere]),
    ]
    assert in_branches(matches, len(matches)) == [((), matches)]


@given(st.text(st.sampled_from("/.%;\\aA2fFeE5cC#{~-_\x7fé 0"), max_size=12).map(lambda text: "/" + text))
def test_a_path_that_is_plain_is_not_odd(path: str) -> None:
    assert not (re.fullmatch(PLAIN_PATHS, path) and re.fullmatch(ODD_PATHS, path, re.DOTALL))


@pytest.mark.parametrize("path", ["/mall", "/mall/", "/mall/orders/42", "/a.b/~c/d-e_f"])
def test_most_paths_are_plain(path: str) -> None:
    assert re.fullmatch(PLAIN_PATHS, path)


@given(st.text(st.sampled_from("/.%;\\aA2fFeE5cC#{~\x7fé 0"), max_size=12).map(lambda text: "/" + text))
def test_a_path_that_is_not_odd_is_already_as_envoy_would_have_it(path: str) -> None:
    if not re.fullmatch(ODD_PATHS, path, re.DOTALL):
        assert normal_target(path) == path


@pytest.mark.parametrize("path", ["/", "/mall/orders/1", "/a,b", "/a%2Cb", "/%E9%97%A8", "/a.b/~c", "/mall/", "/a...b"])
def test_a_plain_path_is_not_odd(path: str) -> None:
    assert not re.fullmatch(ODD_PATHS, path)
