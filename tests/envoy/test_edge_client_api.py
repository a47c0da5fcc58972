"""Through a real Envoy: the gateway's own API for clients."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from menshen.config.snapshot import Listener
from menshen.gateway.wire import BODY_LIMIT
from tests.envoy.edge import Edge, deny, edge_of
from tests.envoy.samples import route, sample_routes
from tests.envoy.test_edge_strip import FORGED

CALLS = [("POST", "token"), ("POST", "logout"), ("GET", "sessions")]
NOT_THERE = (404, 4004, "no_such_route")


@pytest.mark.parametrize("host", ["h", "www.example.com", "a.example.org"])
@pytest.mark.parametrize(("method", "name"), CALLS)
def test_the_brain_answers(edge: Edge, method: str, name: str, host: str) -> None:
    said = {"access_token": "a"}
    edge.brain.answer = lambda _: deny(299, said, ("user_session", "new"), ("set-cookie", "sid=; Max-Age=0"))
    body = json.dumps({"refresh_token": "r"}).encode() if method == "POST" else b""
    headers = [
        ("content-type", "application/json"),
        ("user_session", "s"),
        ("cookie", "sid=c"),
        ("user-agent", "phone"),
        ("x-menshen-client", FORGED),
        ("x-menshen-route", FORGED),
    ]
    got = edge.ask(f"/v1/{name}?token=q", headers, method=method, body=body, host=host)
    assert (got.status, got.json) == (200, said)
    assert got.all("user_session") == ["new"]
    assert got.all("set-cookie") == ["sid=; Max-Age=0"]
    asked = edge.asked
    assert asked.target == f"/authz/v1/{name}?token=q"
    assert asked.method == method
    assert asked.body == body
    assert asked.one("x-menshen-route") == f"~{name}@{edge.snapshot.checksum}"
    assert asked.one("x-menshen-client") == "127.0.0.1"
    assert asked.one("user-agent") == "phone"
    assert (asked.one("user_session"), asked.one("cookie")) == ("s", "sid=c")
    assert not edge.backend.received


@pytest.mark.parametrize("status", [400, 401, 404, 413])
def test_the_brains_refusal_is_its_own(edge: Edge, status: int) -> None:
    edge.brain.answer = lambda _: deny(status, {"code": 1})
    got = edge.ask("/v1/token", method="POST", body=b"{}")
    assert (got.status, got.json) == (status, {"code": 1})


def test_a_brain_that_lets_through_gets_nowhere(edge: Edge) -> None:
    assert edge.ask("/v1/token", method="POST").refusal == NOT_THERE
    assert not edge.backend.received


@pytest.mark.parametrize(("method", "name"), CALLS)
def test_other_methods_are_405(edge: Edge, method: str, name: str) -> None:
    for other in {"GET", "POST", "PUT", "DELETE", "OPTIONS"} - {method}:
        got = edge.ask(f"/v1/{name}", method=other)
        assert got.refusal == (405, 4004, "method_not_allowed")
        assert got.all("allow") == [method]
    assert not edge.brain.received


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/tokens", "/v1/token/", "/v1/token/x", "/v1/Token", "/v2/token"])
def test_everything_else_is_as_before(edge: Edge, path: str) -> None:
    assert edge.ask(path, method="POST").refusal == NOT_THERE
    assert edge.ask(path, host="www.example.com").status == 200
    assert edge.forwarded.target == path


@pytest.mark.parametrize("path", ["/v1//token", "/x/../v1/token", "/v1/%74oken", "/v1/./token?x=/y"])
def test_other_spellings_are_the_same_path(edge: Edge, path: str) -> None:
    edge.brain.answer = lambda _: deny(299, {})
    assert edge.ask(path, method="POST", host="www.example.com").status == 200
    assert not edge.backend.received


def test_a_long_body_is_cut_and_said_to_be(edge: Edge) -> None:
    edge.brain.answer = lambda _: deny(413)
    assert edge.ask("/v1/token", method="POST", body=b"x" * (BODY_LIMIT * 3)).status == 413
    assert len(edge.asked.body) == BODY_LIMIT + 1
    assert edge.asked.one("x-envoy-auth-partial-body") == "true"


def test_without_the_brain_it_is_503(edge: Edge) -> None:
    edge.brain.answer = lambda _: deny(500)
    assert edge.ask("/v1/token", method="POST").refusal == (503, 5004, "brain_unavailable")


@pytest.fixture(scope="module")
def other() -> Iterator[Edge]:
    with edge_of(listener=Listener(client_api="/gateway/api")) as edge:
        yield edge


def test_it_can_be_elsewhere_also_inside_a_group(other: Edge) -> None:
    other.reset()
    other.brain.answer = lambda _: deny(299, {})
    assert other.ask("/gateway/api/token", method="POST").status == 200
    assert other.ask("/v1/token", method="POST").refusal == NOT_THERE
    greedy = route("all", "all", "/*", None, prefix="/gateway")
    own = route("own", "own", "/*", None, prefix="/gateway/api/token")
    other.run(
        other.data_plane.apply(
            other.sample(routes=(*sample_routes(), greedy, own), listener=Listener(client_api="/gateway/api"))
        )
    )
    other.reset()
    other.brain.answer = lambda _: deny(299, {})
    assert other.ask("/gateway/api/token", method="POST").status == 200
    assert not other.backend.received
    assert other.ask("/gateway/api/token/x").status == 200
    assert other.ask("/gateway/api/x").status == 200


@pytest.mark.parametrize(
    "changes", [{"listener": Listener(client_api="")}, {"routes": tuple(r for r in sample_routes() if r.login is None)}]
)
def test_it_can_be_nowhere(other: Edge, changes: dict[str, object]) -> None:
    other.run(other.data_plane.apply(other.sample(**changes)))
    other.reset()
    for method, name in CALLS:
        assert other.ask(f"/v1/{name}", method=method).refusal == NOT_THERE
