"""Through a real Envoy that is set up otherwise: behind a proxy, out of memory, spoken to in HTTP/2."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator

import pytest

from menshen.config.snapshot import Listener
from menshen.envoy import bootstrap
from tests.envoy.edge import Edge, edge_of
from tests.envoy.h2_backend import H2Backend

STATE = [("user_session", "s")]


@pytest.fixture(scope="module")
def proxied() -> Iterator[Edge]:
    with edge_of(listener=Listener(trusted_hops=1)) as edge:
        yield edge


def test_behind_one_proxy_the_proxys_word_is_kept_and_the_clients_is_not(proxied: Edge) -> None:
    proxied.reset()
    headers = [("X-Forwarded-For", "6.6.6.6, 9.9.9.9"), ("X-Forwarded-Proto", "https"), ("x_forwarded_for", "6.6.6.6")]
    proxied.ask("/mall/static/a", [*headers, ("X-Forwarded-Host", "evil"), ("X-Forwarded-Prefix", "/evil")])
    (chain,) = proxied.forwarded.all("x-forwarded-for")
    assert chain.replace(" ", "").split(",")[:2] == ["6.6.6.6", "9.9.9.9"]
    assert proxied.forwarded.all("x-forwarded-proto") == ["https"]
    assert "evil" not in repr(proxied.forwarded)
    assert not proxied.forwarded.all("x_forwarded_for")


def test_out_of_memory_requests_are_refused_as_overload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "_MAX_HEAP", 1 << 20)
    with edge_of() as edge:
        deadline = time.monotonic() + 90
        while (got := edge.ask("/mall/static/a")).status == 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert got.refusal == (503, 5012, "overloaded")


def literal(name: str, value: str) -> bytes:
    """One header field of HPACK: never indexed, not compressed."""
    return b"\x10" + b"".join(bytes([len(part)]) + part for part in (name.encode(), value.encode()))


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def http2(edge: Edge, fields: list[tuple[str, str]], trailers: list[tuple[str, str]] | None = None) -> bytes:
    """Send one request with prior knowledge of HTTP/2; what came back until its stream or the connection ended."""
    pseudo = [(":method", "POST" if trailers else "GET"), (":scheme", "http"), (":path", "/mall/orders/7")]
    names = [name for name, _ in fields]
    head = b"".join(literal(n, v) for n, v in [*(p for p in pseudo if p[0] not in names), *fields])
    sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 0x4 if trailers else 0x5, 1, head)
    if trailers:
        sent += frame(0, 0, 1, b"body") + frame(1, 0x5, 1, b"".join(literal(n, v) for n, v in trailers))
    with socket.create_connection(("127.0.0.1", edge.port), timeout=20) as client:
        client.sendall(sent)
        received = b""
        while not ended(received) and (chunk := client.recv(65536)):
            received += chunk
        return received


def ended(received: bytes) -> bool:
    """RST_STREAM or GOAWAY, or END_STREAM on HEADERS or DATA."""
    while len(received) >= 9:
        size, kind, flags = int.from_bytes(received[:3]), received[3], received[4]
        if kind in (3, 7) or (kind in (0, 1) and flags & 1):
            return True
        received = received[9 + size :]
    return False


AUTHORITY = (":authority", "h")


def test_http_2_is_stripped_and_asked_as_well(edge: Edge) -> None:
    http2(edge, [AUTHORITY, ("x-menshen-openid", "forged"), ("x_menshen_user", "forged"), ("user_session", "s")])
    assert edge.asked.one("user_session") == "s"
    assert edge.forwarded.one("x-menshen-openid") == "o-real"
    assert "forged" not in repr(edge.forwarded)


def test_trailers_carry_no_identity() -> None:
    """To a backend of HTTP/2, the only one that gets any."""
    forged = [("x-menshen-openid", "forged"), ("x_wx_openid", "forged"), ("x-own", "kept")]
    with H2Backend() as backend, edge_of(upstreams=(backend.upstream("orders"),)) as edge:
        http2(edge, [AUTHORITY, *STATE, ("te", "trailers")], forged)
        headers, trailers = backend.received()
        assert "forged" not in repr(headers)
        assert trailers == [("x-own", "kept")]


@pytest.mark.parametrize(
    "fields",
    [
        [AUTHORITY, ("X-Menshen-Openid", "forged")],
        [AUTHORITY, ("connection", "close")],
        [AUTHORITY, ("transfer-encoding", "chunked")],
        [AUTHORITY, (":path", "/mall/static/a"), (":path", "/mall/orders/7")],
        [AUTHORITY, ("x: y\r\nx-menshen-openid", "forged")],
        [AUTHORITY, ("a", "b\r\nx-menshen-openid: forged")],
        [AUTHORITY, ("a", "b\x00")],
    ],
)
def test_malformed_http_2_is_refused(edge: Edge, fields: list[tuple[str, str]]) -> None:
    http2(edge, fields)
    assert not edge.backend.received


def test_the_authority_decides_and_not_a_host_header_beside_it(edge: Edge) -> None:
    http2(edge, [(":authority", "h"), ("host", "www.example.com"), (":path", "/any")])
    assert not edge.backend.received
