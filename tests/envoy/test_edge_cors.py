"""Through a real Envoy: pages of other origins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from menshen.config.route_rules import CorsRules, IpRules, LimitRule, RewriteRule
from menshen.config.snapshot import Route
from menshen.envoy import cors
from menshen.gateway.wire import HEADER_ROUTE
from tests.envoy.edge import Edge, Got, deny, edge_of
from tests.envoy.fakes import Received, Reply
from tests.envoy.issuer import issued, jwt_rules
from tests.envoy.samples import BY_BODY, BY_HEADER, route
from tests.envoy.signed import KEYS, SIGNED
from tests.envoy.signed import token as login_state

SHOP, OTHER = "https://shop.example.com", "https://other.example.com"


def rules(**changes: Any) -> CorsRules:
    fields: dict[str, Any] = {
        "plugin": "pages",
        "origins": (SHOP, "http://localhost:5173"),
        "methods": ("GET", "POST", "PUT"),
        "request_headers": ("content-type", "x-own"),
        "expose_headers": ("x-from",),
        "credentials": True,
        "max_age": 600,
    }
    return CorsRules(**{**fields, **changes})


def on(name: str, login: Any = None, path: str = "", **changes: Any) -> Route:
    return route("p", name, path or f"/{name}", login, **{"prefix": "/p", "cors": rules(), **changes})


LIMIT = LimitRule("one", "api", 1, 1)
ROUTES = (
    on("asked", BY_HEADER),
    on("signed", SIGNED),
    on("cookie", BY_BODY),
    on("token", access="required", jwt=jwt_rules()),
    on("free"),
    on("any", cors=rules(origins=("*",), credentials=False)),
    on("read", BY_HEADER, path="/items", methods=("GET",)),
    on("write", BY_HEADER, path="/items", methods=("POST", "DELETE"), cors=rules(origins=(OTHER,))),
    on("inner", ip_access=(IpRules("inner", (), ("0.0.0.0/0", "::/0")),)),
    on("limited", limits=(LIMIT,)),
    on("moved", rewrites=(RewriteRule("/p/moved", "/p/secret", 1),)),
    on("blocked", path="/blocked/*", rewrites=(RewriteRule("/p/blocked/a", "/p/blocked/b", 1, block=True),)),
    on("all", path="/*"),
    on("closed", BY_HEADER, path="/closed", methods=("DELETE",), cors=None),
    on("plain", None, path="/plain", cors=None),
)


@pytest.fixture(scope="module")
def pages_edge() -> Iterator[Edge]:
    with edge_of(keys=KEYS, routes=ROUTES) as edge:
        yield edge


@pytest.fixture
def edge(pages_edge: Edge) -> Edge:
    pages_edge.reset()
    return pages_edge


def preflight(edge: Edge, target: str, origin: str, method: str = "GET", more: Sequence[tuple[str, str]] = ()) -> Got:
    asks = [("Origin", origin), ("Access-Control-Request-Method", method)]
    return edge.ask(target, [*asks, ("Access-Control-Request-Headers", "js_code"), *more], method="OPTIONS")


def told(got: Got) -> dict[str, str]:
    found = {name.lower(): value for name, value in got.headers if name.lower().startswith("access-control-")}
    return {name.removeprefix("access-control-"): value for name, value in found.items()}


def listed(text: str) -> set[str]:
    return set(text.split(", "))


@pytest.mark.parametrize("origin", [SHOP, "http://localhost:5173"])
def test_a_preflight_is_answered_and_nobody_is_asked(edge: Edge, origin: str) -> None:
    got = preflight(edge, "/p/asked", origin)
    assert got.status == 200
    answer = told(got)
    answer.pop("expose-headers")  # means nothing here
    assert answer == {
        "allow-origin": origin,
        "allow-credentials": "true",
        "allow-methods": "GET, POST, PUT",
        "allow-headers": "js_code, x-data, x-data-iv, user_session, content-type, x-own",
        "max-age": "600",
    }
    assert not edge.brain.received
    assert not edge.backend.received


@pytest.mark.parametrize("api", ["asked", "signed", "cookie", "token", "free", "inner", "limited", "moved", "all"])
def test_class_5_nothing_of_a_preflight_reaches_anybody(edge: Edge, api: str) -> None:
    """It stands for a request that is yet to come, with a page's word for everything in it."""
    carried = [
        ("x-menshen-user", "forged"),
        ("user_session", "s"),
        ("js_code", "c"),
        ("state", login_state()),
        ("Authorization", f"Bearer {issued()}"),
        ("Cookie", "sid=s"),
    ]
    for _ in range(4):
        assert preflight(edge, f"/p/{api}?user_session=s", SHOP, more=carried).status == 200
    assert preflight(edge, f"/p/{api}", OTHER, more=carried).status == 403
    assert not edge.brain.received
    assert not edge.backend.received


