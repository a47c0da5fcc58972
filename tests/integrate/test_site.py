"""What every proxy is told of a revision, and what no printed configuration can carry."""

from __future__ import annotations

from dataclasses import replace

import pytest

from menshen.config.route_rules import CustomRules
from menshen.config.snapshot import Endpoint, Snapshot
from menshen.integrate.site import NotCarried, Site, site_of
from tests.gateway.samples import SNAPSHOT

VERIFY, LISTEN = Endpoint("127.0.0.1", 8083), Endpoint("127.0.0.1", 8080)


def guarded(*reads: str) -> Snapshot:
    """Routes without a login, behind a plugin of somebody's own that looks at these headers."""
    custom = (CustomRules("guard", "example.Guard", reads=reads),)
    return replace(
        SNAPSHOT, routes=tuple(replace(route, login=None, custom=custom) for route in SNAPSHOT.routes)
    ).sealed()


def site(*reads: str) -> Site:
    return site_of(guarded(*reads), VERIFY, LISTEN)


def test_what_a_guard_looks_at_is_not_left_out_of_a_question() -> None:
    assert "referer" in site().unread
    assert "referer" not in site("referer").unread


def test_a_header_with_an_underscore_that_a_guard_looks_at_is_let_in() -> None:
    assert not site("x-level").underscores
    assert site("x_level").underscores


def test_a_header_that_proxies_drop_is_no_guards_to_look_at() -> None:
    with pytest.raises(NotCarried) as refused:
        site("x.level")
    assert [line.partition(":")[0] for line in refused.value.lines] == ["header x.level"]
