"""Through a real Envoy: limits of requests a second and of requests at once."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from menshen.config.route_rules import ClientTag, CorsRules, LimitBy, LimitRule, Parameter
from menshen.config.snapshot import Endpoint, Listener, Route, Upstream
from menshen.envoy import limits
from menshen.envoy.addresses import FILES, Subscription
from menshen.envoy.resources import filter_file, place
from menshen.errors import ChildFailed
from tests.envoy.edge import Edge, Got, edge_of
from tests.envoy.fakes import Received, Reply
from tests.envoy.samples import BY_HEADER, route
from tests.envoy.signed import KEYS, SIGNED, token

Headers = list[tuple[str, str]]

BURST = 5
"""At once; the bucket then gets one a second."""

REFUSED = (429, 4025, "rate_limit")
FULL = (429, 4025, "concurrency_limit")
MISSING = (401, 4001, "session_missing")


def at_most(by: LimitBy, scope: str, burst: int = BURST, tag: str = "", requests: int = 1) -> LimitRule:
    return LimitRule(scope, by, requests, burst, tag)


def user_limited(api: str, *rules: LimitRule, **changes: Any) -> Route:
    return route("mall", api, f"/{api}", BY_HEADER, limits=rules, **changes)


SHOP_TAG = ClientTag("shop", Parameter("query", "shop"))
OF_BOTH = at_most("user", "both")

ROUTES = (
    user_limited("api", at_most("api", "mall/api")),
    user_limited("group", at_most("group", "mall")),
    user_limited("group2", at_most("group", "mall")),
    user_limited("ip", at_most("ip", "ip")),
    user_limited("user", at_most("user", "user")),
    user_limited("tag", at_most("tag", "tag", tag="shop"), tags=(SHOP_TAG,)),
    user_limited("own1", at_most("api", "mall/own1")),
    user_limited("own2", at_most("api", "mall/own2")),
    user_limited("users", at_most("user", "users")),
    user_limited("one", OF_BOTH),
    user_limited("two", OF_BOTH),
    user_limited("tags", at_most("tag", "tags", tag="shop"), tags=(SHOP_TAG,)),
    user_limited("anyone", at_most("user", "anyone"), access="optional"),
    user_limited("several", at_most("user", "wide", 9), at_most("user", "narrow", 3)),
    user_limited("closed", at_most("api", "mall/closed")),
    user_limited("free"),
    route("mall", "seen", "/seen", None, limits=(at_most("ip", "seen"),)),
    route("mall", "nobody", "/nobody", None, limits=(at_most("user", "nobody"),)),
    route(
        "mall",
        "page",
        "/page",
        None,
        limits=(at_most("api", "mall/page"),),
        cors=CorsRules("cors", ("https://shop.example.com",), ("GET",), (), (), False, 600),
    ),
)


def told(request: Received) -> Reply:
    """The brain's yes to ``user:session``; a session without a user is an anonymous caller's."""
    state = request.one("user_session")
    if state is None and "optional" not in request.target and "/anyone" not in request.target:
        body = b'{"code":4001,"reason":"session_missing","message":"","action":"login","request_id":""}'
        head = (("content-type", "application/json; charset=utf-8"), ("cache-control", "no-store"))
        return Reply(401, (*head, ("x-menshen-code", "4001")), body)
    uid = (state or "").split(":")[0]
    return Reply(headers=(("x-menshen-user", uid), ("x-menshen-uid", uid)))


@pytest.fixture(scope="module")
def limited() -> Iterator[Edge]:
    with edge_of(routes=ROUTES) as edge:
        yield edge


@pytest.fixture
def edge(limited: Edge) -> Edge:
    limited.reset()
    limited.brain.answer = told
    return limited


def of(user: str, session: str = "1") -> Headers:
    return [("user_session", f"{user}:{session}")]


def passed(
    edge: Edge, target: str, headers: Headers | None = None, times: int = BURST + 2, burst: int = BURST
) -> list[Got]:
    """Ask so often, one after the other: as many pass as the bucket holds, and those that it got meanwhile.

    Returns the answers to the others.
    """
    began = time.monotonic()
    got = [edge.ask(target, headers or ()) for _ in range(times)]
    exact(got, burst, time.monotonic() - began)
    return [each for each in got if each.status != 200]


def exact(got: Iterable[Got], burst: int, seconds: float) -> None:
    statuses = Counter(each.status for each in got)
    assert set(statuses) <= {200, 429}, statuses
    times = statuses.total()
    assert min(burst, times) <= statuses[200] <= min(burst + int(seconds), times), (statuses, seconds)


def empty(edge: Edge, target: str, headers: Headers | None = None) -> float:
    """Use a bucket up; returns when."""
    for _ in range(100):
        now = time.monotonic()
        if edge.ask(target, headers or ()).status == 429:
            return now
    raise AssertionError("this bucket has no bottom")


def held(since: float, edge: Edge, target: str, headers: Headers | None = None) -> None:
    """The same bucket, empty ``since`` then: it has what it got meanwhile, and what was left of a token."""
    statuses = Counter(edge.ask(target, headers or ()).status for _ in range(BURST + 2))
    assert set(statuses) <= {200, 429}, statuses
    assert statuses[200] <= int(time.monotonic() - since) + 1


@pytest.mark.parametrize("by", ["api", "group", "ip", "user", "tag"])
def test_what_the_bucket_holds_passes_and_the_next_is_refused(edge: Edge, by: str) -> None:
    for refused in passed(edge, f"/mall/{by}?shop=a", of("u-burst")):
        assert refused.refusal == REFUSED
        assert refused.json["action"] == "retry"
        assert refused.json["request_id"]
        assert refused.all("retry-after") == ["1"]
        assert {name for name, _ in refused.headers} == {
            "cache-control",
            "content-length",
            "content-type",
            "date",
            "retry-after",
            "x-menshen-code",
        }


@pytest.mark.parametrize("by", ["api", "group", "ip"])
def test_nobody_is_asked_about_a_request_that_is_too_much_before_the_caller_is_known(edge: Edge, by: str) -> None:
    empty(edge, f"/mall/{by}", of("u-flood"))
    edge.reset()
    while edge.ask(f"/mall/{by}", of("u-flood")).status != 429:
        edge.reset()  # a token a second
    assert not edge.brain.received
    assert not edge.backend.received


def test_a_bucket_fills_again(edge: Edge) -> None:
    empty(edge, "/mall/api", of("u-waits"))
    got = edge.ask("/mall/api", of("u-waits"))
    deadline = time.monotonic() + 90
    while got.status == 429 and time.monotonic() < deadline:
        time.sleep(float(got.all("retry-after")[0]))
        got = edge.ask("/mall/api", of("u-waits"))
    assert got.status == 200


def test_an_api_is_counted_for_itself(edge: Edge) -> None:
    passed(edge, "/mall/own1", of("u"))
    passed(edge, "/mall/own2", of("u"))


def test_a_group_is_counted_over_its_apis(edge: Edge) -> None:
    since = empty(edge, "/mall/group", of("u"))
    held(since, edge, "/mall/group2", of("u"))


def test_one_users_flood_is_no_other_users(edge: Edge) -> None:
    empty(edge, "/mall/users", of("u-loud"))
    passed(edge, "/mall/users", of("u-quiet"))


def test_a_user_is_counted_across_his_sessions_and_the_apis_of_the_limit(edge: Edge) -> None:
    since = empty(edge, "/mall/one", of("u-many", "1"))
    held(since, edge, "/mall/one", of("u-many", "2"))
    held(since, edge, "/mall/two", of("u-many", "3"))


def test_a_user_says_not_who_is_counted(edge: Edge) -> None:
    since = empty(edge, "/mall/users", of("u-liar"))
    for name in ("x-menshen-uid", "X_Menshen_Uid", "x-menshen-user"):
        held(since, edge, "/mall/users", [*of("u-liar"), (name, "u-victim")])
    passed(edge, "/mall/users", of("u-victim"))


def test_anonymous_callers_are_nobody_that_is_counted(edge: Edge) -> None:
    assert {edge.ask("/mall/anyone").status for _ in range(3 * BURST)} == {200}
    assert {edge.ask("/mall/nobody", [("x-menshen-uid", "u")]).status for _ in range(3 * BURST)} == {200}
    passed(edge, "/mall/anyone", of("u-known"))


def test_each_value_of_a_tag_is_counted_and_a_request_without_one_is_not(edge: Edge) -> None:
    since = empty(edge, "/mall/tags?shop=a", of("u"))
    held(since, edge, "/mall/tags?shop=a", of("another"))
    passed(edge, "/mall/tags?shop=b", of("u"))
    passed(edge, "/mall/tags?shop=A", of("u"))
    for target in ("/mall/tags", "/mall/tags?shop="):
        assert {edge.ask(target, of("u")).status for _ in range(3 * BURST)} == {200}


def test_a_tag_says_not_more_than_its_parameter(edge: Edge) -> None:
    since = empty(edge, "/mall/tags?shop=x", of("u"))
    for name in ("x-menshen-tag-shop", "X_Menshen_Tag_Shop"):
        held(since, edge, "/mall/tags?shop=x", [*of("u"), (name, "y")])


def test_of_several_limits_each_counts(edge: Edge) -> None:
    passed(edge, "/mall/several", of("u-several"), burst=3)


def test_a_page_may_read_that_it_was_too_much(edge: Edge) -> None:
    origin = [("origin", "https://shop.example.com")]
    refused = passed(edge, "/mall/page", origin)[-1]
    assert refused.all("access-control-allow-origin") == ["https://shop.example.com"]
    asks = [*origin, ("access-control-request-method", "GET")]
    assert 429 not in {edge.ask("/mall/page", asks, method="OPTIONS").status for _ in range(3 * BURST)}


def test_nobody_else_hears_of_the_names_between_our_filters(edge: Edge) -> None:
    edge.ask("/mall/users", of("u-names"))
    assert edge.forwarded.one("x-menshen-user") == "u-names"
    assert not edge.forwarded.all("x-menshen-uid")
    assert not edge.forwarded.all("x-menshen-client")


# Addresses.


@pytest.fixture(scope="module")
def behind_a_proxy() -> Iterator[Edge]:
    routes = (user_limited("ip", at_most("ip", "ip")),)
    with edge_of(routes=routes, listener=Listener(trusted_hops=1)) as edge:
        edge.brain.answer = told
        yield edge


def via(*forwarded: str) -> Headers:
    return [*of("u"), *(("x-forwarded-for", value) for value in forwarded)]


def test_class_54_what_a_client_says_about_his_address_counts_for_nothing(edge: Edge) -> None:
    since = empty(edge, "/mall/seen")
    for number, name in enumerate(("x-forwarded-for", "x-real-ip", "forwarded", "true-client-ip", "X_Forwarded_For")):
        held(since, edge, "/mall/seen", [(name, f"198.51.100.{number}")])
        held(since, edge, "/mall/seen", [(name, "unparsable")])


def test_class_54_behind_a_proxy_the_rightmost_address_counts(behind_a_proxy: Edge) -> None:
    since = empty(behind_a_proxy, "/mall/ip", via("192.0.2.77"))
    for forged in ("198.51.100.1, 192.0.2.77", "junk,192.0.2.77", "192.0.2.78 , 192.0.2.77 ", "::1,192.0.2.77"):
        held(since, behind_a_proxy, "/mall/ip", via(forged))
    held(since, behind_a_proxy, "/mall/ip", via("198.51.100.1", "192.0.2.77"))
    passed(behind_a_proxy, "/mall/ip", via("192.0.2.77, 198.51.100.1"))


def test_class_54_what_is_no_address_is_counted_as_the_proxys(behind_a_proxy: Edge) -> None:
    since = empty(behind_a_proxy, "/mall/ip", via("junk"))
    unparsable = [
        "",
        "junk2",
        "unknown",
        "192.0.2.90:80",
        "[2001:db8:9::1]",
        "192.0.2.91/32",
        "0300.0.2.92",
        "192.0.2.93,",
    ]
    for text in unparsable:
        held(since, behind_a_proxy, "/mall/ip", via(text))
    held(since, behind_a_proxy, "/mall/ip", of("u"))


def test_an_ipv6_client_is_his_network_of_64_bits(behind_a_proxy: Edge) -> None:
    since = empty(behind_a_proxy, "/mall/ip", via("2001:db8:1:1::1"))
    for address in ("2001:db8:1:1::2", "2001:0DB8:1:1:ffff:ffff:ffff:ffff"):
        held(since, behind_a_proxy, "/mall/ip", via(address))
    passed(behind_a_proxy, "/mall/ip", via("2001:db8:1:2::1"))


def test_a_mapped_address_is_not_a_network_of_all_of_them(behind_a_proxy: Edge) -> None:
    since = empty(behind_a_proxy, "/mall/ip", via("::ffff:192.0.2.80"))
    held(since, behind_a_proxy, "/mall/ip", via("::ffff:c000:250"))
    passed(behind_a_proxy, "/mall/ip", via("::FFFF:192.0.2.81"))


# Who is counted where Envoy judges alone.


def test_users_are_counted_where_the_brain_is_not_asked() -> None:
    """Also by a brain that is dead, and together with the requests for which it was asked."""
    routes = (route("app", "alone", "/alone", SIGNED, prefix="/app", limits=(at_most("user", "alone"),)),)
    with edge_of(keys=KEYS, routes=routes) as edge:
        edge.brain.answer = lambda request: Reply(headers=(("x-menshen-uid", "u-1"),))
        since = empty(edge, "/app/alone", [("js_code", "code")])
        assert edge.brain.received
        edge.run(edge.brain.stop())
        held(since, edge, "/app/alone", [("state", token(sub="u-1", sid="s1"))])
        refused = passed(edge, "/app/alone", [("state", token(sub="u-2", sid="s2"))])
        assert refused[-1].refusal == REFUSED
        held(since, edge, "/app/alone", [("state", token(sub="u-2", sid="s3"))])
        forged = [("state", token(sub="u-2", sid="s4")), ("x-menshen-uid", "u-9")]
        held(since, edge, "/app/alone", forged)


# Changes of the running configuration.


def test_a_revision_fills_no_bucket_unless_the_rates_are_others() -> None:
    rules = (at_most("user", "kept"), at_most("ip", "kept"))
    kept = user_limited("kept", *rules)
    with edge_of(routes=(kept,)) as edge:
        edge.brain.answer = told
        since = empty(edge, "/mall/kept", of("u"))
        revisions = [
            (kept, user_limited("new")),
            (kept, user_limited("new", at_most("user", "new"), at_most("ip", "new"))),
            (replace(kept, path="/moved"),),
            (replace(kept, path="/moved", limits=(rules[0],)), user_limited("new", at_most("ip", "new"))),
        ]
        for routes in revisions:
            edge.run(edge.data_plane.apply(edge.sample(routes=routes)))
            held(since, edge, f"/mall{routes[0].path}", of("u"))


def test_a_limit_that_is_changed_holds_as_soon_as_the_revision_is_live() -> None:
    rate = user_limited("rate", at_most("user", "rate"))
    with edge_of(routes=(rate,)) as edge:
        edge.brain.answer = told
        empty(edge, "/mall/rate", of("u"))
        for burst in (2, 8):
            changed = replace(rate, limits=(at_most("user", "rate", burst),))
            edge.run(edge.data_plane.apply(edge.sample(routes=(changed,))))
            passed(edge, "/mall/rate", of("u"), burst + 2, burst)
        edge.run(edge.data_plane.apply(edge.sample(routes=(replace(rate, limits=()),))))
        assert {edge.ask("/mall/rate", of("u")).status for _ in range(3 * BURST)} == {200}
        edge.run(edge.data_plane.apply(edge.sample(routes=(rate,))))
        passed(edge, "/mall/rate", of("u"))


def tables_at(edge: Edge, stage: limits.Stage) -> set[str]:
    """Names of the tables in the filter's file."""
    (resource,) = json.loads(edge.addresses.file(stage).read_bytes())["resources"]
    return {table["entries"][0]["key"] for table in resource["typed_config"]["descriptors"]}


