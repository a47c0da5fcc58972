"""Through a real Envoy: where a route is looked up again because of its canary, a request stays with its API.

What filters have written since is in the request by then, and what the brain has taken off is not: a condition that
looks at headers or cookies may say something else than it did at first.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator

import pytest

from menshen.config.route_rules import CanaryRule, ClientTag, Condition, Parameter, Share
from menshen.config.snapshot import Endpoint, Upstream, Version
from tests.envoy.edge import ALLOWED, Edge, edge_of, running
from tests.envoy.fakes import Received, Reply
from tests.envoy.samples import route
from tests.envoy.signed import IN_COOKIE, KEYS, token
from tests.envoy.versions import Versions, version_of

LANE = ClientTag("lane", Parameter("query", "lane"))
BLUE = CanaryRule("blue", "rollout", (Share("v2", 100),), (("lane", Condition("EQUAL", ("blue",))),))
RULES = {"tags": (LANE,), "canary": (BLUE,)}
ROUTES = (
    route("shop", "order", "/orders/{id}", IN_COOKIE, prefix="/shop", **RULES),
    route("shop", "open", "/open", IN_COOKIE, prefix="/shop", access="optional", **RULES),
    # Public, and around the others: the API that a request must not slip into.
    route("shop", "all", "/*", None, prefix="/shop", upstream="site", **RULES),
)


@pytest.fixture(scope="module")
def running_edge() -> Iterator[tuple[Edge, Versions]]:
    versions = Versions()
    with running() as loop:

        def run(work: object) -> None:
            asyncio.run_coroutine_threadsafe(work, loop).result(90)  # type: ignore[arg-type]

        run(versions.start())
        at = {name: (Endpoint("127.0.0.1", server.port),) for name, server in versions.servers.items()}
        blue = (Version("v2", at["v2"]),)
        upstreams = (Upstream("orders", at["default"], versions=blue), Upstream("site", at["v3"], versions=blue))
        try:
            with edge_of(routes=ROUTES, upstreams=upstreams, keys=KEYS) as edge:
                yield edge, versions
        finally:
            run(versions.stop())


def logged_in(request: Received) -> Reply:
    """A brain that lets everybody in, and takes the code out of the cookies as the real one does."""
    left = "; ".join(pair for pair in (request.one("cookie") or "").split("; ") if not pair.startswith("mp_code="))
    return Reply(headers=(*ALLOWED, ("cookie", left) if left else ("x-envoy-auth-headers-to-remove", "cookie")))


STATES = {"none": [], "junk": ["no-state"], "good": [token()], "two": [token(), "x"], "expired": [token(exp=1)]}
COOKIES = ["", "mp_code=CODE", "mp_code=CODE; a=b", "a=b"]
LANES = {"": "default", "?lane=blue": "v2", "?lane=red": "default"}


@pytest.mark.parametrize("path", ["/shop/orders/7", "/shop/open"])
@pytest.mark.parametrize("state", STATES)
def test_class_18_a_second_look_finds_the_same_api(running_edge: tuple[Edge, Versions], path: str, state: str) -> None:
    edge, versions = running_edge
    for cookie, lane in itertools.product(COOKIES, LANES):
        edge.reset()
        versions.reset()
        edge.brain.answer = logged_in
        headers = [*(("cookie_state", text) for text in STATES[state]), *([("cookie", cookie)] if cookie else [])]
        got = edge.ask(path + lane, headers)
        if "mp_code" in cookie or state == "two":
            assert (
                edge.asked.one("x-menshen-route") == f"shop/{path.split('/')[2].rstrip('s')}@{edge.snapshot.checksum}"
            )
        elif state in ("junk", "expired") or (state == "none" and path != "/shop/open"):
            assert got.status == 401
            assert not edge.brain.received
            continue
        assert got.status == 200, (state, cookie, got)
        assert version_of(got) == LANES[lane]
        version, forwarded = versions.forwarded
        assert version == LANES[lane]
        anonymous = state == "none" and not edge.brain.received
        assert forwarded.one("x-menshen-user") == ("" if anonymous else "u-real" if edge.brain.received else "u-1")
        assert "CODE" not in repr(forwarded)


def test_and_the_public_one_around_it_is_another(running_edge: tuple[Edge, Versions]) -> None:
    edge, versions = running_edge
    edge.reset()
    versions.reset()
    assert version_of(edge.ask("/shop/other?lane=red", [("cookie_state", token()), ("cookie", "mp_code=CODE")])) == "v3"
    assert versions.forwarded[1].one("x-menshen-user") == ""
