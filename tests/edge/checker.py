"""A team's checker of tokens on loopback: keeps what it was asked, answers as a test says."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.serving import served

__all__ = ["GOOD", "Asked", "Checker", "checking"]

GOOD = "planted-token.good~1"


@dataclass(frozen=True)
class Asked:
    """Header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Raw = Callable[[Any], None]
"""Writes a whole answer to a socket file."""


@dataclass
class Checker:
    """``verdict`` makes the JSON of an answer from a token; ``raw`` is done instead."""

    origin: str = ""
    asked: list[Asked] = field(default_factory=list)
    verdict: Callable[[str], Any] = lambda token: {"result": token == GOOD, "payload": "u-1"}
    raw: Raw | None = None

    @contextlib.contextmanager
    def answering(self, *, verdict: Callable[[str], Any] | None = None, raw: Raw | None = None) -> Iterator[None]:
        before = self.verdict, self.raw
        self.verdict, self.raw = verdict or self.verdict, raw
        try:
            yield
        finally:
            self.verdict, self.raw = before

    @property
    def only(self) -> Asked:
        """The one question since the last look."""
        [asked] = self.asked
        self.asked.clear()
        return asked


@contextlib.contextmanager
def checking() -> Iterator[Checker]:
    checker = Checker()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            checker.asked.append(Asked(self.command, self.path, headers, body))
            if checker.raw is not None:
                self.close_connection = True
                with contextlib.suppress(OSError):
                    checker.raw(self.wfile)
                return
            token = json.loads(body)["token"] if body else _token(self.path, headers)
            content = json.dumps(checker.verdict(token)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128  # of the five that are usual, a busy minute drops some for a second

    server = Server(("127.0.0.1", 0), Handler)
    checker.origin = f"http://127.0.0.1:{server.server_address[1]}"
    with served(server):
        yield checker


def _token(target: str, headers: dict[str, str]) -> str:
    query = target.partition("?")[2]
    if query:
        return query.partition("=")[2]
    return headers.get("x-token") or headers.get("authorization", "").removeprefix("Bearer ")
