"""Through a real Envoy: the gateway's own API for clients, which is handed to the brain."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from menshen.config.own_paths import OWN_PATHS
from menshen.config.snapshot import Listener
from tests.envoy.edge import Edge, edge_of
from tests.envoy.fakes import Reply
from tests.envoy.samples import PLANTED, route, sample_routes
from tests.envoy.test_edge_strip import FORGED

CALLS = [
    (method, path.replace("avatars/", "avatars/a.png").replace("component/", "component/x"))
    for path, methods in OWN_PATHS.items()
    for method in methods
]
NOT_THERE = (404, 4004, "no_such_route")
UNCHECKED = (503, 5004, "brain_unavailable")
JSON = ("content-type", "application/json")


def said(status: int = 200, body: bytes = b"{}", *headers: tuple[str, str]) -> Reply:
    return Reply(status, (JSON, *headers), body)


@pytest.mark.parametrize("host", ["h", "www.example.com", "a.example.org"])
@pytest.mark.parametrize(("method", "path"), CALLS)
def test_the_brain_gets_the_call(edge: Edge, method: str, path: str, host: str) -> None:
    edge.brain.answer = lambda _: said(200, b'{"a": 1}', ("user_session", "new"), ("set-cookie", "sid=; Max-Age=0"))
    body = b"" if method == "GET" else json.dumps({"refresh_token": "r"}).encode()
    headers = [
        JSON,
        ("user_session", "s"),
        ("cookie", "sid=c"),
        ("user-agent", "phone"),
        ("x-menshen-client", FORGED),
        ("x-menshen-received", FORGED),
        ("x-menshen-route", FORGED),
        ("x-menshen-user", FORGED),
        ("x-request-id", FORGED),
    ]
    before = time.time()
    got = edge.ask(f"/v1/{path}?token=q", headers, method=method, body=body, host=host)
    assert (got.status, got.json) == (200, {"a": 1})
    assert got.all("user_session") == ["new"]
    assert got.all("set-cookie") == ["sid=; Max-Age=0"]
    asked = edge.asked
    assert asked.target == f"/api/{edge.snapshot.checksum}/{path}?token=q"
    assert (asked.method, asked.body) == (method, body)
    assert asked.one("x-menshen-client") == "127.0.0.1"
    assert before - 1 < float(asked.one("x-menshen-received") or "nan") < time.time() + 1
    assert asked.one("user-agent") == "phone"
    assert (asked.one("user_session"), asked.one("cookie")) == ("s", "sid=c")
    assert FORGED not in repr(asked.headers)
    assert asked.one("x-request-id")
    assert not any(name.startswith("x-envoy") for name, _ in asked.headers)
    assert not edge.backend.received


@pytest.mark.parametrize("status", [200, 400, 401, 404, 409, 413, 415, 429, 500, 502, 503])
def test_an_answer_of_the_brain_passes_as_it_is(edge: Edge, status: int) -> None:
    headers = (("x-menshen-code", "1"), ("retry-after", "7"), ("x-any", "thing"), ("server", "granian"))
    edge.brain.answer = lambda _: said(status, b'{"code": 1}', *headers)
    got = edge.ask("/v1/token", [JSON], method="POST", body=b"{}")
    assert (got.status, got.body) == (status, b'{"code": 1}')
    assert [got.all(name) for name in ("x-menshen-code", "retry-after", "x-any")] == [["1"], ["7"], ["thing"]]
    assert not got.all("server")


@pytest.mark.parametrize("name", ["secret", "appsecret", "app_secret", "App-Secret"])
def test_the_brain_learns_of_an_appsecret_in_a_header(edge: Edge, name: str) -> None:
    edge.brain.answer = lambda _: said()
    edge.ask("/v1/login", [JSON, (name, PLANTED), ("x-menshen-sent-secret", "")], method="POST", body=b"{}")
    assert edge.asked.one("x-menshen-sent-secret") == PLANTED
    edge.reset()
    edge.brain.answer = lambda _: said()
    edge.ask("/v1/login", [JSON, ("x-menshen-sent-secret", FORGED)], method="POST", body=b"{}")
    assert edge.asked.one("x-menshen-sent-secret") is None


def test_the_brains_stamps_are_for_nobody_else(edge: Edge) -> None:
    assert edge.ask("/mall/static/x", [("x-menshen-client", FORGED)]).status == 200
    assert not any(name.startswith("x-menshen-") and value for name, value in edge.forwarded.headers)


@pytest.mark.parametrize(
    ("path", "methods"),
    [(p.replace("avatars/", "avatars/x").replace("component/", "component/x"), m) for p, m in OWN_PATHS.items()],
)
def test_other_methods_are_405(edge: Edge, path: str, methods: tuple[str, ...]) -> None:
    for other in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - {*methods}:
        got = edge.ask(f"/v1/{path}", method=other)
        assert got.refusal == (405, 4004, "method_not_allowed")
        assert got.all("allow") == [", ".join(sorted(methods))]
    assert not edge.brain.received


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/tokens", "/v1/token/", "/v1/me/x", "/v1/Token", "/v1/avatars"])
def test_everything_else_is_as_before(edge: Edge, path: str) -> None:
    assert edge.ask(path, method="POST").refusal == NOT_THERE
    assert edge.ask(path, host="www.example.com").status == 200
    assert edge.forwarded.target == path


@pytest.mark.parametrize("path", ["/v1//token", "/x/../v1/token", "/v1/%74oken", "/v1/./token?x=/y"])
def test_other_spellings_are_the_same_path(edge: Edge, path: str) -> None:
    edge.brain.answer = lambda _: said()
    assert edge.ask(path, method="POST", host="www.example.com").status == 200
    assert edge.asked.target.partition("?")[0] == f"/api/{edge.snapshot.checksum}/token"
    assert not edge.backend.received


@pytest.mark.parametrize("path", ["/v1/avatars/..%2f..%2fx", "/v1/avatars/../../api/x", "/v1/avatars/%2e%2e/%2e%2e/x"])
def test_no_spelling_leaves_the_api_on_the_way_to_the_brain(edge: Edge, path: str) -> None:
    got = edge.ask(path)
    assert got.refusal[0] in (400, 404)
    assert not edge.brain.received


def test_no_client_gets_at_the_brain_by_its_own_paths(edge: Edge) -> None:
    for path in (f"/api/{edge.snapshot.checksum}/me", "/health", "/authz/v1/me"):
        assert edge.ask(path).refusal == NOT_THERE
    assert not edge.brain.received


def test_a_large_body_passes_whole(edge: Edge) -> None:
    edge.brain.answer = lambda _: said()
    image = bytes(range(256)) * 4096
    got = edge.ask("/v1/me/avatar", [("content-type", "image/png")], method="POST", body=image)
    assert got.status == 200
    assert edge.asked.body == image


def test_no_websocket_to_the_brain(edge: Edge) -> None:
    upgrade = [("upgrade", "websocket"), ("connection", "Upgrade"), ("sec-websocket-version", "13")]
    assert edge.ask("/v1/me", upgrade).status == 403
    assert not edge.brain.received


def test_without_the_brain_it_is_503() -> None:
    with edge_of() as edge:
        edge.run(edge.brain.stop())
        assert edge.ask("/v1/token", [JSON], method="POST", body=b"{}").refusal == UNCHECKED
        for method, path in CALLS:
            assert edge.ask(f"/v1/{path}", method=method).refusal == UNCHECKED
        assert edge.ask("/mall/static/x").status == 200


def test_a_brain_that_hangs_up_or_talks_nonsense_is_503(edge: Edge) -> None:
    edge.brain.answer = lambda _: Reply(status=0)
    assert edge.ask("/v1/token", [JSON], method="POST", body=b"{}").refusal == UNCHECKED
    edge.brain.answer = lambda _: Reply(raw=b"\x00\x00\x04\xff\xff\xff\xff\xff\xff")
    assert edge.ask("/v1/token", [JSON], method="POST", body=b"{}").refusal == UNCHECKED


def test_a_call_outlasts_the_patience_of_a_question(edge: Edge) -> None:
    edge.brain.answer = lambda _: Reply(delay=8.0, headers=(JSON,), body=b"{}")
    assert edge.ask("/v1/login", [JSON], method="POST", body=b"{}").status == 200


@pytest.fixture(scope="module")
def other() -> Iterator[Edge]:
    with edge_of(listener=Listener(client_api="/gateway/api")) as edge:
        yield edge


def test_it_can_be_elsewhere_also_inside_a_group(other: Edge) -> None:
    other.reset()
    other.brain.answer = lambda _: said()
    assert other.ask("/gateway/api/token", method="POST").status == 200
    assert other.ask("/v1/token", method="POST").refusal == NOT_THERE
    greedy = route("all", "all", "/*", None, prefix="/gateway")
    own = route("own", "own", "/*", None, prefix="/gateway/api/token")
    avatars = route("pics", "pics", "/*", None, prefix="/gateway/api/avatars")
    other.run(
        other.data_plane.apply(
            other.sample(routes=(*sample_routes(), greedy, own, avatars), listener=Listener(client_api="/gateway/api"))
        )
    )
    other.reset()
    other.brain.answer = lambda _: said()
    assert other.ask("/gateway/api/token", method="POST").status == 200
    assert other.ask("/gateway/api/avatars/x").status == 200
    assert not other.backend.received
    assert other.ask("/gateway/api/token/x").status == 200
    assert other.ask("/gateway/api/x").status == 200
    assert len(other.backend.received) == 2


@pytest.mark.parametrize(
    "changes", [{"listener": Listener(client_api="")}, {"routes": tuple(r for r in sample_routes() if r.login is None)}]
)
def test_it_can_be_nowhere(other: Edge, changes: dict[str, object]) -> None:
    other.run(other.data_plane.apply(other.sample(**changes)))
    other.reset()
    for method, path in CALLS:
        assert other.ask(f"/v1/{path}", method=method).refusal == NOT_THERE
    assert not other.brain.received
