from __future__ import annotations

import pytest

from menshen.config.paths import Wild, parse_path, path_fault, prefix_fault


@pytest.mark.parametrize(
    ("path", "segments"),
    [
        ("/", ("",)),
        ("/login", ("login",)),
        ("/login/", ("login", "")),
        ("/orders/{id}", ("orders", Wild.ONE)),
        ("/orders/{id}/items/{item_id}", ("orders", Wild.ONE, "items", Wild.ONE)),
        ("/static/*", ("static", Wild.REST)),
        ("/*", (Wild.REST,)),
        ("/a.b/~c/v1:go/@x", ("a.b", "~c", "v1:go", "@x")),
    ],
)
def test_a_path_is_its_segments(path: str, segments: tuple[object, ...]) -> None:
    assert path_fault(path) is None
    assert parse_path(path) == segments


WRONG_IN_BOTH = {
    "empty": "",
    "no slash first": "orders",
    "a double slash": "/a//b",
    "two dots": "/a/../b",
    "one dot": "/./a",
    "dots at the end": "/a/..",
    "an escape": "/a%2fb",
    "a path parameter": "/a;x=1",
    "a query": "/a?b",
    "a fragment": "/a#b",
    "a space": "/a b",
    "a backslash": "/a\\b",
    "a tab": "/a\t",
    "a line break at the end": "/a\n",
    "Chinese": "/订单",
    "too long": "/" + "a" * 512,
}
WRONG_IN_A_PATH = {
    "half a parameter": "/orders/{id",
    "a parameter within a segment": "/orders/x{id}",
    "a parameter without name": "/orders/{}",
    "a parameter with a pattern": "/orders/{id:[0-9]+}",
    "a parameter twice": "/a/{id}/b/{id}",
    "a star within a segment": "/static/*.js",
    "a star that is not last": "/static/*/x",
    "two stars": "/static/**",
}
WRONG_IN_A_PREFIX = {
    "a slash at the end": "/mall/",
    "a star": "/mall/*",
    "a parameter": "/mall/{id}",
    "a character with two spellings": "/mall@home",
}


@pytest.mark.parametrize("path", [*WRONG_IN_BOTH.values(), *WRONG_IN_A_PATH.values()])
def test_an_ambiguous_path_is_refused(path: str) -> None:
    assert path_fault(path) is not None


@pytest.mark.parametrize("prefix", [*WRONG_IN_BOTH.values(), *WRONG_IN_A_PREFIX.values()])
def test_an_ambiguous_prefix_is_refused(prefix: str) -> None:
    assert prefix_fault(prefix) is not None


@pytest.mark.parametrize("prefix", ["/", "/mall", "/mall/v1"])
def test_a_prefix_is_a_plain_path(prefix: str) -> None:
    assert prefix_fault(prefix) is None