def before_the_routes(edge: Edge, monkeypatch: pytest.MonkeyPatch, ask: Callable[[], Any]) -> None:
    """Have this done at every change when Envoy has all but the new routes."""
    delivery = edge.data_plane._publisher._delivery
    offer = delivery.offer

    async def watched(subscription: Subscription, content: bytes, generation: int = 0) -> None:
        if subscription == "rds":
            await asyncio.to_thread(ask)
        await offer(subscription, content, generation)

    monkeypatch.setattr(delivery, "offer", watched)


def test_class_55_the_old_routes_are_limited_until_envoy_has_the_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    rate = user_limited("rate", at_most("user", "rate"), at_most("ip", "rate", 9))
    with edge_of(routes=(rate,)) as edge:
        edge.brain.answer = told
        seen = []

        def ask() -> None:
            seen.append((tables_at(edge, "limits_early"), tables_at(edge, "limits_late")))
            passed(edge, "/mall/rate", of("u"))

        before_the_routes(edge, monkeypatch, ask)
        changed = replace(rate, limits=(at_most("user", "rate", 2), at_most("ip", "rate", 8)))
        edge.run(edge.data_plane.apply(edge.sample(routes=(changed,))))
        passed(edge, "/mall/rate", of("u2"), 4, 2)
        assert seen == [({"ip:1/9", "ip:1/8"}, {"user:1/5", "user:1/2"})]


