"""The JWK Set comes from the gateway's address and from nowhere else, and a bad server costs a few seconds at most."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from menshen.backend import Keys, KeysUnavailable, from_url
from tests.backend.issuer import Ring
from tests.serving import served

Answer = Callable[[BaseHTTPRequestHandler], None]


@contextlib.contextmanager
def server(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as serving:
        yield f"http://127.0.0.1:{serving.server_address[1]}/.well-known/jwks.json"


def says(body: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def test_keys_come_over_http() -> None:
    ring = Ring()
    with server(says(ring.published())) as url:
        assert Keys(url).key(ring.keys[0].kid) is not None


@pytest.mark.parametrize("status", [204, 301, 302, 307, 308, 401, 404, 500, 503])
def test_another_status_is_a_failure_and_no_redirect_is_followed(status: int) -> None:
    followed = []

    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        followed.append(handler.path)
        says(Ring().published())(handler)

    with server(elsewhere) as other, server(says(b"", status, Location=other)) as url:
        with pytest.raises(KeysUnavailable, match=f"HTTP {status}"):
            from_url(url)()
        assert followed == []


def test_a_document_without_end_is_cut_off() -> None:
    with server(says(b" " * 200_000)) as url, pytest.raises(KeysUnavailable, match="too long"):
        from_url(url)()


def test_a_server_that_drips_is_given_up() -> None:
    over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not over.wait(0.02):
            handler.wfile.write(b" ")

    with server(drip) as url:
        try:
            with pytest.raises(KeysUnavailable, match="slowly"):
                from_url(url, timeout=5)()
        finally:
            over.set()


def test_a_server_that_says_nothing_is_given_up() -> None:
    over = threading.Event()

    def nothing(_: BaseHTTPRequestHandler) -> None:
        over.wait(60)

    with server(nothing) as url:
        try:
            with pytest.raises(KeysUnavailable, match="TimeoutError"):
                from_url(url, timeout=0.2)()
        finally:
            over.set()


def test_nobody_there_is_a_failure() -> None:
    with pytest.raises(KeysUnavailable):
        from_url("http://127.0.0.1:9/.well-known/jwks.json")()


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with server(says(b"{}")) as url:
        assert from_url(url)() == b"{}"


@pytest.mark.parametrize(
    "url",
    [
        "http://gate.example.com/.well-known/jwks.json",
        "http://10.0.0.5:8081/.well-known/jwks.json",
        "http://127.0.0.1.example.com/",
        "http://localhost.example.com/",
    ],
)
def test_keys_in_the_clear_from_another_machine_need_the_operators_word(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Keys(url)
    assert from_url(url, plain_http=True)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8081/j", "http://[::1]:8081/j", "http://localhost/j", "https://a.example/j"]
)
def test_https_and_this_machine_need_no_word(url: str) -> None:
    assert from_url(url)


def test_only_http_is_spoken(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_bytes(Ring().published())
    for url in (
        file.as_uri(),
        "ftp://127.0.0.1/jwks.json",
        "data:,{}",
        "jwks.json",
        "",
        "https://",
        "https://u:p@a.example/",
    ):
        with pytest.raises(ValueError, match="JWK Set"):
            from_url(url, plain_http=True)
