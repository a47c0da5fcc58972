"""A collector of spans, as Jaeger is one: OTLP over HTTP in protobuf, and what it was sent."""

from __future__ import annotations

import contextlib
import gzip
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.serving import served

__all__ = ["Collector", "SpanSeen", "collecting"]


@dataclass(frozen=True)
class SpanSeen:
    """A span as it came. ``parent`` is "" for the first of a trace that began here."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, object]
    error: bool
    text: str = field(repr=False)
    """All of it, to be searched for what must not be there."""


class Collector(ThreadingHTTPServer):
    """Serves on a loopback port. ``raw`` has the bodies as they came; with another status it takes nothing."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[SpanSeen] = []
        self.raw: list[bytes] = []
        self.status: tuple[int, str] = (200, "OK")

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def wait(self, enough: Callable[[list[SpanSeen]], bool], limit: float = 90.0) -> list[SpanSeen]:
        """All spans so far, once they are enough."""
        deadline = time.monotonic() + limit
        while not enough(self.spans):
            assert time.monotonic() < deadline, self.spans
            time.sleep(0.05)
        return list(self.spans)

    def of_trace(self, trace: str, *names: str) -> dict[str, SpanSeen]:
        """The spans of a trace by name, once these are there."""

        def enough(spans: list[SpanSeen]) -> bool:
            return set(names) <= {span.name for span in spans if span.trace == trace}

        return {span.name: span for span in self.wait(enough) if span.trace == trace}

    def take(self, body: bytes) -> None:
        self.raw.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            about = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    attributes = {
                        each.key: getattr(each.value, each.value.WhichOneof("value") or "string_value")
                        for each in span.attributes
                    }
                    self.spans.append(
                        SpanSeen(
                            service=about["service.name"],
                            name=span.name,
                            trace=span.trace_id.hex(),
                            id=span.span_id.hex(),
                            parent=span.parent_span_id.hex(),
                            attributes=attributes,
                            error=span.status.code == 2,
                            text=str(span),
                        )
                    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Collector

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        assert self.headers["content-type"] == "application/x-protobuf"
        body = self._body()
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        status, phrase = self.server.status
        if status == 200:
            self.server.take(body)
        self.send_response(status, phrase)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers["content-length"]))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size + 2)[:-2]
        self.rfile.readline()
        return body

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    with served(Collector()) as server:
        yield server
