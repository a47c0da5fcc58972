"""Through a real Envoy: its own refusals in the words of the contract, a backend's words left alone."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from menshen.config.snapshot import Endpoint, HealthCheck, Upstream
from tests.envoy.edge import Edge, edge_of
from tests.envoy.fakes import Reply
from tests.envoy.samples import BY_HEADER, route, sample_routes
from tests.ports import free_port

STATE = [("user_session", "s")]
UNAVAILABLE = (503, 5010, "upstream_unavailable")
TIMEOUT = (504, 5011, "upstream_timeout")
MALFORMED = "malformed_request"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 429, 500, 502, 503, 504, 298, 299])
def test_a_backends_answer_is_its_own(edge: Edge, status: int) -> None:
    body = json.dumps({"mine": status}).encode()
    edge.backend.answer = lambda _: Reply(status, (("content-type", "application/x-mine"), ("x-mine", "1")), body)
    got = edge.ask("/mall/orders/7", STATE)
    assert (got.status, got.body) == (status, body)
    assert got.all("content-type") == ["application/x-mine"]
    assert not got.all("x-menshen-code")


@pytest.mark.parametrize(
    "headers",
    [
        [("user_session", "s" * 1_000_000)],
        [("cookie", "s" * 70_000)],
        [(f"x-{number}", "v") for number in range(150)],
    ],
    ids=["a login state of 1 MB", "a cookie of 70 KB", "150 headers"],
)
def test_too_much_header_is_431(edge: Edge, headers: list[tuple[str, str]]) -> None:
    assert edge.ask("/mall/orders/7", headers).refusal == (431, 4000, MALFORMED)
    assert not edge.backend.received


def test_a_login_state_of_1_mb_in_the_query_is_431(edge: Edge) -> None:
    assert edge.ask("/mini/query?token=" + "s" * 1_000_000).refusal == (431, 4000, MALFORMED)


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /mall/static/a HTTP/1.1\r\nHost: h\r\nbad header: x\r\n\r\n",
        b"GET /mall/static/a HTTP/1.1\r\nHost: h\r\nx-menshen-openid : x\r\n\r\n",
        b"GET /mall/static/a HTTP/1.1\r\nHost: h\r\nx: a\x00b\r\n\r\n",
        b"G\xffT /mall/static/a HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /mall/static/a b HTTP/1.1\r\nHost: h\r\n\r\n",
    ],
)
def test_what_is_no_http_is_400(edge: Edge, raw: bytes) -> None:
    assert edge.send(raw).refusal == (400, 4000, MALFORMED)
    assert not edge.backend.received


@pytest.mark.parametrize("version", ["1.0", "0.9", "9.9"])
def test_another_http_version_is_asked_to_upgrade(edge: Edge, version: str) -> None:
    assert edge.send(f"GET /mall/static/a HTTP/{version}\r\nHost: h\r\n\r\n".encode()).refusal == (426, 4000, MALFORMED)


def test_the_request_id_of_a_refusal_is_ours(edge: Edge) -> None:
    got = edge.ask("/nowhere", [("X-Request-Id", 'forged", "x": "')])
    assert len(got.json["request_id"]) == 36


def test_a_backend_that_ends_in_the_middle_is_unavailable(edge: Edge) -> None:
    edge.backend.answer = lambda _: Reply(0)
    assert edge.ask("/mall/orders/7", STATE).refusal == UNAVAILABLE
    assert len(edge.backend.received) == 1, "a request that may have been done must not be done again"


def test_a_backend_that_talks_nonsense_is_unavailable(edge: Edge) -> None:
    edge.backend.answer = lambda _: Reply(raw=b"\x00\x01 nonsense\r\n\r\n")
    assert edge.ask("/mall/orders/7", STATE).refusal == UNAVAILABLE


@pytest.fixture(scope="module")
def broken() -> Iterator[Edge]:
    """Upstreams that are gone, sick, or slow."""
    nobody = Endpoint("127.0.0.1", free_port())
    apis = ("gone", "sick", "nameless", "slow")
    with edge_of() as edge:
        backend = Endpoint("127.0.0.1", edge.backend.port)
        upstreams = (
            Upstream("orders", (backend,)),
            Upstream("gone", (nobody,)),
            Upstream("sick", (nobody,), health_check=HealthCheck("/healthz", 0.2, 0.2, 1, 1)),
            Upstream("nameless", (Endpoint("no-such-name.invalid", 80),), connect_timeout=0.2),
            Upstream("slow", (backend,), timeout=3.0),
        )
        routes = [route("faults", api, f"/{api}", BY_HEADER, prefix="/faults", upstream=api) for api in apis]
        edge.run(edge.data_plane.apply(edge.sample(upstreams=upstreams, routes=(*sample_routes(), *routes))))
        yield edge


@pytest.mark.parametrize("api", ["gone", "sick", "nameless"])
def test_no_backend_is_503(broken: Edge, api: str) -> None:
    broken.reset()
    assert broken.ask(f"/faults/{api}", STATE).refusal == UNAVAILABLE


def test_a_slow_backend_is_504_and_asked_once(broken: Edge) -> None:
    broken.reset()
    broken.backend.answer = lambda _: Reply(delay=30)
    assert broken.ask("/faults/slow", STATE).refusal == TIMEOUT
    assert len(broken.backend.received) == 1


def test_a_backend_is_tried_again_only_where_nothing_was_sent(broken: Edge) -> None:
    """A payment must not be sent twice; a refused connection has sent nothing."""
    both = Upstream("orders", (Endpoint("127.0.0.1", free_port()), Endpoint("127.0.0.1", broken.backend.port)))
    broken.run(broken.data_plane.apply(broken.sample(upstreams=(both,))))
    broken.reset()
    for _ in range(20):
        assert broken.ask("/mall/orders/7", STATE).status == 200
    assert len(broken.backend.received) == 20


def test_the_admin_interface_is_behind_no_route_and_not_for_others(edge: Edge) -> None:
    assert edge.addresses.admin.stat().st_mode & 0o077 == 0
    assert edge.addresses.admin.parent.stat().st_mode & 0o777 == 0o700
    for target in ("/stats", "/config_dump", "/quitquitquit", "/ready"):
        assert edge.ask(target, host="www.example.org.evil").status == 404