def test_no_more_than_two_revisions_tables_are_there_and_none_is_emptied_for_it() -> None:
    with edge_of(routes=(user_limited("rate", at_most("user", "rate")),)) as edge:
        edge.brain.answer = told

        def revision(*rules: LimitRule) -> None:
            edge.run(edge.data_plane.apply(edge.sample(routes=(user_limited("rate", *rules),))))

        revision(at_most("user", "rate", 2))
        revision(at_most("user", "rate", 8))
        assert tables_at(edge, "limits_late") == {"user:1/2", "user:1/8"}
        since = empty(edge, "/mall/rate", of("u"))
        time.sleep(0.5)  # longer than what a change leaves behind is kept
        revision(at_most("user", "rate", 8), at_most("user", "other", 2))
        held(since, edge, "/mall/rate", of("u"))
        revision()
        time.sleep(0.5)  # the routes of the listener that had limits are closed
        revision(at_most("user", "rate", 3))
        assert tables_at(edge, "limits_late") == {"user:1/3"}


def test_rates_that_are_not_taken_leave_the_old_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    rate = user_limited("rate", at_most("user", "rate"))
    with edge_of(routes=(rate,)) as edge:
        edge.brain.answer = told
        files = {name: edge.addresses.file(name).read_bytes() for name in FILES}
        bad = replace(rate, limits=(at_most("user", "rate", 2),), methods=("\n",))
        with pytest.raises(ChildFailed, match="refused the new rds"):
            edge.run(edge.data_plane.apply(edge.sample(routes=(bad,))))
        assert {name: edge.addresses.file(name).read_bytes() for name in FILES} == files
        time.sleep(0.3)  # for Envoy to read them
        passed(edge, "/mall/rate", of("u"))
        edge.run(edge.data_plane.apply(edge.sample(routes=(replace(bad, methods=()),))))
        passed(edge, "/mall/rate", of("u"), 4, 2)


