"""Menshen's own commands as child processes, and a client that sends exactly what a test says."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

REPOSITORY = Path(__file__).parents[2]
READY_WITHIN = 180.0

LATE = 15.0
"""Seconds that a machine which has other things to do as well may add to what the gateway promises."""


@dataclass
class Running:
    """A command that printed its ``ready`` line. ``words`` are the words after ``ready``."""

    process: subprocess.Popen[bytes]
    words: list[str]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def origin(self) -> str:
        return self.words[0]


@contextlib.contextmanager
def command(arguments: Sequence[str], log: Path, env: dict[str, str] | None = None) -> Iterator[Running]:
    """Run ``python ARGUMENTS`` until the block ends; its stderr goes to ``log``."""
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.PIPE,
            bufsize=0,  # a line that waits in a buffer is none that select() sees
            stderr=errors,
            cwd=REPOSITORY,
            env={**os.environ, **(env or {})},
        )
    try:
        yield Running(process, _ready(process, log), log)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
        if process.stdout:
            process.stdout.close()


def says_something(output: IO[bytes], seconds: float) -> bool:
    """Whether there is something to read, or the end, so soon. By a selector: ``select()`` ends at file 1023."""
    with selectors.DefaultSelector() as waiting:
        waiting.register(output, selectors.EVENT_READ)
        return bool(waiting.select(seconds))


def _ready(process: subprocess.Popen[bytes], log: Path) -> list[str]:
    assert process.stdout
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        if says_something(process.stdout, 0.1):
            line = process.stdout.readline().decode()
            if line.startswith("ready "):
                return line.split()[1:]
            if not line:
                break
    process.kill()
    raise AssertionError(f"not ready: {log.read_text()}")


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def refusal(self) -> tuple[int, int, str]:
        """(HTTP status, code, reason) of an error, with its whole contract checked."""
        body = self.json
        assert set(body) == {"code", "reason", "message", "action", "request_id"}, body
        assert self.headers["x-menshen-code"] == str(body["code"])
        assert self.headers["content-type"].startswith("application/json")
        assert body["action"] in ("login", "retry", "none")
        assert body["message"]
        return self.status, body["code"], body["reason"]

    @property
    def seen(self) -> dict[str, str]:
        """The headers that the backend received, by lower-case name; a repeated one fails the test."""
        headers: dict[str, str] = {}
        for name, value in self.json["headers"]:
            assert name.lower() not in headers, f"{name} twice"
            headers[name.lower()] = value
        return headers

    @property
    def identity(self) -> dict[str, str]:
        return {name: value for name, value in self.seen.items() if name.startswith(("x-menshen-", "x-wx-"))}


class Client:
    """Plain HTTP/1.1, no cleverness: the path and the headers go out as they are given, in order, repeated or not."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.host, self.port = urlsplit(origin).hostname or "", urlsplit(origin).port or 80

    def __call__(
        self,
        path: str,
        *headers: tuple[str, str],
        method: str = "GET",
        body: bytes | None = None,
        host: str | None = None,
        timeout: float = 60.0,
    ) -> Reply:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            connection._validate_path = lambda _url: None  # type: ignore[attr-defined]  # malformed paths are the point
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", host or f"{self.host}:{self.port}")
            for name, value in headers:
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            received: dict[str, str] = {}
            for name, value in response.getheaders():
                key = name.lower()
                received[key] = f"{received[key]}, {value}" if key in received else value
            return Reply(response.status, received, response.read())
        finally:
            connection.close()

    def post_json(self, path: str, document: Any, *headers: tuple[str, str]) -> Reply:
        return self.send_json("POST", path, document, *headers)

    def put_json(self, path: str, document: Any, *headers: tuple[str, str]) -> Reply:
        return self.send_json("PUT", path, document, *headers)

    def send_json(self, method: str, path: str, document: Any, *headers: tuple[str, str]) -> Reply:
        body = json.dumps(document).encode()
        return self(path, ("Content-Type", "application/json"), *headers, method=method, body=body)
