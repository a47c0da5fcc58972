"""Through a real Envoy: which addresses may call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from menshen.config.route_rules import CorsRules, IpRules
from menshen.config.snapshot import Listener, Route
from tests.envoy.edge import Edge, edge_of
from tests.envoy.samples import BY_HEADER, route
from tests.envoy.signed import KEYS, SIGNED, token

REFUSED = (403, 4003, "address_refused")
STATE = ("user_session", "s")
PAGES = CorsRules("cors", ("https://shop.example.com",), ("GET",), (), (), False, 600)
EVERYBODY = ("0.0.0.0/0", "::/0")


def only(*allow: str, deny: tuple[str, ...] = ()) -> IpRules:
    return IpRules("addresses", allow, deny)


def without(*deny: str) -> IpRules:
    return only(deny=deny)


def guarded(api: str, *rules: IpRules, login: Any = None, **changes: Any) -> Route:
    return route("mall", api, f"/{api}", login, ip_access=rules, **changes)


ROUTES = (
    guarded("office", only("192.0.2.0/24", "2001:db8:1::/48")),
    guarded("hole", only("192.0.2.0/24", deny=("192.0.2.128/25", "192.0.2.7/32"))),
    guarded("shut", without("192.0.2.0/24", "2001:db8:1::/48")),
    guarded("both", only("192.0.2.0/24"), only("192.0.2.0/28", "198.51.100.0/24")),
    guarded("mixed", only("192.0.2.0/24"), without("192.0.2.5/32")),
    guarded("mapped", without("::ffff:192.0.2.0/120")),
    guarded("six", without("::/0")),
    guarded("four", without("0.0.0.0/0")),
    guarded("login", without("192.0.2.0/24"), login=BY_HEADER),
    guarded("page", without("192.0.2.0/24"), cors=PAGES),
    guarded("free"),
)


@pytest.fixture(scope="module")
def proxied() -> Iterator[Edge]:
    with edge_of(routes=ROUTES, listener=Listener(trusted_hops=1)) as edge:
        yield edge


@pytest.fixture
def edge(proxied: Edge) -> Edge:
    proxied.reset()
    return proxied


def let_in(edge: Edge, api: str, forwarded: str, *more: tuple[str, str]) -> bool:
    got = edge.ask(f"/mall/{api}", [("x-forwarded-for", forwarded), *more])
    if got.status == 200:
        return True
    assert got.refusal == REFUSED
    return False


@pytest.mark.parametrize(
    ("api", "inside", "outside"),
    [
        ("office", ["192.0.2.1", "192.0.2.255", "2001:db8:1::9"], ["192.0.3.1", "2001:db8:2::9", "::1", "127.0.0.1"]),
        ("hole", ["192.0.2.1", "192.0.2.127"], ["192.0.2.128", "192.0.2.7", "198.51.100.1", "::1"]),
        ("shut", ["192.0.3.1", "2001:db8:2::9"], ["192.0.2.1", "2001:db8:1::9"]),
        ("both", ["192.0.2.1"], ["192.0.2.16", "198.51.100.1"]),
        ("mixed", ["192.0.2.4"], ["192.0.2.5", "198.51.100.1"]),
        ("mapped", ["192.0.3.1", "::1"], ["192.0.2.1"]),
        ("six", ["192.0.2.1", "0.0.0.0"], ["::", "::1", "2001:db8::1", "ffff::1"]),
        ("four", ["::", "::1", "2001:db8::1"], ["192.0.2.1", "255.255.255.255"]),
        ("free", ["192.0.2.1", "::1"], []),
    ],
)
def test_deny_beats_allow_and_every_plugin_must_let_in(
    edge: Edge, api: str, inside: list[str], outside: list[str]
) -> None:
    assert {address: let_in(edge, api, address) for address in inside} == dict.fromkeys(inside, True)
    assert {address: let_in(edge, api, address) for address in outside} == dict.fromkeys(outside, False)
    # The same IPv4 address as a proxy with a socket for both families writes it.
    mapped = {f"::ffff:{address}": True for address in inside if ":" not in address}
    mapped.update({f"::FFFF:{address}": False for address in outside if ":" not in address})
    assert {address: let_in(edge, api, address) for address in mapped} == mapped


def test_nobody_is_asked_about_a_refused_request(edge: Edge) -> None:
    assert not let_in(edge, "login", "192.0.2.1", STATE)
    assert not let_in(edge, "login", "192.0.2.1", ("js_code", "code"))
    assert not edge.brain.received
    assert let_in(edge, "login", "192.0.3.1", STATE)
    assert edge.asked
    edge.backend.received.clear()
    assert not let_in(edge, "office", "192.0.3.1")
    assert not edge.backend.received


def test_the_answer_is_the_gateways(edge: Edge) -> None:
    got = edge.ask("/mall/office", [("x-forwarded-for", "198.51.100.1")])
    assert got.refusal == REFUSED
    assert got.json["action"] == "none"
    assert b"198.51.100.1" not in got.body
    assert {name for name, _ in got.headers} == {
        "cache-control",
        "content-length",
        "content-type",
        "date",
        "x-menshen-code",
    }


def test_a_page_may_read_that_it_was_refused_and_its_preflight_reaches_nobody(edge: Edge) -> None:
    origin = ("origin", "https://shop.example.com")
    got = edge.ask("/mall/page", [("x-forwarded-for", "192.0.2.1"), origin])
    assert got.refusal == REFUSED
    assert got.all("access-control-allow-origin") == ["https://shop.example.com"]
    asks = [("x-forwarded-for", "192.0.2.1"), origin, ("access-control-request-method", "GET")]
    edge.ask("/mall/page", asks, method="OPTIONS")
    assert not edge.brain.received
    assert not edge.backend.received


def test_it_is_refused_where_envoy_judges_alone() -> None:
    routes = (guarded("alone", without(*EVERYBODY), login=SIGNED), guarded("in", only(*EVERYBODY), login=SIGNED))
    with edge_of(keys=KEYS, routes=routes) as edge:
        for headers in ([("state", token())], [("state", "no state")], [], [("js_code", "code")]):
            assert edge.ask("/mall/alone", headers).refusal == REFUSED
        assert not edge.brain.received
        assert edge.ask("/mall/in", [("state", token())]).status == 200


# Attack class 54.


@pytest.mark.parametrize("forwarded", ["192.0.2.1", "junk", "", "192.0.2.1, junk"])
@pytest.mark.parametrize("header", ["x-forwarded-for", "X_Forwarded_For", "x-real-ip", "forwarded", "true-client-ip"])
def test_class_54_without_a_trusted_proxy_no_header_says_an_address(header: str, forwarded: str, bare: Edge) -> None:
    assert bare.ask("/mall/office", [(header, forwarded)]).refusal == REFUSED
    assert bare.ask("/mall/shut", [(header, forwarded)]).status == 200
    assert bare.ask("/mall/nobody", [(header, forwarded)]).refusal == REFUSED


@pytest.fixture(scope="module")
def bare() -> Iterator[Edge]:
    """The address of these tests' own connection is no documentation address but may be any other."""
    routes = (
        guarded("office", only("192.0.2.1/32")),
        guarded("shut", without("192.0.2.1/32")),
        guarded("nobody", without(*EVERYBODY)),
    )
    with edge_of(routes=routes) as edge:
        yield edge


