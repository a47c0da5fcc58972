"""Menshen's word without Menshen: a verify address that says what a test tells it to, as the real one would."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from menshen.gateway.answer import Answer
from menshen.gateway.forward_auth import told
from menshen.web.verify import VERIFY_PATHS
from tests.serving import served

__all__ = ["Replayed", "replayed"]


class Replayed(ThreadingHTTPServer):
    """``says`` makes an answer from the client's target and the request's id, which the proxy tells."""

    says: Callable[[str, str], Answer]
    daemon_threads = True

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Question(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Replayed

    def do_GET(self) -> None:
        said = self.server.says(self.headers["x-menshen-uri"], self.headers["x-request-id"])
        answer = told(said, VERIFY_PATHS[self.path])
        self.send_response_only(answer.status)
        for name, value in (*answer.headers, (b"content-length", b"%d" % len(answer.body))):
            self.send_header(name.decode(), value.decode())
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def replayed() -> Iterator[Replayed]:
    with served(Replayed(("127.0.0.1", 0), _Question)) as server:
        yield server
