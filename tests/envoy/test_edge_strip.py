"""Through a real Envoy: what a client says about identity, route or gateway never arrives (attack classes 1 to 10)."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.envoy.edge import Edge
from tests.envoy.fakes import Received
from tests.envoy.samples import BY_BODY, BY_HEADER, BY_QUERY

FORGED = "forged-by-client"
IDENTITY = sorted({header for p in (BY_HEADER, BY_QUERY, BY_BODY) for _, header in p.identity})
INTERNAL = (
    "x-menshen-route",
    "x-menshen-received",
    "x-menshen-assertion",
    "x-menshen-tag-canary",
    "x-wx-unionid",
    "x-wx-from-openid",
    "x-wx-anything-new",
    "x-envoy-original-path",
    "x-envoy-auth-partial-body",
    "x-envoy-retry-on",
    "x-original-url",
    "x-original-uri",
    "x-rewrite-url",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-forwarded-host",
    "x-forwarded-prefix",
    "x-forwarded-uri",
    "x-forwarded-client-cert",
    "x-real-ip",
    "forwarded",
    "proxy",
    "baggage",
    "x-request-id",
)
ROUTES = {
    "authorised": ("/mall/orders/7", [("user_session", "s")]),
    "optional, anonymous": ("/mall/open", []),
    "public": ("/mall/static/logo.png", []),
    "public, of a group with other plugins": ("/mini/free", []),
}
SEPARATORS = "-_.!#$%&'*+^`|~"


@st.composite
def spellings(draw: st.DrawFn, names: tuple[str, ...] | list[str]) -> str:
    name = draw(st.sampled_from(names))
    return "".join(
        draw(st.sampled_from([c.lower(), c.upper()])) if c.isalnum() else draw(st.sampled_from("--__" + SEPARATORS))
        for c in name
    )


def leaked(request: Received) -> list[tuple[str, str]]:
    return [pair for pair in request.headers if FORGED in pair[1]]


@pytest.mark.parametrize("where", ROUTES)
def test_no_spelling_of_an_identity_or_internal_header_arrives(edge: Edge, where: str) -> None:
    target, own = ROUTES[where]

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(spellings([*IDENTITY, *INTERNAL]), min_size=1, max_size=12))
    def check(names: list[str]) -> None:
        edge.reset()
        got = edge.ask(target, [*own, *((name, FORGED) for name in names), *((name, FORGED) for name in names[:2])])
        assert got.status == 200
        assert not leaked(edge.forwarded), leaked(edge.forwarded)
        for question in edge.brain.received:
            assert not leaked(question), leaked(question)

    check()


@pytest.mark.parametrize("where", ROUTES)
def test_every_plain_name_is_removed(edge: Edge, where: str) -> None:
    target, own = ROUTES[where]
    got = edge.ask(target, [*own, *((name, FORGED) for name in (*IDENTITY, *INTERNAL))])
    assert got.status == 200
    assert not leaked(edge.forwarded)


def test_identity_is_what_the_brain_said_and_nothing_else(edge: Edge) -> None:
    edge.ask("/mall/orders/7", [("user_session", "s"), ("X-Menshen-Openid", FORGED), ("x_menshen_openid", FORGED)])
    assert edge.forwarded.one("x-menshen-user") == "u-real"
    assert edge.forwarded.one("x-menshen-openid") == "o-real"
    assert edge.forwarded.one("x-menshen-unionid") == ""
    assert not [name for name, _ in edge.forwarded.headers if re.sub("[^a-z]", "", name) == "xmenshenassertion"]


@pytest.mark.parametrize(("target", "names"), [("/mall/open", IDENTITY[:0]), ("/mall/static/a", IDENTITY[:0])])
def test_an_anonymous_request_carries_every_identity_header_empty(edge: Edge, target: str, names: list[str]) -> None:
    edge.ask(target, [("X-Menshen-User", FORGED)])
    for _, name in BY_HEADER.identity:
        assert edge.forwarded.all(name) == [""], name


def test_a_name_that_connection_nominates_still_arrives(edge: Edge) -> None:
    """``Connection: X-Menshen-Openid`` asks a proxy to drop our header on the way to the backend (attack class 8)."""
    got = edge.ask(
        "/mall/orders/7",
        [("user_session", "s"), ("Connection", "close, X-Menshen-Openid, X-Menshen-User"), ("TE", "trailers")],
    )
    assert got.status in (200, 400)
    for forwarded in edge.backend.received:
        assert forwarded.one("x-menshen-openid") == "o-real"
        assert forwarded.one("x-menshen-user") == "u-real"


def test_connection_cannot_take_the_stamp_away_from_the_brain(edge: Edge) -> None:
    edge.ask("/mall/orders/7", [("Connection", "close, x-menshen-route, x-menshen-received")])
    assert (edge.asked.one("x-menshen-route") or "").startswith("mall/order@")
    assert edge.asked.one("x-menshen-received")


def test_connection_hides_a_login_state_from_everybody_or_from_nobody(edge: Edge) -> None:
    edge.ask("/mall/static/a", [("user_session", "STATE"), ("Connection", "close, user_session")])
    assert "STATE" not in repr(edge.forwarded)


@pytest.mark.parametrize("name", ["x-wx-code", "x-wx-encrypted-data", "x-wx-iv", "x-wx-skey", "x-wx-id"])
def test_wafer_headers_are_the_clients_to_say(edge: Edge, name: str) -> None:
    edge.ask("/mall/static/a", [(name.title(), "mine")])
    assert edge.forwarded.one(name) == "mine"


def test_a_stranger_header_that_only_looks_similar_stays(edge: Edge) -> None:
    names = ["x-menshenopenid", "ax-menshen-openid", "x-wxopenid", "accounts", "x-requested-with", "x-forwardedhost"]
    edge.ask("/mall/static/a", [(name, "mine") for name in names])
    assert [edge.forwarded.one(name) for name in names] == ["mine"] * len(names)


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/mall/orders/7", [("js_code", "CODE"), ("user_session", "STATE")]),
        ("/mall/orders/7", [("JS_Code", "CODE"), ("User_Session", "STATE"), ("user_session", "STATE")]),
        ("/mall/static/a", [("js_code", "CODE"), ("user_session", "STATE")]),
        ("/mini/query?code=CODE&a=1&token=STATE", []),
        ("/mini/query?a=1&%74oken=STATE&c%6fde=CODE", []),
        ("/mini/query?token=STATE&token=STATE&a=1", []),
        ("/mini/query?code=CODE&who=STATE&a=1&word=STATE", []),
        ("/mini/free?wh%6f=STATE&word=STATE&%77ord=STATE&a=1", []),
        ("/mini/free?token=STATE&a=1&code=CODE", []),
        ("/mall/orders/7", [("secret", "STATE"), ("AppSecret", "STATE"), ("app_secret", "STATE")]),
    ],
)
def test_credentials_stop_at_the_gateway(edge: Edge, target: str, headers: list[tuple[str, str]]) -> None:
    assert edge.ask(target, headers).status == 200
    sent = repr(edge.forwarded)
    assert "CODE" not in sent
    assert "STATE" not in sent
    if "?" in target:
        assert edge.forwarded.target.endswith("?a=1")
    if "static" not in target and "free" not in target:
        assert "STATE" in repr(edge.asked)


def test_a_cookie_is_what_the_brain_leaves_of_it(edge: Edge) -> None:
    from tests.envoy.fakes import Reply

    edge.brain.answer = lambda _: Reply(headers=(("cookie", "theme=dark"),))
    edge.ask("/mini/form", [("cookie", "sid=STATE; theme=dark")], method="POST", body=b"{}")
    assert edge.asked.one("cookie") == "sid=STATE; theme=dark"
    assert edge.forwarded.one("cookie") == "theme=dark"


def test_two_copies_of_a_login_state_both_reach_the_brain(edge: Edge) -> None:
    edge.ask("/mall/orders/7", [("user_session", "one"), ("USER_SESSION", "two")])
    assert edge.asked.one("user_session") == "one,two"


def test_stamps_stay_inside(edge: Edge) -> None:
    edge.ask("/mall/orders/7", [("user_session", "s")])
    assert edge.asked.one("x-menshen-route") == f"mall/order@{edge.snapshot.checksum}"
    assert re.fullmatch(r"\d+\.\d{6}", edge.asked.one("x-menshen-received") or "")
    assert not [name for name, _ in edge.forwarded.headers if name in ("x-menshen-route", "x-menshen-received")]


def test_the_brain_gets_what_it_needs_and_no_more(edge: Edge) -> None:
    edge.ask("/mall/orders/7?a=b", [("user_session", "s"), ("accept", "x"), ("x-private", "x"), ("user-agent", "x")])
    assert edge.asked.target == "/authz/mall/orders/7?a=b"
    unexpected = {name for name, _ in edge.asked.headers} - {
        "host",
        "content-length",
        "user_session",
        "x-request-id",
        "x-menshen-route",
        "x-menshen-received",
        "x-menshen-client",
        "user-agent",
        "x-envoy-expected-rq-timeout-ms",
        "x-envoy-internal",
    }
    assert not unexpected


def test_the_clients_address_is_the_connections(edge: Edge) -> None:
    edge.ask(
        "/mall/static/a",
        [("X-Forwarded-For", "6.6.6.6"), ("X_Forwarded_For", "6.6.6.6"), ("x-forwarded-proto", "https")],
    )
    (address,) = edge.forwarded.all("x-forwarded-for")
    assert address != "6.6.6.6"
    assert not [name for name, _ in edge.forwarded.headers if name.startswith("x-envoy")]
    assert edge.forwarded.all("x-forwarded-proto") == ["http"]
