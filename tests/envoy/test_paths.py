"""Path patterns, without Envoy."""

from __future__ import annotations

import re

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from menshen.envoy.paths import REFUSED_PATHS, api_match, api_order, rewritten, whole_path
from menshen.envoy.typed import Json


def fits(match: Json, path: str) -> bool:
    """What Envoy does with a match; RE2's any byte is Python's any character here."""
    if "path" in match:
        return bool(path == match["path"])
    if "prefix" in match:
        return path.startswith(match["prefix"])
    if "path_separated_prefix" in match:
        return path == match["path_separated_prefix"] or path.startswith(match["path_separated_prefix"] + "/")
    return re.fullmatch(match["safe_regex"]["regex"].replace(r"\C", r"[\s\S]"), path) is not None


@pytest.mark.parametrize(
    ("prefix", "path", "yes", "no"),
    [
        ("/mall", "/login", ["/mall/login"], ["/login", "/mall/login/", "/mall/loginx", "/mall/LOGIN"]),
        ("/", "/login", ["/login"], ["/", "//login"]),
        ("", "/", ["/"], ["/x"]),
        ("/mall", "/", ["/mall", "/mall/"], ["/mallet", "/mall/x"]),
        ("/mall", "/*", ["/mall", "/mall/", "/mall/x/y"], ["/mallet", "/"]),
        ("/", "/*", ["/", "/x"], []),
        ("/mall", "/static/*", ["/mall/static/", "/mall/static/a/b"], ["/mall/static", "/mall/staticx"]),
        ("/mall", "/o/{id}", ["/mall/o/1", "/mall/o/a.b"], ["/mall/o/", "/mall/o/1/", "/mall/o/1/2", "/mall/o"]),
        ("/mall", "/o/{id}/x", ["/mall/o/1/x"], ["/mall/o/1", "/mall/o//x", "/mall/o/1/2/x"]),
        (
            "/mall",
            "/u/{id}/files/*",
            ["/mall/u/1/files/", "/mall/u/1/files/a/b"],
            ["/mall/u/1/files", "/mall/u//files/a"],
        ),
        ("/a.b", "/c.d", ["/a.b/c.d"], ["/axb/c.d", "/a.b/cxd"]),
        ("/a.b", "/{x}.d/c+d", ["/a.b/x.d/c+d", "/a.b/x.d/c%2bd"], ["/a.b/x.d/ccd", "/a.b/xxd/c+d"]),
        ("/a", "/b,c", ["/a/b,c", "/a/b%2Cc", "/a/b%2cc"], ["/a/b%2c", "/a/bc"]),
    ],
)
def test_a_pattern_matches_what_it_says(prefix: str, path: str, yes: list[str], no: list[str]) -> None:
    match = api_match(prefix, path)
    assert [p for p in yes if not fits(match, p)] == []
    assert [p for p in no if fits(match, p)] == []


def test_literals_come_before_parameters_before_wildcards() -> None:
    ordered = ["/a", "/a/b", "/a/b/*", "/a/{x}", "/a/{x}/c", "/a/*", "/b", "/{x}/a", "/*"]
    for start in range(len(ordered)):
        assert sorted([*ordered[start:], *ordered[:start]], key=api_order) == ordered


@pytest.mark.parametrize(
    ("prefix", "path", "seen"),
    [
        ("/mall", "/mall", "/"),
        ("/mall", "/mall/", "/"),
        ("/mall", "/mall/orders/1", "/orders/1"),
        ("/a,b", "/a%2cb/x", "/x"),
        ("/", "/x", "/x"),
    ],
)
def test_a_stripped_prefix_leaves_a_path(prefix: str, path: str, seen: str) -> None:
    rewrite = rewritten(prefix).get("regex_rewrite")
    if rewrite is None:
        assert seen == path
    else:
        assert re.sub(rewrite["pattern"]["regex"], rewrite["substitution"], path, count=1) == seen


@pytest.mark.parametrize("path", ["/a;b", "/a%3Bb", "/%252e", "/%25252F", "/%c0%af", "/%FF", "/a%00", "/\xff;"])
def test_refused_spellings(path: str) -> None:
    assert fits({"safe_regex": {"regex": REFUSED_PATHS}}, path)


@pytest.mark.parametrize(
    "path", ["/", "/a/b.c", "/%E8%AE%A2%E5%8D%95", "/a%20b", "/100%25", "/a%2Cb", "/a+b@c", "/%f4%8f"]
)
def test_honest_spellings(path: str) -> None:
    assert not fits({"safe_regex": {"regex": REFUSED_PATHS}}, path)


@given(
    st.sampled_from(["", "/mall", "/m.l"]),
    st.sampled_from(["/", "/*", "/orders", "/orders/{id}", "/o{id}/x", "/a,b", "/static/*", "/a{b}/*"]),
    st.text("mal/ordesxb?.7,1", max_size=14).map("/{}".format),
    st.sampled_from(["", "?", "?/a", "?x=/b/c", "?/mall/orders/7"]),
)
def test_class_14_a_pattern_for_whole_paths_fits_the_same_paths_whatever_the_query(
    prefix: str, api: str, text: str, query: str
) -> None:
    match = api_match(prefix, api)
    target = text + query
    assert (re2.fullmatch(whole_path(match), target) is not None) == fits(match, target.partition("?")[0])