# Two threads; many values.


@pytest.mark.parametrize("by", ["api", "ip", "user"])
def test_it_is_exact_over_the_threads_of_envoy(by: LimitBy) -> None:
    with edge_of(concurrency=2, routes=(user_limited("busy", at_most(by, "busy", 40)),)) as edge:
        edge.brain.answer = told
        began = time.monotonic()
        with ThreadPoolExecutor(16) as pool:
            got = list(pool.map(lambda _: edge.ask("/mall/busy", of("u")), range(120)))
        exact(got, 40, time.monotonic() - began)


def test_what_is_kept_is_bounded_and_one_kind_pushes_out_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_BUCKETS", 20)
    monkeypatch.setattr(limits, "_LEAST", 1)
    rules = (at_most("tag", "by-tag", tag="shop"), at_most("user", "by-user", 12))
    with edge_of(routes=(user_limited("many", *rules, tags=(SHOP_TAG,)),)) as edge:
        edge.brain.answer = told
        since = empty(edge, "/mall/many", of("u"))
        empty(edge, "/mall/many?shop=first", of("v"))
        for number in range(10):
            assert edge.ask(f"/mall/many?shop={number}", of(f"u{number % 5}")).status == 200
        passed(edge, "/mall/many?shop=first", of("w"))
        held(since, edge, "/mall/many", of("u"))