def test_a_preflight_that_envoy_does_not_answer_is_no_api_to_the_brain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the filter's answer it would go to the backend past the guards that the brain does not ask for."""
    monkeypatch.setattr(cors, "cross_origin", lambda _: {})
    with edge_of(routes=ROUTES) as open_edge:
        for api in ("asked", "free", "inner"):
            open_edge.reset()
            preflight(open_edge, f"/p/{api}", SHOP)
            name, _, checksum = (open_edge.asked.one(HEADER_ROUTE) or "").rpartition("@")
            assert checksum == open_edge.snapshot.checksum
            assert name == f"!preflight/p/{api}"
            assert name not in {route.id for route in ROUTES}


WRONG = (
    "null",
    "https://shop.example.com.evil",
    "https://evil.shop.example.com",
    "https://shop-example.com",
    "https://shopXexample.com",
    "https://shop.example.com:443",
    "https://shop.example.com/",
    "https://SHOP.example.com",
    "HTTPS://shop.example.com",
    "http://shop.example.com",
    "https://shop.example.com,https://other.example.com",
    "https://other.example.com, https://shop.example.com",
    "https://shop.example.com https://other.example.com",
    "https://shop.example.com\xff",
    "*",
)


@pytest.mark.parametrize("origin", WRONG)
def test_an_origin_that_is_not_in_the_list(edge: Edge, origin: str) -> None:
    got = preflight(edge, "/p/asked", origin)
    assert got.refusal == (403, 4003, "origin_refused")
    assert not told(got)
    assert not edge.brain.received
    got = edge.ask("/p/asked", [("Origin", origin), ("user_session", "s")])
    assert got.status == 200
    assert not told(got)
    assert got.all("vary") == ["Origin"]


def test_two_origins_are_none_that_may_call(edge: Edge) -> None:
    for first, second in ((SHOP, OTHER), (OTHER, SHOP), (SHOP, SHOP)):
        assert preflight(edge, "/p/asked", first, more=[("Origin", second)]).status == 403
        assert not told(edge.ask("/p/asked", [("Origin", first), ("Origin", second), ("user_session", "s")]))


def test_a_page_reads_what_it_may_of_an_answer(edge: Edge) -> None:
    got = edge.ask("/p/asked", [("Origin", SHOP), ("user_session", "s")])
    assert got.status == 200
    answer = told(got)
    assert listed(answer.pop("expose-headers")) == {
        *("x-menshen-code", "x-request-id", "retry-after", "user_session", "x-from")
    }
    assert answer == {"allow-origin": SHOP, "allow-credentials": "true"}
    assert got.all("vary") == ["Origin"]


def test_a_request_that_no_page_makes(edge: Edge) -> None:
    got = edge.ask("/p/asked", [("user_session", "s")])
    assert not told(got)
    assert got.all("vary") == ["Origin"], "a cache must not give this answer to a page"


def test_what_a_backend_says_of_origins_does_not_count(edge: Edge) -> None:
    said = (
        ("access-control-allow-origin", "*"),
        ("Access-Control-Allow-Credentials", "true"),
        ("access-control-expose-headers", "x-secret"),
        ("access-control-allow-private-network", "true"),
        ("vary", "Accept-Encoding"),
    )
    edge.backend.answer = lambda request: Reply(200, said)
    got = edge.ask("/p/free", [("Origin", OTHER)])
    assert not told(got)
    assert got.all("vary") == ["Accept-Encoding,Origin"]
    got = edge.ask("/p/free", [("Origin", SHOP)])
    assert set(told(got)) == {"allow-origin", "allow-credentials", "expose-headers"}
    assert told(got)["allow-origin"] == SHOP
    assert "x-secret" not in told(got)["expose-headers"]
    assert told(edge.ask("/p/plain", [("Origin", OTHER)]))["allow-origin"] == "*", "where the plugin is not bound"


