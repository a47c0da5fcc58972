"""Through a real Envoy: which requests a colouring takes, how many, and that its texts are never code."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterator, Sequence
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from menshen.config.buckets import bucket
from menshen.config.expressions import fits_whole
from menshen.config.route_rules import (
    Action,
    CanaryRule,
    ClientTag,
    Condition,
    Operator,
    Parameter,
    Position,
    Share,
    TransformRules,
)
from menshen.config.snapshot import Endpoint, Route, Upstream, Version
from menshen.config.tag_values import encoded_value
from tests.envoy.edge import Edge, edge_of
from tests.envoy.fakes import Received
from tests.envoy.samples import BY_HEADER, route
from tests.envoy.test_edge_strip import spellings

FORGED = "forged-by-client"
Filters = tuple[tuple[Parameter, Condition], ...]
ALWAYS = (Action(100, "yes", "", "x-colour"),)
Q = Parameter("query", "q")


def when(position: Position, name: str, operator: Operator, *values: str) -> Filters:
    return ((Parameter(position, name), Condition(operator, values)),)


def api(name: str, *rules: TransformRules, **more: object) -> Route:
    return route("mall", name, f"/{name}", None, transforms=rules, **more)


def rules(filters: Filters, actions: Sequence[Action] = ALWAYS, plugin: str = "colour") -> TransformRules:
    return TransformRules(plugin, filters, tuple(actions))


SPLIT = (Action(30, "blue", "lane"), Action(20, "green", "", "x-colour"), Action(1, "red", "lane"))
WEIGHED = [
    rules((), SPLIT, "split"),
    rules((), (Action(50, "half", "half"),), "halves"),
]
ROUTES = (
    api("equal", rules(when("query", "q", "EQUAL", "上海 %1"))),
    api("unequal", rules(when("header", "x-q", "NOT_EQUAL", "a"))),
    api("in", rules(when("cookie", "q", "IN", "a", "b", "上"))),
    api("out", rules(when("query", "q", "NOT_IN", "a", "b"))),
    api("regex", rules(when("query", "q", "REGEX", "a+|上海.*|(b+)+c"))),
    api("empty", rules(when("query", "q", "EQUAL", ""))),
    api("agent", rules(when("header", "user-agent", "REGEX", ".*iPhone.*"))),
    route("mall", "path", "/path/{id}", None, transforms=(rules(when("path", "/path/{id}", "IN", "7", "a/b")),)),
    api("both", rules((*when("query", "q", "EQUAL", "a"), *when("header", "x-q", "EQUAL", "b")))),
    api("split", *WEIGHED),
    api("plain"),
    route("mall", "known", "/known", BY_HEADER, transforms=(rules(when("query", "q", "EQUAL", "a")),)),
)
FITS: list[tuple[str, str, list[tuple[str, str]], bool]] = [
    ("equal", "?q=%E4%B8%8A%E6%B5%B7+%251", [], True),
    ("equal", "?q=%E4%B8%8A%E6%B5%B7%20%251", [], True),
    ("equal", "?%71=%E4%B8%8A%E6%B5%B7%20%251", [], True),
    ("equal", "?q=%E4%B8%8A%E6%B5%B7", [], False),
    ("equal", "?q=%E4%B8%8A%E6%B5%B7%20%2531", [], False),
    ("equal", "", [], False),
    ("unequal", "", [("x-q", "a")], False),
    ("unequal", "", [("x-q", "b"), ("x-q", "a")], True),
    ("unequal", "", [], True),
    ("in", "", [("cookie", "p=a; q=b; q=c")], True),
    ("in", "", [("cookie", "q=\xe4\xb8\x8a")], True),
    ("in", "", [("cookie", "q=c; q=b")], False),
    ("out", "?q=a&q=b", [], True),  # "a,b"
    ("out", "?q=b", [], False),
    ("regex", "?q=aaa", [], True),
    ("regex", "?q=aaab", [], False),
    ("regex", "?q=xaaa", [], False),
    ("regex", "?q=a%0Aa", [], False),
    ("regex", "?q=%E4%B8%8A%E6%B5%B7%E5%B8%82", [], True),
    ("regex", "?q=%E5%9C%A8%E4%B8%8A%E6%B5%B7", [], False),
    ("regex", "?q=%25", [], False),
    ("empty", "", [], True),
    ("empty", "?q=", [], True),
    ("empty", "?q=a", [], False),
    ("empty", "?q=" + "a" * 1025, [], True),  # too long to be looked at
    ("empty", "?q=%FF", [], True),  # no text
    ("agent", "", [("user-agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) " + "x" * 300)], True),
    ("agent", "", [("user-agent", "Mozilla/5.0 (Linux; Android 14) " + "x" * 300)], False),
    ("path/7", "", [], True),
    ("path/8", "", [], False),
    ("both", "?q=a", [("x-q", "b")], True),
    ("both", "?q=a", [], False),
    ("both", "", [("x-q", "b")], False),
]


@pytest.fixture(scope="module")
def running_edge() -> Iterator[Edge]:
    with edge_of(routes=ROUTES) as edge:
        yield edge
        found = edge.run(edge.data_plane.admin.stats("lua"))
        assert found is not None
        assert found["http.gateway.lua.errors"] == 0


@pytest.fixture
def edge(running_edge: Edge) -> Edge:
    running_edge.reset()
    return running_edge


def inner(request: Received) -> list[str]:
    """Headers between filters that a backend should not see."""
    return [name for name, _ in request.headers if re.match("x-menshen-(bucket|input|plain|client)", name)]


@pytest.mark.parametrize(
    ("name", "query", "headers", "fits"), FITS, ids=[f"{n}-{row[0]}" for n, row in enumerate(FITS)]
)
def test_what_fits_every_filter_is_coloured(
    edge: Edge, name: str, query: str, headers: list[tuple[str, str]], fits: bool
) -> None:
    assert edge.ask(f"/mall/{name}{query}", headers).status == 200
    assert edge.forwarded.one("x-colour") == ("yes" if fits else None)
    assert not inner(edge.forwarded)


def test_weights_are_those_of_the_buckets(edge: Edge) -> None:
    """Each request goes where Python says it goes: Envoy's script has the same hash, and no share has another size."""
    client = http.client.HTTPConnection("127.0.0.1", edge.port, timeout=20)
    seen = set()
    for _ in range(600):
        client.request("GET", "/mall/split")
        client.getresponse().read()
        (got,) = edge.backend.received
        edge.backend.received.clear()
        request_id = got.one("x-request-id") or ""
        mine, half = bucket("split", request_id), bucket("halves", request_id) < 50
        lane = "blue" if mine < 30 else "red" if mine == 50 else None
        assert got.one("x-menshen-tag-lane") == lane
        assert got.one("x-colour") == ("green" if 30 <= mine < 50 else None)
        assert got.one("x-menshen-tag-half") == ("half" if half else None)
        told = [name for name in (lane and "lane", half and "half") if name]
        assert got.one("x-menshen-untrusted-tags") == (",".join(told) or None)
        seen.add((lane, got.one("x-colour"), half))
    client.close()
    assert {("blue", None, True), ("blue", None, False), (None, "green", True), (None, None, False)} <= seen


