"""What an Envoy would refuse when it runs, one that only reads refuses too: every kind of resource is shown to it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from menshen.config.snapshot import Snapshot, Tls, UpstreamTls
from menshen.envoy.resources import build
from menshen.envoy.validation import inlined, validate
from menshen.errors import ChildFailed
from tests.envoy.certificates import self_signed
from tests.envoy.samples import ADDRESSES, PLAIN
from tests.envoy.test_golden import CASES

_FOLLOWED = ("path_config_source", '"config_discovery"', '"rds"', "dynamic_resources")


@pytest.mark.parametrize(("name", "snapshot", "keys"), CASES)
def test_nothing_is_left_that_would_only_be_followed(name: str, snapshot: Snapshot, keys: str) -> None:
    """What is left outside is not looked at: a mistake in it would be found by the running Envoy alone."""
    whole = msgspec.json.encode(inlined(build(snapshot, ADDRESSES, keys))).decode()
    assert not [word for word in _FOLLOWED if word in whole]
    assert "route_config" in whole


@pytest.mark.parametrize(("name", "snapshot", "keys"), [case for case in CASES if case[0] != "full"])
def test_what_runs_is_taken(name: str, snapshot: Snapshot, keys: str) -> None:
    asyncio.run(validate(snapshot, keys))


def test_a_certificate_is_read(tmp_path: Path) -> None:
    chain, key = self_signed(tmp_path, "a.example.com")
    _, other = self_signed(tmp_path, "a.example.com", "other")
    secured = replace(PLAIN, listener=replace(PLAIN.listener, tls=Tls(str(chain), str(key))))
    asyncio.run(validate(secured))
    for tls in (Tls(str(chain), str(other)), Tls(str(chain), "/nowhere.key")):
        with pytest.raises(ChildFailed, match="key"):
            asyncio.run(validate(replace(PLAIN, listener=replace(PLAIN.listener, tls=tls))))


def test_an_authority_is_read() -> None:
    upstreams = tuple(replace(each, tls=UpstreamTls("orders.internal", "/nowhere.pem")) for each in PLAIN.upstreams)
    with pytest.raises(ChildFailed, match=r"/nowhere\.pem"):
        asyncio.run(validate(replace(PLAIN, upstreams=upstreams)))


def test_routes_are_read() -> None:
    """They are in a file of their own, which Envoy by itself would not open."""
    (first, *_) = PLAIN.routes
    with pytest.raises(ChildFailed, match="BAD"):
        asyncio.run(validate(replace(PLAIN, routes=(replace(first, methods=("BAD\n",)),))))
