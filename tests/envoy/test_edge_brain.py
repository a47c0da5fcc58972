"""Through a real Envoy: what the brain answers, or fails to answer (attack class 45)."""

from __future__ import annotations

import json
import socket
import time

import pytest

from menshen.gateway.wire import BODY_LIMIT, WIRE_STATUSES, to_wire
from tests.envoy.edge import Edge, deny
from tests.envoy.fakes import Received, Reply

STATE = [("user_session", "s")]
UNCHECKED = (503, 5004, "brain_unavailable")


def test_an_allowed_request_reaches_the_backend_and_brings_the_new_state_back(edge: Edge) -> None:
    got = edge.ask("/mall/orders/7", STATE)
    assert got.status == 200
    assert got.body == b"backend"
    assert got.all("user_session") == ["fresh-state"]
    assert got.all("set-cookie") == ["sid=fresh"]
    assert not got.all("x-not-listed")


@pytest.mark.parametrize("status", [400, 401, 403, 413, 429, *WIRE_STATUSES])
def test_a_denial_passes_untouched(edge: Edge, status: int) -> None:
    said = {"code": 4242, "reason": "said_by_the_brain", "extra": [1, {"a": "%REQ(X)%"}]}
    edge.brain.answer = lambda _: deny(
        status, said, ("retry-after", "9"), ("user_session", "s2"), ("x-menshen-user", "u")
    )
    got = edge.ask("/mall/orders/7", STATE)
    assert got.status == WIRE_STATUSES.get(status, status)
    assert got.json == said
    assert got.all("content-type") == ["application/json"]
    assert got.all("x-menshen-code") == ["4001"]
    assert got.all("retry-after") == ["9"]
    assert got.all("user_session") == ["s2"]
    assert not got.all("x-menshen-user")
    assert not edge.backend.received


@pytest.mark.parametrize("status", [200, 500, 502, 503, 504, 505])
def test_every_status_that_envoy_would_misread_has_a_private_one(status: int) -> None:
    assert to_wire(status) in WIRE_STATUSES


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, body=b"oops"),
        Reply(503, (("content-type", "application/json"), ("x-menshen-code", "1")), b'{"code": 1}'),
        Reply(0),
        Reply(raw=b"SSH-2.0-OpenSSH_9.2\r\n"),
        Reply(raw=b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
        Reply(headers=(("content-length", "10"),), body=b"half"),
        Reply(headers=(("x-menshen-openid", "a\x00b"),)),
        Reply(headers=(("x-filler", "y"),) * 20_000),
    ],
    ids=["500", "503", "closes", "not HTTP", "HTTP/1", "half a body", "NUL in identity", "endless headers"],
)
def test_a_brain_that_fails_lets_nothing_through(edge: Edge, reply: Reply) -> None:
    edge.brain.answer = lambda _: reply
    assert edge.ask("/mall/orders/7", STATE).refusal == UNCHECKED
    assert not edge.backend.received


@pytest.mark.parametrize("status", [201, 202, 204, 302, 404])
def test_only_200_lets_through(edge: Edge, status: int) -> None:
    edge.brain.answer = lambda _: Reply(status, (("location", "/"), ("x-menshen-openid", "o")))
    assert edge.ask("/mall/orders/7", STATE).status == status
    assert not edge.backend.received


def test_a_brain_that_hangs_is_given_up(edge: Edge) -> None:
    edge.brain.answer = lambda _: Reply(delay=120)
    started = time.monotonic()
    assert edge.ask("/mall/orders/7", STATE).refusal == UNCHECKED
    assert 8 < time.monotonic() - started < 50, "7 s for the platform, 1 s for hooks before the login and after it"
    assert not edge.backend.received


def test_a_code_in_the_body_is_shown_to_the_brain(edge: Edge) -> None:
    body = json.dumps({"code": "0a1b"}).encode()
    edge.ask("/mini/form", [("content-type", "application/json")], method="POST", body=body)
    assert edge.asked.body == body
    assert edge.asked.one("content-type") == "application/json"
    assert edge.asked.one("x-envoy-auth-partial-body") == "false"
    assert edge.forwarded.body == body


