"""Through a real Envoy: what is left of a query when the credentials are off it."""

from __future__ import annotations

import pytest

from tests.envoy.edge import Edge


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("code=c", ""),
        ("?code=c", "?code=c"),  # a question mark is a character of a name behind the first
        ("a=1&code=c&b=2", "a=1&b=2"),
        ("%63ode=c&cod%65=c&a", "a"),
        ("code&a=", "a="),
        ("code=c=d&a=b=c", "a=b=c"),
        ("&&code=c&&a=1&", "a=1"),
        ("a=1&&b=2&", "a=1&&b=2&"),
        ("codes=1&xcode=2&Code=3", "codes=1&xcode=2&Code=3"),
        ("code=c&a=+%2B", "a=+%2B"),
        ("code=c&%zz=%z&%", "%zz=%z&%"),
        ("code=c&a=%E9%97%A8", "a=%E9%97%A8"),
    ],
)
def test_what_is_no_credential_stays_as_it_was_written(edge: Edge, query: str, left: str) -> None:
    assert edge.ask(f"/mini/free?{query}").status == 200
    assert edge.forwarded.target == f"/mini/free?{left}".removesuffix("?" if not left else "")


@pytest.mark.parametrize(
    "hidden", ["%26role=admin", "%20HTTP/1.1", "%0d%0ax-menshen-user:%20u", "%23", "%00", "%2526x"]
)
def test_class_14_nothing_that_was_encoded_comes_out_of_a_value(edge: Edge, hidden: str) -> None:
    assert edge.ask(f"/mini/free?token=t&a={hidden}&b=1").status == 200
    assert edge.forwarded.target == f"/mini/free?a={hidden}&b=1"
    assert edge.forwarded.one("x-menshen-user") == ""