# Where a limit cannot work.


def test_class_55_a_limit_that_cannot_work_lets_through_and_whoever_judges_does_not() -> None:
    closed = user_limited("closed", at_most("api", "closed"), at_most("user", "closed"))
    with edge_of(routes=(closed,)) as edge:
        edge.brain.answer = told
        empty(edge, "/mall/closed", of("u"))
        for stage, name in limits.LIMITS.items():
            nothing = filter_file(name, limits.limits_config(stage, {}))
            edge.run(edge.data_plane._publisher._delivery.offer(stage, nothing))
        assert {edge.ask("/mall/closed", of("u")).status for _ in range(3 * BURST)} == {200}
        assert edge.ask("/mall/closed").refusal == MISSING
        edge.run(edge.brain.stop())
        assert edge.ask("/mall/closed", of("u")).refusal == (503, 5004, "brain_unavailable")


@pytest.mark.parametrize("content", [b"", b"{", b'{"version_info": "1", "resources": []}', None])
def test_class_55_a_file_that_is_broken_changes_nothing(content: bytes | None) -> None:
    with edge_of(routes=(user_limited("file", at_most("user", "file")),)) as edge:
        edge.brain.answer = told
        since = empty(edge, "/mall/file", of("u"))
        path = edge.addresses.file("limits_late")
        if content is None:
            path.unlink()
        else:
            place(path, content)
        time.sleep(0.3)  # for Envoy to read it
        held(since, edge, "/mall/file", of("u"))
        passed(edge, "/mall/file", of("another"))
        assert edge.ask("/mall/file").refusal == MISSING


