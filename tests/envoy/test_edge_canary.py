"""Canaries through a real Envoy: which version answers, by which rule, and that nobody but the rules has a say."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest

from menshen.config.buckets import bucket
from menshen.config.loading import Loaded
from menshen.gateway.wire import HEADER_UID
from tests.envoy.edge import Edge, edge_of, running
from tests.envoy.fakes import Received, Reply
from tests.envoy.signed import KEYS, token
from tests.envoy.versions import (
    VERSIONS,
    Versions,
    counted,
    loaded,
    parts,
    quick_upstream,
    version_of,
    versioned_edge,
)

# Name of an API -> its rules. Each lifts the tags t and u from the query.
_RULED: dict[str, list[dict[str, Any]]] = {
    "equal": [{"when": [{"tag": "t", "op": "EQUAL", "values": ["a b"]}]}],
    "equal-nothing": [{"when": [{"tag": "t", "op": "EQUAL", "values": [""]}]}],
    "not-equal": [{"when": [{"tag": "t", "op": "NOT_EQUAL", "values": ["北京"]}]}],
    "not-nothing": [{"when": [{"tag": "t", "op": "NOT_EQUAL", "values": [""]}]}],
    "in": [{"when": [{"tag": "t", "op": "IN", "values": ["1", "北京", "100%", "1"]}]}],
    "in-or-nothing": [{"when": [{"tag": "t", "op": "IN", "values": ["1", ""]}]}],
    "not-in": [{"when": [{"tag": "t", "op": "NOT_IN", "values": ["1", "2"]}]}],
    "regex": [{"when": [{"tag": "t", "op": "REGEX", "values": ["a|b+c"]}]}],
    "regex-text": [{"when": [{"tag": "t", "op": "REGEX", "values": ["北京.*| x%20"]}]}],
    "regex-nothing": [{"when": [{"tag": "t", "op": "REGEX", "values": ["x*"]}]}],
    "and": [{"when": [{"tag": "t", "values": ["1"]}, {"tag": "u", "values": ["2"]}]}],
    "or": [{"relation": "OR", "when": [{"tag": "t", "values": ["1"]}, {"tag": "u", "values": ["2"]}]}],
    "always": [{}],
    "off": [{"enabled": False}],
    "priority": [
        {"priority": 5, "when": [{"tag": "t", "values": ["1"]}], "to": [{"version": "v3"}]},
        {"priority": 5, "when": [{"tag": "u", "values": ["2"]}]},
        {"priority": 1, "enabled": False, "to": [{"version": "v3"}]},
        {"priority": 2, "when": [{"tag": "u", "values": ["3"]}], "to": [{"version": "default"}]},
    ],
}


_PROBE = {"in": "header", "name": "x-probe", "op": "EQUAL", "values": ["1"]}


def _named(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": f"r{number}", "to": [{"version": "v2"}], **rule} for number, rule in enumerate(rules)]


def _document(upstream: Mapping[str, Any]) -> Loaded:
    halves = [{"name": "half", "to": [{"version": "v2", "weight": 50}]}]
    return loaded(
        upstream,
        groups=[
            {"name": "ops", "prefix": "/ops", "apis": [{"name": name, "path": f"/{name}"} for name in _RULED]},
            {"name": "sealed", "prefix": "/sealed", "apis": [{"name": "all", "path": "/*"}]},
            {"name": "signed", "prefix": "/signed", "apis": [{"name": "all", "path": "/*"}]},
            {
                "name": "open",
                "prefix": "/open",
                "apis": [{"name": "maybe", "path": "/*", "access": "optional"}],
            },
            {"name": "lanes", "prefix": "/lanes", "apis": [{"name": "all", "path": "/*"}]},
            {"name": "free", "prefix": "/free", "apis": [{"name": "all", "path": "/*"}]},
            {
                "name": "evil",
                "prefix": "/evil",
                "apis": [{"name": "nested", "path": "/nested"}, {"name": "host", "path": "/host"}],
            },
        ],
        plugins=[
            {"name": "lifted", "type": "Tag", "tags": [{"in": "query", "name": "t"}, {"in": "query", "name": "u"}]},
            {"name": "sealed-login", "type": "WeChatMpLogin", "app": "shop", "identity": {"headers": "cloudrun"}},
            {
                "name": "signed-login",
                "type": "WeChatMpLogin",
                "app": "shop",
                "session": {"name": "state", "kind": "signed", "claims": ["openid", "unionid"]},
                "identity": {"headers": "cloudrun"},
            },
            {
                "name": "open-login",
                "type": "WeChatMpLogin",
                "app": "shop",
                "session": {"name": "open_state", "kind": "signed"},
            },
            *({"name": f"c-{name}", "type": "Canary", "rules": _named(rules)} for name, rules in _RULED.items()),
            {"name": "halves", "type": "Canary", "rules": halves},
            {
                "name": "colour",
                "type": "ReqTransformer",
                "filters": [_PROBE],
                "actions": [{"tag": "lane", "value": "泳道"}],
            },
            {"name": "by-lane", "type": "Canary", "rules": _named([{"when": [{"tag": "lane", "values": ["泳道"]}]}])},
            {"name": "nested", "type": "Canary", "rules": _evil("((a+)+)+")},
            {"name": "host", "type": "Canary", "rules": _evil("shop|pay.example.com")},
        ],
        bindings=[
            *({"plugin": "lifted", "group": group} for group in ("ops", "evil")),
            *({"plugin": f"c-{name}", "api": f"ops/{name}"} for name in _RULED),
            *({"plugin": "halves", "group": group} for group in ("sealed", "signed", "open", "free")),
            *({"plugin": f"{name}-login", "group": name} for name in ("sealed", "signed", "open")),
            {"plugin": "colour", "group": "lanes"},
            {"plugin": "by-lane", "group": "lanes"},
            {"plugin": "nested", "api": "evil/nested"},
            {"plugin": "host", "api": "evil/host"},
        ],
    )


def _evil(expression: str) -> list[dict[str, Any]]:
    return [{"name": "r", "when": [{"tag": "t", "op": "REGEX", "values": [expression]}], "to": [{"version": "v2"}]}]


def _brain(request: Received) -> Reply:
    """Whoever sends a text as login state is called so; the brain says who it is whatever headers tell the backend."""
    uid = request.one("user_session") or ""
    return Reply(headers=(("x-wx-openid", "o"), (HEADER_UID, uid)))


@pytest.fixture(scope="module")
def running_edge() -> Iterator[tuple[Edge, Versions]]:
    with versioned_edge(_document, keys=KEYS) as (edge, versions, _):
        yield edge, versions


@pytest.fixture
def edge(running_edge: tuple[Edge, Versions]) -> Edge:
    edge, versions = running_edge
    edge.reset()
    versions.reset()
    edge.brain.answer = _brain
    return edge


def _asked(edge: Edge, target: str, *headers: tuple[str, str]) -> str:
    got = edge.ask(target, headers)
    assert got.status == 200, got
    return version_of(got)


@pytest.mark.parametrize(
    ("api", "version", "queries"),
    [
        ("equal", "v2", ["t=a%20b", "t=a+b"]),
        ("equal", "default", ["", "t=", "t=a", "t=a%2520b", "t=xa+b", "t=a+bx", "t=A+B", "u=a+b", "t=a+b&t=a+b"]),
        ("equal-nothing", "v2", ["", "t=", "u=1", f"t={'x' * 129}"]),
        ("equal-nothing", "default", ["t=1"]),
        ("not-equal", "v2", ["", "t=1", f"t={quote('北京市')}"]),
        ("not-equal", "default", [f"t={quote('北京')}"]),
        ("not-nothing", "v2", ["t=1"]),
        ("not-nothing", "default", ["", "t="]),
        ("in", "v2", ["t=1", f"t={quote('北京')}", "t=100%25"]),
        ("in", "default", ["", "t=2", "t=11", "t=100", "t=1,1"]),
        ("in-or-nothing", "v2", ["", "t=1"]),
        ("in-or-nothing", "default", ["t=2"]),
        ("not-in", "v2", ["", "t=3", "t=12"]),
        ("not-in", "default", ["t=1", "t=2"]),
        ("regex", "v2", ["t=a", "t=bc", "t=bbbc"]),
        ("regex", "default", ["", "t=ab", "t=xa", "t=bcx", "t=b", "t=A"]),
        ("regex-text", "v2", [f"t={quote('北京')}", f"t={quote('北京市')}", "t=+x%2520"]),
        ("regex-text", "default", [f"t={quote('在北京')}", f"t={quote(quote('北京'))}", "t=+x+"]),
        ("regex-nothing", "v2", ["", "t=", "t=x", "t=xxx"]),
        ("regex-nothing", "default", ["t=y", "t=xy"]),
        ("and", "v2", ["t=1&u=2"]),
        ("and", "default", ["", "t=1", "u=2", "t=2&u=1"]),
        ("or", "v2", ["t=1", "u=2", "t=1&u=2"]),
        ("or", "default", ["", "t=2&u=1"]),
        ("always", "v2", ["", "t=1"]),
        ("off", "default", ["", "t=1"]),
        ("priority", "default", ["", "t=1&u=3", "u=3"]),
        ("priority", "v3", ["t=1", "t=1&u=2"]),
        ("priority", "v2", ["u=2", "t=2&u=2"]),
    ],
)
def test_a_rule_chooses(api: str, version: str, queries: list[str], edge: Edge) -> None:
    for query in queries:
        assert _asked(edge, f"/ops/{api}?{query}") == version, query


def test_a_tag_of_a_colouring_chooses(edge: Edge) -> None:
    assert _asked(edge, "/lanes/x", ("x-probe", "1")) == "v2"
    assert _asked(edge, "/lanes/x") == "default"


def test_a_tag_chooses_a_version_and_never_an_api(edge: Edge) -> None:
    assert edge.ask("/ops/none?t=1").refusal[2] == "no_such_route"


@pytest.mark.parametrize("value", ["a" * 127 + "!", "a" * 128])
def test_class_19_an_expression_cannot_be_made_slow(value: str, edge: Edge) -> None:
    """An engine that backtracks takes 2^127 steps over this."""
    started = time.monotonic()
    for _ in range(100):
        _asked(edge, f"/evil/nested?t={value}")
    assert time.monotonic() - started < 90
    assert _asked(edge, f"/evil/nested?t={value}") == ("default" if value.endswith("!") else "v2")


def test_class_19_alternatives_are_anchored_at_both_ends(edge: Edge) -> None:
    """``^shop|pay.example.com$`` would fit all that begins with shop: here both ends hold for both."""
    assert _asked(edge, "/evil/host?t=shop") == "v2"
    assert _asked(edge, "/evil/host?t=pay.example.com") == "v2"
    for value in ("shop.evil.example", "evil-pay.example.com", "shop%0a", "pay.example.com%0Ax", "payxexample.comx"):
        assert _asked(edge, f"/evil/host?t={value}") == "default", value


@pytest.mark.parametrize(
    "forged",
    [
        ("X-Menshen-Tag-T", "1"),
        ("x_menshen_tag_t", "1"),
        ("X-Menshen-Plain-0", "bc"),
        ("X-Menshen-Bucket-0", "00"),
        ("x-menshen-bucket_0", "00"),
        ("X-Menshen-Uid", "u-0"),
        ("X.Menshen.Uid", "u-0"),
        ("baggage", "menshen.t=1"),
    ],
)
def test_a_client_chooses_nothing_by_a_header(forged: tuple[str, str], edge: Edge) -> None:
    for api in ("equal", "in", "regex", "or"):
        assert _asked(edge, f"/ops/{api}", forged) == "default"


def test_a_forged_uid_or_bucket_moves_nobody(running_edge: tuple[Edge, Versions], edge: Edge) -> None:
    _, versions = running_edge
    forged = [("x-menshen-uid", "u-0"), ("x-menshen-bucket-0", "00"), ("X_Menshen_Uid", "u-0")]
    found = set()
    for _ in range(40):
        versions.reset()
        got = edge.ask("/free/x", forged)
        at, received = versions.forwarded
        assert at == _by_halves(received.one("x-request-id") or "")
        found.add(version_of(got))
        assert not [name for name, _ in received.headers if "bucket" in name or "uid" in name or "plain" in name]
    assert found == {"default", "v2"}


def _by_halves(whose: str) -> str:
    return "v2" if bucket("halves/half", whose) < 50 else "default"


def _signed(uid: str, name: str = "state") -> tuple[str, str]:
    return (name, token(sub=uid, openid="o", app="shop"))


@pytest.mark.parametrize("kind", ["sealed", "signed", "open"])
def test_a_user_stays_on_his_side(kind: str, edge: Edge) -> None:
    """Whoever judges him, the brain or Envoy alone, and although no identity header has his uid in it."""
    sides = Counter[str]()
    for number in range(40):
        uid = f"u-{number}"
        header = (
            ("user_session", uid) if kind == "sealed" else _signed(uid, "state" if kind == "signed" else "open_state")
        )
        versions = {_asked(edge, f"/{kind}/x", header) for _ in range(3)}
        assert versions == {_by_halves(uid)}, uid
        sides.update(versions)
    assert set(sides) == {"default", "v2"}
    assert bool(edge.brain.received) == (kind == "sealed")


def test_an_anonymous_request_goes_by_its_own_id(running_edge: tuple[Edge, Versions], edge: Edge) -> None:
    _, versions = running_edge
    found = Counter[str]()
    for _ in range(60):
        versions.reset()
        got = edge.ask("/open/x")
        assert got.status == 200, got
        at, received = versions.forwarded
        assert at == _by_halves(received.one("x-request-id") or "")
        found[at] += 1
    assert set(found) == {"default", "v2"}


def _weighed(upstream: Mapping[str, Any], *weights: int) -> Loaded:
    shares = [{"version": version, "weight": weight} for version, weight in zip(VERSIONS[1:], weights, strict=False)]
    return loaded(
        upstream,
        groups=[{"name": "g", "prefix": "/g", "apis": [{"name": "all", "path": "/*"}]}],
        plugins=[{"name": "c", "type": "Canary", "rules": [{"name": "r", "to": shares}]}],
        bindings=[{"plugin": "c", "group": "g"}],
    )


def test_weights_hold_within_two_percent_over_20000_requests() -> None:
    with running() as loop:

        def run(work: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(work, loop).result(600)

        servers, upstream = run(quick_upstream())
        try:
            with edge_of(**parts(_weighed(upstream, 30, 5).snapshot)) as edge:
                found = run(counted(edge.port, "/g/x", 20_000))
        finally:
            for server in servers:
                server.close()
    assert sum(found.values()) == 20_000
    for version, weight in (("v2", 30), ("v3", 5), ("default", 65)):
        assert abs(found[version] / 20_000 - weight / 100) < 0.02, found


def test_a_larger_weight_moves_users_only_to_the_canary() -> None:
    """Live, from 0 to 100 percent: a user who is there stays there, and a request that is under way is answered."""
    users = [f"u-{number}" for number in range(60)]
    with versioned_edge(lambda upstream: _signed_weight(upstream, 10), keys=KEYS) as (edge, versions, _):
        headers = {uid: _signed(uid) for uid in users}
        there: set[str] = set()
        for weight in (10, 40, 70, 100):
            snapshot = edge.sample(**parts(_signed_weight(versions.upstream(), weight).snapshot))
            edge.run(edge.data_plane.apply(snapshot))
            now = {uid for uid in users if _asked(edge, "/g/x", headers[uid]) == "v2"}
            assert there <= now
            assert now == {uid for uid in users if bucket("c/r", uid) < weight}
            there = now
        assert there == set(users)


def _signed_weight(upstream: Mapping[str, Any], weight: int) -> Loaded:
    return loaded(
        upstream,
        groups=[{"name": "g", "prefix": "/g", "apis": [{"name": "all", "path": "/*"}]}],
        plugins=[
            {"name": "login", "type": "WeChatMpLogin", "app": "shop", "session": {"name": "state", "kind": "signed"}},
            {"name": "c", "type": "Canary", "rules": [{"name": "r", "to": [{"version": "v2", "weight": weight}]}]},
        ],
        bindings=[{"plugin": "c", "group": "g"}, {"plugin": "login", "group": "g"}],
    )