@pytest.mark.parametrize("size", [BODY_LIMIT, BODY_LIMIT + 1, 300_000])
def test_of_a_large_body_the_brain_gets_the_start_and_the_backend_all(edge: Edge, size: int) -> None:
    body = b"x" * size
    assert edge.ask("/mini/form", [("x-envoy-auth-partial-body", "false")], method="POST", body=body).status == 200
    assert len(edge.asked.body) == min(size, BODY_LIMIT + 1)
    assert edge.asked.one("x-envoy-auth-partial-body") == ("true" if size > BODY_LIMIT + 1 else "false")
    assert edge.forwarded.body == body


def test_elsewhere_the_body_stays_away_from_the_brain(edge: Edge) -> None:
    edge.ask("/mall/orders/7", STATE, method="POST", body=b"private" * 100)
    assert edge.asked.body == b""
    assert edge.asked.one("content-length") == "0"
    assert edge.forwarded.body == b"private" * 100


def test_a_secret_is_shown_to_the_brain_so_that_it_can_refuse(edge: Edge) -> None:
    edge.ask("/mall/orders/7", [*STATE, ("Secret", "a"), ("appsecret", "b")])
    assert edge.asked.one("secret") == "a"
    assert edge.asked.one("appsecret") == "b"


UPGRADE = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Key", "x"),
    ("Sec-WebSocket-Version", "13"),
]


def test_a_websocket_upgrade_is_asked_and_then_carries_both_ways(edge: Edge) -> None:
    got = edge.ask("/mall/ws", [*STATE, *UPGRADE, ("x-menshen-openid", "forged")])
    assert got.status == 101
    assert edge.asked.one("user_session") == "s"
    assert edge.forwarded.one("x-menshen-openid") == "o-real"
    assert edge.forwarded.one("user_session") is None


def test_a_websocket_upgrade_can_be_denied(edge: Edge) -> None:
    edge.brain.answer = lambda _: deny(401)
    assert edge.ask("/mall/ws", UPGRADE).status == 401
    assert not edge.backend.received


def test_other_upgrades_are_not_carried(edge: Edge) -> None:
    got = edge.ask(
        "/mall/static/a",
        [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABk")],
    )
    assert got.status in (200, 400, 403)
    assert not any(request.all("upgrade") for request in edge.backend.received)


def test_expecting_to_continue_does_not_skip_the_question(edge: Edge) -> None:
    edge.brain.answer = lambda _: deny(401)
    got = edge.ask("/mall/orders/7", [*STATE, ("Expect", "100-continue")], method="POST", body=b"x")
    assert got.status in (401, 100)
    assert not edge.backend.received


def test_grpc_is_asked_like_anything_else(edge: Edge) -> None:
    edge.brain.answer = lambda _: deny(401)
    edge.ask("/mall/orders/7", [("content-type", "application/grpc"), ("te", "trailers")], method="POST")
    assert not edge.backend.received


SMUGGLED = "GET /mall/admin/users HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: +5\r\n",
        "X: y\r\n Transfer-Encoding: chunked\r\n",
    ],
)
def test_no_request_hides_in_another(edge: Edge, head: str) -> None:
    """Request smuggling: whatever Envoy takes a message to be, the backend gets one request that was matched."""
    raw = f"POST /mall/static/a HTTP/1.1\r\nHost: h\r\n{head}\r\n0\r\n\r\n{SMUGGLED}".encode()
    with socket.create_connection(("127.0.0.1", edge.port), timeout=20) as client:
        client.sendall(raw)
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass
    assert all(request.target == "/mall/static/a" or _was_asked(edge, request) for request in edge.backend.received)


@pytest.mark.parametrize("path", ["/mall/static/a", "/mall/orders/7"])
def test_no_tunnel_of_http2_is_asked_of_a_backend(edge: Edge, path: str) -> None:
    """In one a client would say every path and header by itself: behind a backend's 101 nobody looks any more."""
    tunnel = Reply(101, (("connection", "upgrade"), ("upgrade", "h2c")))
    edge.backend.answer = lambda asked: tunnel if asked.one("upgrade") else Reply()
    head = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nuser_session: s\r\n"
    with socket.create_connection(("127.0.0.1", edge.port), timeout=20) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: h\r\n{head}\r\n".encode())
        assert client.recv(65536).split()[1] in (b"200", b"400", b"403")
    assert all(request.one("upgrade") is None for request in edge.backend.received)


def _was_asked(edge: Edge, request: Received) -> bool:
    return request.one("x-menshen-openid") == "o-real" and bool(edge.brain.received)