def test_class_55_a_user_whom_nobody_named_is_not_counted_and_not_let_in_for_it(edge: Edge) -> None:
    edge.brain.answer = lambda request: Reply(headers=(("x-menshen-user", "u"),))
    assert {edge.ask("/mall/users", of("u")).status for _ in range(3 * BURST)} == {200}
    edge.brain.answer = told
    assert edge.ask("/mall/users").refusal == MISSING


# Requests at once.


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 50
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> int:
    """How many Envoy has."""
    number: int = request.param
    return number


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Set, it lets the slow backend answer."""
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture
def narrow(threads: int, gate: threading.Event) -> Iterator[Edge]:
    """A backend that takes three requests at once and answers none before it may."""
    routes = (user_limited("free"), user_limited("other", upstream="other"))
    free = (Upstream("orders", ()), Upstream("other", ()))
    with edge_of(concurrency=threads, routes=routes, upstreams=free) as edge:
        edge.brain.answer = told
        here = (Endpoint("127.0.0.1", edge.backend.port),)
        upstreams = (Upstream("orders", here, timeout=90.0, max_requests=3), Upstream("other", here))
        edge.run(edge.data_plane.apply(edge.sample(routes=routes, upstreams=upstreams)))
        assert edge.ask("/mall/free", of("u")).status == 200
        edge.reset()
        edge.brain.answer = told
        edge.backend.answer = lambda request: Reply(200, (), b"slow", gate=gate)
        yield edge


def test_no_more_requests_at_once_than_the_upstream_takes(narrow: Edge, gate: threading.Event) -> None:
    with ThreadPoolExecutor(8) as pool:
        first = [pool.submit(narrow.ask, "/mall/free", of("u")) for _ in range(3)]
        until(lambda: len(narrow.backend.received) == 3)
        narrow.backend.answer = lambda request: Reply(200, (), b"quick")
        more = [narrow.ask("/mall/free", of("u")) for _ in range(3)]
        other = narrow.ask("/mall/other", of("u"))
        gate.set()
        assert [each.result().status for each in first] == [200] * 3
    assert [each.refusal for each in more] == [FULL] * 3
    assert [each.all("retry-after") for each in more] == [["1"]] * 3
    assert more[0].json["action"] == "retry"
    assert not [name for name, _ in more[0].headers if name.startswith(("x-envoy", "x-ratelimit"))]
    assert other.status == 200
    assert [narrow.ask("/mall/free", of("u")).status for _ in range(4)] == [200] * 4


def test_a_crowd_does_not_get_past_it(narrow: Edge, threads: int, gate: threading.Event) -> None:
    """On one thread three and never more; a thread may let in one more while another is looking."""
    with ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(narrow.ask, "/mall/free", of("u")) for _ in range(12)]
        until(lambda: len(narrow.backend.received) + sum(each.done() for each in asked) == 12)
        gate.set()
        got = [each.result() for each in asked]
    statuses = Counter(each.status for each in got)
    assert set(statuses) == {200, 429}, statuses
    assert statuses[200] == len(narrow.backend.received)
    assert 3 <= statuses[200] <= 2 + threads


def test_a_backends_own_answer_stays_as_it_is(edge: Edge) -> None:
    edge.backend.answer = lambda request: Reply(429, (("retry-after", "7"),), b"mine")
    got = edge.ask("/mall/free", of("u"))
    assert (got.status, got.body, got.all("retry-after")) == (429, b"mine", ["7"])
    assert not got.all("x-menshen-code")