@pytest.mark.parametrize("where", ["plain", "equal", "known", "split"])
def test_class_53_a_colour_is_not_the_clients_to_say(edge: Edge, where: str) -> None:
    own = [("user_session", "s")] if where == "known" else []
    names = ["x-colour", "x-menshen-tag-lane", "x-menshen-bucket-0", "x-menshen-input-0", "x-menshen-untrusted-tags"]

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(spellings(names), min_size=1, max_size=8))
    def check(sent: list[str]) -> None:
        edge.reset()
        assert edge.ask(f"/mall/{where}", [*own, *((name, FORGED) for name in sent)]).status == 200
        assert FORGED not in repr(edge.forwarded)
        assert FORGED not in repr(edge.brain.received)

    check()


def test_class_53_a_bucket_is_not_the_clients_to_say(edge: Edge) -> None:
    """Nor the request's id, which would choose one."""
    for _ in range(20):
        edge.reset()
        edge.ask("/mall/split", [("x-request-id", FORGED), ("x-menshen-bucket-0", "00"), ("x-menshen-uid", FORGED)])
        mine = bucket("split", edge.forwarded.one("x-request-id") or "")
        assert edge.forwarded.one("x-menshen-tag-lane") == ("blue" if mine < 30 else "red" if mine == 50 else None)
        assert FORGED not in repr(edge.forwarded)


def test_class_19_an_expression_takes_linear_time(edge: Edge) -> None:
    started = time.monotonic()
    for _ in range(20):
        edge.reset()
        edge.ask("/mall/regex?q=" + "b" * 1024)
        assert edge.forwarded.one("x-colour") is None
    assert time.monotonic() - started < 45


NASTY = [
    *("'", '"', "\\", "`", "%", "%%", "%REQ(user_session)%", "%CEL(true)%", "%START_TIME%", "100%", "%)%", "%E4%B8%8A"),
    *("'+'a", "') || true || ('", "a' == 'a", "\\'", "\\u0027", "\\U00000027", "${jndi:x}", "{{1}}", "$1", "#{1}"),
    *(
        "]]",
        "--[[",
        "]==]",
        "end",
        "\\0",
        "a,b",
        "a;untrusted",
        "menshen.user=1",
        "=",
        "+",
        "  ",
        "\u00e9",
        "上海",
        "😀",
        "\u202e",
    ),
]