@pytest.mark.parametrize("forged", ["192.0.2.1, {}", "junk, {}", "{0}, 192.0.2.1, {0}", ",,{}", "192.0.2.1,{}"])
def test_class_54_behind_a_proxy_only_its_own_word_counts(edge: Edge, forged: str) -> None:
    assert not let_in(edge, "office", forged.format("198.51.100.1"))
    assert let_in(edge, "shut", forged.format("198.51.100.1"))
    assert let_in(edge, "office", forged.format("192.0.2.1"))
    assert not let_in(edge, "shut", forged.format("192.0.2.1"))


@pytest.mark.parametrize(
    "text",
    ["junk", "", "unknown", "192.0.2.1:4711", "[2001:db8:1::9]", "192.0.2.1/24", "192.0.2", "0300.0.2.1", "192.0.2.1,"],
)
def test_class_54_what_is_no_address_is_the_proxys_and_the_policy_holds(edge: Edge, text: str) -> None:
    """The connection's address is in none of the ranges but in those of everybody."""
    assert not let_in(edge, "office", text)
    assert not let_in(edge, "hole", text)
    assert let_in(edge, "shut", text)
    assert not let_in(edge, "four", text)


def test_class_54_two_copies_of_the_header_are_one_list(edge: Edge) -> None:
    assert not let_in(edge, "office", "192.0.2.1", ("x-forwarded-for", "198.51.100.1"))
    assert not let_in(edge, "office", "192.0.2.1", ("x-forwarded-for", "junk"))
    assert let_in(edge, "office", "198.51.100.1", ("x-forwarded-for", "192.0.2.1"))


def test_class_54_of_two_proxies_the_outer_ones_word_counts() -> None:
    with edge_of(routes=ROUTES, listener=Listener(trusted_hops=2)) as edge:
        assert let_in(edge, "office", "198.51.100.1, 192.0.2.1, 203.0.113.1")
        assert not let_in(edge, "office", "192.0.2.1, 198.51.100.1, 192.0.2.1")
        # Fewer than the proxies would have written: the connection's own.
        assert not let_in(edge, "office", "192.0.2.1")
        assert not let_in(edge, "four", "2001:db8::1")
