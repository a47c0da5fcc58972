"""Endpoints that answer and endpoints that do not, with and without TLS."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from menshen.doctor.upstreams import CHECK
from tests.doctor.installed import install, looked_at, troubles
from tests.envoy.certificates import self_signed
from tests.ports import free_port
from tests.serving import served


class _Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """The port of a backend that speaks TLS as orders.internal, and its authority."""
    chain, key = self_signed(tmp_path, "orders.internal")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    server = HTTPServer(("127.0.0.1", 0), _Healthy)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with served(server):
        yield server.server_port, chain


def found(directory: Path, upstream: str) -> list[str]:
    return troubles(CHECK, install(directory, f"version: 1\nupstreams: [{{name: orders, {upstream}}}]\n"), "orders")


def test_all_is_well(directory: Path, backend: str) -> None:
    assert found(directory, f'endpoints: ["{backend}"], health_check: {{path: /}}') == []


def test_some_and_all_are_down(directory: Path, backend: str) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    assert found(directory, f'endpoints: ["{backend}", "{nobody}"]') == ["upstream_partly_down"]
    canary = f'endpoints: ["{backend}"], versions: [{{name: canary, endpoints: ["{nobody}"]}}]'
    assert found(directory, canary) == ["upstream_partly_down"]
    assert found(directory, f'endpoints: ["{nobody}"]') == ["upstream_down"]


def test_a_name_that_is_none_is_told_in_both_languages(directory: Path) -> None:
    where = install(directory, 'version: 1\nupstreams: [{name: orders, endpoints: ["nobody.invalid:80"]}]\n')
    (finding,) = looked_at(CHECK, where, "orders")
    assert "nobody.invalid:80 is not a name that can be found" in finding.found.en
    assert "nobody.invalid:80 域名无法解析" in finding.found.zh


def test_tls(directory: Path, secured: tuple[int, Path], tmp_path: Path) -> None:
    port, authority = secured
    stranger, _ = self_signed(tmp_path, "Some CA", "ca")
    endpoints = f'endpoints: ["127.0.0.1:{port}"]'
    good = f"tls: {{server_name: orders.internal, ca: {authority}}}"
    assert found(directory, f"{endpoints}, {good}, health_check: {{path: /healthz}}") == []
    assert found(directory, f"{endpoints}, {good}, health_check: {{path: /other}}") == ["upstream_down"]
    for tls in (
        f"tls: {{server_name: pay.internal, ca: {authority}}}",
        f"tls: {{server_name: orders.internal, ca: {stranger}}}",
        f"tls: {{server_name: orders.internal, ca: {tmp_path / 'nowhere.pem'}}}",
    ):
        assert found(directory, f"{endpoints}, {tls}") == ["upstream_down"]