def coloured(texts: Sequence[str]) -> tuple[Route, ...]:
    """An API for each text, which is in its filter, in its tag and, where it can be, in its header."""
    found = []
    for number, text in enumerate(texts):
        actions = [Action(100, text, "lane")]
        other = [Action(100, text, "", "x-colour")] if text.isascii() and text == text.strip() else []
        filters = when("query", "q", "EQUAL", text)
        escaped = when("query", "q", "REGEX", re.escape(text) if text.isascii() else ".*")
        both = [rules(filters, actions), *([rules(filters, other, "other")] if other else [])]
        found.append(api(f"n{number}", *both, rules(escaped, (Action(100, "fits", "fits"),), "escaped")))
    return tuple(found)


def means_itself(edge: Edge, texts: Sequence[str]) -> None:
    for number, text in enumerate(texts):
        for said in {text, f"{text}x", "a", ""}:
            edge.reset()
            assert edge.ask(f"/mall/n{number}?q={quote(said, safe='')}", [("user_session", "SECRET")]).status == 200
            hit = said == text
            assert edge.forwarded.one("x-menshen-tag-lane") == (encoded_value(text) if hit else None), (text, said)
            told = hit and text.isascii() and text == text.strip()
            assert edge.forwarded.one("x-colour") == (text if told else None), (text, said)
            fits = hit or not text.isascii()
            assert (edge.forwarded.one("x-menshen-tag-fits") == "fits") == fits, (text, said)
            members = [member for member in (edge.forwarded.one("baggage") or "").split(",") if member]
            assert [member.partition("=")[0] for member in members] == ["menshen.lane"] * hit + ["menshen.fits"] * fits


def test_class_49_a_text_of_an_operator_is_never_code() -> None:
    with edge_of(routes=coloured(NASTY)) as edge:
        means_itself(edge, NASTY)


def test_class_49_nor_is_any_other_text() -> None:
    texts = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1, max_size=24)
    with edge_of(routes=coloured(["a"])) as edge:

        @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(texts, min_size=10, max_size=30, unique=True))
        def check(chosen: list[str]) -> None:
            edge.run(edge.data_plane.apply(edge.sample(routes=coloured(chosen))))
            means_itself(edge, chosen)

        check()


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "^x|y$", "a|b", "(?i)abc", "[^a]*", "a{2,3}", r"\d+\.\d", ""])
def test_class_19_an_expression_fits_the_whole_value(pattern: str) -> None:
    values = ["a", "aa", "aab", "x", "y", "xy", "zy", "b", "ABC", "abc", "abcd", "1.2", "1.2.3", "bcd", "aaaa"]
    with edge_of(routes=(api("r", rules(when("query", "q", "REGEX", pattern or "a*"))),)) as edge:
        for value in [*values, "上海"]:
            edge.reset()
            edge.ask(f"/mall/r?q={quote(value)}")
            assert (edge.forwarded.one("x-colour") == "yes") == fits_whole(pattern or "a*", value), value


def test_a_colour_chooses_the_version_and_a_clients_tag_does_not_replace_it() -> None:
    with edge_of() as blue:
        other = Version("v2", (Endpoint("127.0.0.1", blue.backend.port),))
        rule = CanaryRule("blue", "rollout", (Share("v2", 100),), (("lane", Condition("EQUAL", ("blue",))),))
        paint = rules(when("query", "q", "EQUAL", "a"), (Action(100, "blue", "lane"),))
        lane = ClientTag("city", Parameter("query", "city"))
        rows = (api("shop", paint, canary=(rule,), tags=(lane,)),)
        with edge_of(routes=rows) as edge:
            here = Upstream("orders", (Endpoint("127.0.0.1", edge.backend.port),), versions=(other,))
            edge.run(edge.data_plane.apply(edge.sample(routes=rows, upstreams=(here,))))
            edge.reset()
            blue.reset()
            edge.ask("/mall/shop?q=a&city=b")
            assert not edge.backend.received
            assert blue.forwarded.one("baggage") == "menshen.city=b;untrusted,menshen.lane=blue;untrusted"
            assert blue.forwarded.one("x-menshen-untrusted-tags") == "city,lane"
            blue.reset()
            edge.ask("/mall/shop?q=b&lane=blue", [("x-menshen-tag-lane", "blue"), ("baggage", "menshen.lane=blue")])
            assert not blue.backend.received
            assert edge.forwarded.one("x-menshen-tag-lane") is None