REFUSED: dict[str, tuple[str, list[tuple[str, str]], tuple[int, str]]] = {
    "by the brain": ("/p/asked", [], (401, "")),
    "a missing state": ("/p/signed", [("js_code", ""), ("state", login_state(exp=5))], (401, "session_expired")),
    "a malformed state": ("/p/signed", [("state", "forged")], (401, "session_invalid")),
    "a missing token": ("/p/token", [], (401, "token_missing")),
    "a bad token": ("/p/token", [("Authorization", "Bearer x")], (401, "token_invalid")),
    "an expired token": ("/p/token", [("Authorization", f"Bearer {issued(exp=5)}")], (401, "token_expired")),
    "an address": ("/p/inner", [], (403, "address_refused")),
    "a blocked path": ("/p/blocked/b", [], (400, "path_blocked")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_page_can_read_why_it_was_refused(edge: Edge, case: str) -> None:
    target, headers, (status, reason) = REFUSED[case]
    if case == "by the brain":
        edge.brain.answer = lambda request: deny(401)
    else:
        headers = [pair for pair in headers if pair[1]]
    got = edge.ask(target, [("Origin", SHOP), *headers])
    assert got.status == status
    assert told(got)["allow-origin"] == SHOP
    assert told(got)["allow-credentials"] == "true"
    assert "x-menshen-code" in listed(told(got)["expose-headers"])
    assert "Origin" in got.all("vary")
    if reason:
        assert got.refusal[2] == reason
    other = edge.ask(target, [("Origin", OTHER), *headers])
    assert other.status == status
    assert not told(other)
    assert not edge.backend.received


def test_a_page_can_read_that_it_was_too_fast(edge: Edge) -> None:
    answers = [edge.ask("/p/limited", [("Origin", SHOP)]) for _ in range(8)]
    late = [got for got in answers if got.status == 429]
    assert late
    assert told(late[0])["allow-origin"] == SHOP
    assert "retry-after" in listed(told(late[0])["expose-headers"])


def test_a_preflight_is_for_the_method_that_comes(edge: Edge) -> None:
    """Two APIs of one path, each with its own pages."""
    assert told(preflight(edge, "/p/items", SHOP, "GET"))["allow-methods"] == "GET"
    assert told(preflight(edge, "/p/items", OTHER, "POST"))["allow-methods"] == "POST"
    assert preflight(edge, "/p/items", OTHER, "GET").status == 403
    assert preflight(edge, "/p/items", SHOP, "DELETE").status == 403


def test_class_5_a_wider_apis_word_does_not_count_for_an_api_that_no_page_may_call(edge: Edge) -> None:
    """``/closed`` takes DELETE only, so an OPTIONS would be ``/*``'s; the DELETE that follows would not."""
    assert preflight(edge, "/p/closed", SHOP, "DELETE").refusal == (403, 4003, "origin_refused")
    assert preflight(edge, "/p/closed", SHOP, "GET").status == 200, "a GET is the wide API's"
    assert not edge.brain.received


def test_what_looks_like_a_preflight_and_is_none_is_judged(edge: Edge) -> None:
    asks = ("Access-Control-Request-Method", "GET")
    for headers in ([("Origin", SHOP)], [asks], [("Origin", SHOP), (asks[0], "")], [("Origin", ""), asks]):
        edge.reset()
        edge.brain.answer = lambda request: deny(401)
        assert edge.ask("/p/asked", headers, method="OPTIONS").status == 401
        assert edge.asked
        assert not edge.backend.received
    edge.reset()
    edge.brain.answer = lambda request: deny(401)
    assert edge.ask("/p/asked", [("Origin", SHOP), asks], method="GET").status == 401


def test_any_page_without_credentials(edge: Edge) -> None:
    for origin in (SHOP, OTHER, "null"):
        got = preflight(edge, "/p/any", origin)
        assert got.status == 200
        assert told(got)["allow-origin"] == origin
        assert "allow-credentials" not in told(got)
        answer = edge.ask("/p/any", [("Origin", origin)])
        assert "allow-credentials" not in told(answer)
        assert answer.all("vary") == ["Origin"]


@pytest.mark.parametrize("target", ["/nowhere", "/q/items", "/p/items%2f", "/p/a;b"])
def test_paths_that_nobody_has(edge: Edge, target: str) -> None:
    got = preflight(edge, target, SHOP)
    assert got.status in (400, 404)
    assert not told(got)


@pytest.mark.parametrize("target", ["/p/x/../asked", "//p//asked", "/p/./asked", "/p/%61sked"])
def test_a_preflight_is_read_like_any_request(edge: Edge, target: str) -> None:
    assert preflight(edge, target, SHOP).status == 200
    assert preflight(edge, target, OTHER).status == 403
    assert not edge.brain.received


def test_an_upgrade_from_a_page(edge: Edge) -> None:
    upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Origin", SHOP), ("user_session", "s")]
    got = edge.ask("/p/asked", upgrade)
    assert got.status == 101
    assert told(got)["allow-origin"] == SHOP


def test_a_backend_that_answers_options_itself(edge: Edge) -> None:
    """Where the plugin is not bound, a preflight is a request like any other."""

    def answer(request: Received) -> Reply:
        return Reply(204, (("access-control-allow-origin", OTHER),)) if request.method == "OPTIONS" else Reply()

    edge.backend.answer = answer
    assert told(preflight(edge, "/p/plain", OTHER)) == {"allow-origin": OTHER}
