"""What a printed configuration depends on, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from menshen.config.login_rules import CodeAt
from menshen.config.route_rules import CustomRules, IpRules, LimitRule
from menshen.config.shape import only_envoy, shape
from menshen.config.snapshot import Listener, Snapshot
from menshen.secret import Secret
from tests.gateway.samples import SHOP, SNAPSHOT

ROUTE = SNAPSHOT.routes[0]
LOGIN = ROUTE.login
assert LOGIN is not None


def with_route(**changes: Any) -> Snapshot:
    return replace(SNAPSHOT, routes=(replace(ROUTE, **changes), *SNAPSHOT.routes[1:])).sealed()


@pytest.mark.parametrize(
    "changed",
    [
        with_route(login=replace(LOGIN, session=replace(LOGIN.session, expires_in=1))),
        with_route(login=replace(LOGIN, app=replace(SHOP, secret=Secret("another-secret-of-shop")))),
        with_route(login=replace(LOGIN, status="tsf")),
    ],
    ids=["lifetime", "secret", "statuses"],
)
def test_what_the_brain_alone_decides_by_is_no_part_of_it(changed: Snapshot) -> None:
    assert changed.checksum != SNAPSHOT.checksum
    assert shape(changed) == shape(SNAPSHOT)


@pytest.mark.parametrize(
    "changed",
    [
        with_route(path="/elsewhere"),
        with_route(methods=("GET",)),
        with_route(hosts=("shop.example.com",)),
        with_route(access="optional"),
        with_route(login=None),
        with_route(upstream="others"),
        with_route(strip_prefix=True),
        with_route(identity_headers=("x-menshen-user", "x-other")),
        with_route(login=replace(LOGIN, code=CodeAt("query", "js_code"))),
        with_route(login=replace(LOGIN, session=replace(LOGIN.session, name="other"))),
        with_route(limits=(LimitRule("mall/order", "api", 1, 1),)),
        with_route(custom=(CustomRules("guard", "example.Guard", reads=("referer",)),)),
        replace(SNAPSHOT, listener=Listener(client_api="/api")),
        replace(SNAPSHOT, upstreams=()),
        replace(SNAPSHOT, routes=SNAPSHOT.routes[1:]),
        replace(SNAPSHOT, routes=SNAPSHOT.routes[::-1]),
    ],
)
def test_whatever_a_proxy_was_told_is(changed: Snapshot) -> None:
    assert shape(changed) != shape(SNAPSHOT)


def test_what_needs_envoy_is_named() -> None:
    route = replace(ROUTE, limits=(LimitRule("mall/order", "api", 1, 1),), ip_access=(IpRules("ips", (), ()),))
    assert only_envoy(route) == ("IP access", "limits")
    assert only_envoy(replace(ROUTE, login=replace(LOGIN, code=CodeAt("body", "code")))) == (
        "a login code in the body",
    )
    assert only_envoy(ROUTE) == ()
