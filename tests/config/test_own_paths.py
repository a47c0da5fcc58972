"""The gateway's own paths are there for those who can use them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from menshen.config.own_paths import OWN_PATHS, served_paths
from menshen.config.snapshot import Component, Route
from menshen.envoy.client_api import OWN_ROUTE
from menshen.envoy.route_table import find_entry
from menshen.envoy.routes import route_configuration
from menshen.integrate.matches import matches_at
from menshen.secret import Secret
from tests.gateway.samples import SNAPSHOT

COMPONENT = Component("provider", "wx00000000000000c1", Secret("s"), Secret("t"), Secret("k"))
LOGINLESS = replace(SNAPSHOT, routes=tuple(route for route in SNAPSHOT.routes if route.login is None)).sealed()


def test_where_somebody_can_log_in_there_are_all() -> None:
    assert served_paths(SNAPSHOT) == OWN_PATHS


def test_where_nobody_can_there_are_none() -> None:
    assert served_paths(LOGINLESS) == {}


def test_where_it_is_switched_off_there_are_none() -> None:
    off = replace(SNAPSHOT, listener=replace(SNAPSHOT.listener, client_api=""), components=(COMPONENT,))
    assert served_paths(off) == {}


@pytest.mark.parametrize("routes", [(), LOGINLESS.routes], ids=["no API", "a public API"])
def test_a_ticket_comes_before_anybody_can_log_in(routes: tuple[Route, ...]) -> None:
    snapshot = replace(LOGINLESS, routes=routes, components=(COMPONENT,)).sealed()

    def taken(path: str) -> bool:
        asked = {":path": path, ":method": "POST", ":authority": "api.example.com"}
        found = find_entry(route_configuration(snapshot), asked)
        other = any(re.fullmatch(match.path, path) and not match.status for match in matches_at("*", snapshot))
        assert other == (found is not None and found.entry.get("name", "").startswith(OWN_ROUTE))
        return other

    assert taken("/v1/wechat/component/provider")
    assert not taken("/v1/login")
