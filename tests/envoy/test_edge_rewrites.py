"""Through a real Envoy: paths that are rewritten on their way to the backend."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import re2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from menshen.config.plugins.path_rewrite import Rewrite
from menshen.config.route_rules import CanaryRule, RewriteRule, Share
from menshen.config.snapshot import Endpoint, Route, Upstream, Version
from menshen.envoy.paths import REFUSED_PATHS
from menshen.envoy.rewrites import UNSOUND_PATHS
from tests.envoy.edge import Edge, edge_of
from tests.envoy.fakes import FakeServer, Reply
from tests.envoy.samples import BY_HEADER, BY_QUERY, route
from tests.envoy.signed import KEYS, SIGNED
from tests.envoy.signed import token as login_state

BLOCKED = (400, 4000, "path_blocked")
MALFORMED = (400, 4000, "malformed_request")


def rule(regex: str, replacement: str, order: int = 1000, *, block: bool = False) -> RewriteRule:
    """As a document has it, so no rule here is one that ``check`` refuses."""
    return Rewrite(regex=regex, replacement=replacement, order=order, block=block).rules()


def group(prefix: str, path: str, *rules: RewriteRule, login: Any = None, **changes: Any) -> Route:
    name = prefix.strip("/").replace("/", "-")
    return route(name, "a", path, login, **{"prefix": prefix, "rewrites": rules, **changes})


ROUTES = (
    group(
        "/shop",
        "/*",
        rule("/shop/items/([0-9]+)", "/v2/item"),
        rule("/shop/i/([^/]+)/(.*)", "/v2/$2/of/$1"),
        rule("/shop/i/.*", "/never"),
        rule("/shop/swap/(.)(.)(.)(.)(.)(.)(.)(.)(.)", "/$9$8$7$6$5$4$3$2$1"),
        rule("^/shop/anchored$|/shop/other", "/found"),
        rule("(?i)/shop/case/([a-z]+)", "/case/$1"),
        rule("/shop/v(.*)", "/$1"),
        rule("/shop/join/(.*)-(.*)", "/j/$1$2"),
        rule("/shop/slow/(a*)*b", "/slow"),
        rule("/shop/words/(a|b|ab)*c", "/words"),
        rule("/shop/tail/(.*)/edit", "/edit/$1"),
    ),
    group("/strip", "/*", rule("/strip/a/(.*)", "/b/$1"), strip_prefix=True),
    group("/id", "/o{x}/b", rule("/id/.*", "/id-found"), methods=("GET",)),
    group("/asked", "/*", rule("/asked/a/(.*)", "/asked/b/$1"), login=BY_HEADER),
    group("/query", "/*", rule("/query/a/(.*)", "/query/b/$1"), login=BY_QUERY),
    group("/signed", "/*", rule("/signed/a/(.*)", "/signed/b/$1"), login=SIGNED),
    group("/block", "/*", rule("/block/open/(.*)", "/block/inner/$1,x/end", block=True), login=BY_HEADER),
    group("/hide", "/*", rule("/hide/open", "/Inner(1)", block=True), strip_prefix=True),
)


@pytest.fixture(scope="module")
def rewriting_edge() -> Iterator[Edge]:
    with edge_of(keys=KEYS, routes=ROUTES) as edge:
        yield edge


@pytest.fixture
def edge(rewriting_edge: Edge) -> Edge:
    rewriting_edge.reset()
    return rewriting_edge


@pytest.mark.parametrize(
    ("target", "got"),
    [
        ("/shop/items/7", "/v2/item"),
        ("/shop/items/7?x=1&y=%2F..", "/v2/item?x=1&y=%2F.."),
        ("/shop/items/7x", "/shop/items/7x"),
        ("/shop/items/7/", "/shop/items/7/"),
        ("/shop/i/1/a/b", "/v2/a/b/of/1"),
        ("/shop/i/1", "/never"),
        ("/shop/swap/123456789", "/987654321"),
        ("/shop/anchored", "/found"),
        ("/shop/other?", "/found?"),
        ("/shop/case/AbC", "/case/AbC"),
        ("/shop/i/%E9%97%A8/%2B%26?q=%26", "/v2/%2B%26/of/%E9%97%A8?q=%26"),
        ("/shop/x/../items/7", "/v2/item"),
        ("//shop///items/./7", "/v2/item"),
        ("/shop/%69tems/7", "/v2/item"),
        ("/shop/%2e%2e/shop/items/7", "/v2/item"),
        ("/shop/nothing", "/shop/nothing"),
        ("/strip/a/1", "/b/1"),
        ("/strip/c", "/c"),
        ("/strip", "/"),
    ],
)
def test_what_the_backend_gets(edge: Edge, target: str, got: str) -> None:
    """The first rule that fits the whole path, or none; where a rule fits, the prefix is not stripped as well."""
    assert edge.ask(target).status == 200
    assert edge.forwarded.target == got
    assert not edge.forwarded.all("x-menshen-path")
    assert not edge.forwarded.all("x-envoy-original-path")


@pytest.mark.parametrize(
    ("target", "got"),
    [
        ("/shop/tail/x?y=/edit", "/shop/tail/x?y=/edit"),
        ("/shop/tail?/x/edit", "/shop/tail?/x/edit"),
        ("/shop/x?/shop/items/7", "/shop/x?/shop/items/7"),
        ("/strip/x?/strip/a/1", "/x?/strip/a/1"),
        ("/shop/tail/x/edit?y=/edit", "/edit/x?y=/edit"),
    ],
)
def test_class_14_a_query_helps_no_rule_to_fit(edge: Edge, target: str, got: str) -> None:
    assert edge.ask(target).status == 200
    assert edge.forwarded.target == got


def test_class_14_a_query_helps_no_path_into_an_api(edge: Edge) -> None:
    """``/o{x}/b`` with a rule for everything: the pattern of the API has to fit the path alone."""
    assert edge.ask("/id/oa/b").status == 200
    assert edge.forwarded.target == "/id-found"
    for target in ("/id/oa?/b", "/id/oa?x=/b", "/id/oa?x/b"):
        assert edge.ask(target).status == 404
    assert edge.ask("/id/oa/b", method="POST").status == 405


@pytest.mark.parametrize(
    "target",
    [
        "/shop/v../admin",
        "/shop/v..",
        "/shop/v.",
        "/shop/v./x",
        "/shop/v/evil.example",
        "/shop/v/../../admin/v/x",
        "/shop/join/.-./admin",
        "/shop/join/x/.-.",
        "/shop/join/%2-e%2-e/admin",
        "/shop/join/%2-e./admin",
        "/shop/join/%-2e",
        "/shop/join/%2-5",
        "/shop/join/%2-f",
        "/shop/join/%5-c",
        "/shop/join/%0-0",
        "/shop/join/%3-b",
        "/shop/join/%c-0%ae",
        "/shop/join/%252-e",
        "/shop/v%zz",
        "/shop/v%4",
        "/shop/v%",
    ],
)
def test_class_12_pieces_of_a_sound_path_make_no_other_one(edge: Edge, target: str) -> None:
    got = edge.ask(target)
    if got.status == 200:  # Envoy has taken the dots away before anything was matched
        assert not re2.fullmatch(UNSOUND_PATHS, edge.forwarded.target)
        assert edge.forwarded.target == "/shop/admin/v/x" or ".." not in edge.forwarded.target
        return
    assert got.refusal in (MALFORMED, (404, 4004, "no_such_route"))
    assert not edge.backend.received


PIECES = [
    "a",
    "/",
    ".",
    "..",
    "-",
    "v",
    "%",
    "2",
    "e",
    "5",
    "f",
    "0",
    "%2e",
    "%41",
    "%25",
    "%3",
    "b",
    ";",
    "//",
    "%c0",
    "\\",
]


def test_classes_12_and_13_whatever_is_asked_for_the_backend_gets_a_sound_path(edge: Edge) -> None:
    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.sampled_from(["/shop/v", "/shop/join/", "/shop/i/", "/strip/a/"]),
        st.lists(st.sampled_from(PIECES), max_size=9),
    )
    def check(start: str, pieces: list[str]) -> None:
        edge.reset()
        got = edge.ask(start + "".join(pieces) + "?a=/../")
        assert got.status in (200, 400, 404)
        for received in edge.backend.received:
            path = received.target.partition("?")[0]
            assert not re.fullmatch(REFUSED_PATHS.replace(r"\C", "."), path), path
            if not path.startswith(("/shop/", "/strip/")):
                assert "//" not in path
                assert ".." not in path.split("/"), path
                assert "." not in path.split("/"), path

    check()


@pytest.mark.parametrize("text", ["a" * 20_000, "a" * 20_000 + "!", "ab" * 10_000])
@pytest.mark.parametrize("where", ["slow", "words"])
def test_class_19_no_path_is_slow(edge: Edge, where: str, text: str) -> None:
    """Expressions on which a machine that tries again never comes to an end."""
    started = time.monotonic()
    assert edge.ask(f"/shop/{where}/{text}").status == 200
    assert time.monotonic() - started < 45.0
    assert edge.forwarded.target == f"/shop/{where}/{text}"


BYPASSES = [
    "/block/inner/1,x/end",
    "/block/inner/1,x/end/",
    "/block/inner/1,x/end?x=1",
    "/block/inner/1%2Cx/end",
    "/block/inner/1%2cx/end",
    "/block/inner/%31,x/end",
    "/block/%69nner/1,x/end",
    "//block//inner/1,x//end",
    "/block/./inner/1,x/./end",
    "/block/x/../inner/1,x/end",
    "/block/%2e%2e/block/inner/1,x/end",
    "/block/INNER/1,X/End",
    "/block/inner/,x/end",
    "/block/inner/a/b/c,x/end",
]


@pytest.mark.parametrize("target", BYPASSES)
def test_a_blocked_path_cannot_be_asked_for_directly(edge: Edge, target: str) -> None:
    for headers in ([], [("user_session", "s")]):
        assert edge.ask(target, headers).refusal == BLOCKED
    assert not edge.backend.received
    assert not edge.brain.received


@pytest.mark.parametrize("target", ["/hide/Inner(1)", "/hide/inner%281%29", "/hide/Inner%281)/", "/hide//inner(1)?a"])
def test_a_blocked_path_behind_a_prefix_that_is_stripped(edge: Edge, target: str) -> None:
    assert edge.ask(target).refusal == BLOCKED
    assert edge.ask("/hide/open").status == 200
    assert edge.forwarded.target == "/Inner(1)"


def test_what_is_not_blocked(edge: Edge) -> None:
    for target in (
        "/block/inner",
        "/block/inner/1/end",
        "/block/inner/1,x/end/more",
        "/block/open?/block/inner/1,x/end",
    ):
        edge.reset()
        assert edge.ask(target, [("user_session", "s")]).status == 200
        assert edge.forwarded.target == target
    edge.reset()
    assert edge.ask("/block/open/7", [("user_session", "s")]).status == 200
    assert edge.forwarded.target == "/block/inner/7,x/end"


def test_a_rewritten_request_is_judged_as_the_one_that_was_made(edge: Edge) -> None:
    assert edge.ask("/asked/a/1", [("user_session", "s")]).status == 200
    assert edge.asked.target == "/authz/asked/a/1"
    assert edge.forwarded.target == "/asked/b/1"
    assert edge.forwarded.one("x-menshen-user") == "u-real"


def test_credentials_in_the_query_stop_here_as_ever(edge: Edge) -> None:
    assert edge.ask("/query/a/1?token=t&x=%26").status == 200
    assert edge.forwarded.target == "/query/b/1?x=%26"


def test_on_the_way_that_envoy_judges_alone(edge: Edge) -> None:
    state = ("state", login_state())
    assert edge.ask("/signed/a/1?q", [state]).status == 200
    assert edge.forwarded.target == "/signed/b/1?q"
    edge.reset()
    assert edge.ask("/signed/c", [state]).status == 200
    assert edge.forwarded.target == "/signed/c"
    assert not edge.brain.received
    assert edge.ask("/signed/a/1", [("state", login_state(exp=5))]).refusal[2] == "session_expired"
    assert edge.ask("/signed/a/1", [("state", "x")]).refusal[2] == "session_invalid"


def test_a_websocket(edge: Edge) -> None:
    upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("user_session", "s")]
    assert edge.ask("/asked/a/chat", upgrade).status == 101
    assert edge.forwarded.target == "/asked/b/chat"


def test_a_client_has_no_say_in_what_is_looked_at(edge: Edge) -> None:
    assert (
        edge.ask("/shop/v../admin", [("x-menshen-path", "/shop/vfine"), ("X_Menshen_Path", "/x")]).refusal == MALFORMED
    )
    assert edge.ask("/shop/vfine", [("x-menshen-path", "/shop/v../admin")]).status == 200
    assert edge.forwarded.target == "/fine"


def test_canaries_get_the_rewritten_path_too() -> None:
    with edge_of() as edge:
        canary = FakeServer(lambda request: Reply(200, (("x-from", "canary"),), b""))
        edge.run(canary.start())
        try:
            upstream = Upstream(
                "orders",
                (Endpoint("127.0.0.1", edge.backend.port),),
                versions=(Version("v2", (Endpoint("127.0.0.1", canary.port),)),),
            )
            all_of_it = CanaryRule("all", "canary", (Share("v2", 100),))
            half = replace(all_of_it, name="half", to=(Share("v2", 50),), sticky=False)
            for rules in ((all_of_it,), (half,)):
                routes = (group("/c", "/*", rule("/c/a/(.*)", "/d/$1"), canary=rules),)
                edge.run(edge.data_plane.apply(edge.sample(routes=routes, upstreams=(upstream,))))
                edge.reset()
                canary.received.clear()
                for _ in range(30):
                    assert edge.ask("/c/a/1?q=1").status == 200
                assert {request.target for request in (*edge.backend.received, *canary.received)} == {"/d/1?q=1"}
                assert canary.received
        finally:
            edge.run(canary.stop())
