"""Traces at Envoy: whose they are, what is in a span, and which a TraceID is linked with."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from menshen.config.route_rules import ClientTag, CorsRules, Parameter
from menshen.config.snapshot import TracingRules
from tests.collector import Collector, collecting
from tests.envoy.edge import Edge, deny, edge_of, running
from tests.envoy.fakes import Reply
from tests.envoy.samples import BY_HEADER, route

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ORDER = ClientTag("order", Parameter("path", "/orders/{id}"), trace_id=True)
CITY = ClientTag("city", Parameter("query", "city"))
ROUTES = (
    route("mall", "order", "/orders/{id}", BY_HEADER, tags=(ORDER, CITY)),
    route("mall", "open", "/open/{id}", None, tags=(ClientTag("order", Parameter("query", "order"), trace_id=True),)),
    route("mall", "plain", "/plain", None),
)


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as server:
        yield server


@pytest.fixture(scope="module")
def edge(collector: Collector) -> Iterator[Edge]:
    with edge_of(routes=ROUTES, tracing=TracingRules(otlp=collector.origin)) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(edge: Edge) -> None:
    edge.reset()


def handed_on(edge: Edge) -> tuple[str, str, str]:
    """Trace, span and flag of the traceparent that the backend got."""
    (parent,) = edge.forwarded.all("traceparent")
    version, trace, span, flags = parent.split("-")
    assert version == "00"
    return trace, span, flags


def links(edge: Edge, enough: int = 1) -> list[dict[str, Any]]:
    """The lines of the trace log, once there are enough. Nobody made a pipe of it here, so it is a file."""
    deadline = time.monotonic() + 90
    path: Path = edge.addresses.traces
    while True:
        lines = path.read_text().splitlines() if path.exists() else []
        if len(lines) >= enough:
            return [json.loads(line) for line in lines]
        assert time.monotonic() < deadline, lines
        time.sleep(0.05)


def until_linked(edge: Edge, last: str) -> list[str]:
    """The values in the trace log, once this one is the last. Envoy writes lines in order and now and then."""
    deadline = time.monotonic() + 90
    while (values := [link["value"] for link in links(edge)])[-1] != last:
        assert time.monotonic() < deadline, values
        time.sleep(0.05)
    return values


W3C = [("traceparent", f"00-{TRACE}-{SPAN}-01")]
ACCEPTED: dict[str, tuple[list[tuple[str, str]], str]] = {
    "w3c": (W3C, TRACE),
    "w3c, not sampled": ([("traceparent", f"00-{TRACE}-{SPAN}-00")], TRACE),
    "w3c before b3": ([*W3C, ("b3", f"{'a' * 32}-{SPAN}-1")], TRACE),
    "b3": ([("b3", f"{TRACE}-{SPAN}-1")], TRACE),
    "b3 without a state": ([("b3", f"{TRACE}-{SPAN}")], TRACE),
    "b3 with a parent": ([("b3", f"{TRACE}-{SPAN}-d-{SPAN}")], TRACE),
    "b3 of 64 bits": ([("b3", f"{SPAN}-{SPAN}-0")], f"{'0' * 16}{SPAN}"),
    "b3 in several": ([("X-B3-TraceId", TRACE), ("X-B3-SpanId", SPAN), ("X-B3-Sampled", "1")], TRACE),
    "b3 in several of 64 bits": ([("X-B3-TraceId", SPAN), ("X-B3-SpanId", SPAN)], f"{'0' * 16}{SPAN}"),
}


@pytest.mark.parametrize("how", ACCEPTED)
def test_a_callers_trace_is_continued(edge: Edge, collector: Collector, how: str) -> None:
    headers, trace = ACCEPTED[how]
    answer = edge.ask("/mall/plain", headers)
    assert answer.all("x-menshen-trace-id") == [trace]
    assert handed_on(edge)[0] == trace
    own = handed_on(edge)[1]
    spans = collector.wait(lambda spans: any(span.id == own for span in spans))
    (span,) = [span for span in spans if span.id == own]
    assert (span.trace, span.parent, span.name, span.service) == (trace, SPAN, "mall/plain", "menshen")
    left = {name for name, _ in edge.forwarded.headers if "b3" in name or "trace" in name}
    assert left == {"traceparent", "tracestate"}
    assert edge.forwarded.one("tracestate") == ""


REFUSED: dict[str, list[tuple[str, str]]] = {
    "nothing": [],
    "junk": [("traceparent", "junk")],
    "no trace": [("traceparent", f"00-{'0' * 32}-{SPAN}-01")],
    "no span": [("traceparent", f"00-{TRACE}-{'0' * 16}-01")],
    "another version": [("traceparent", f"cc-{TRACE}-{SPAN}-01")],
    "capitals": [("traceparent", f"00-{TRACE.upper()}-{SPAN}-01")],
    "something behind": [("traceparent", f"00-{TRACE}-{SPAN}-01-x")],
    "hyphens elsewhere": [("traceparent", f"00-{TRACE[:31]}-{SPAN}a-01")],
    "two": [*W3C, *W3C],
    "a bad one hides b3": [("traceparent", "junk"), ("b3", f"{TRACE}-{SPAN}-1")],
    "b3 of a state alone": [("b3", "1")],
    "b3 with something behind": [("b3", f"{TRACE}-{SPAN}-1x")],
    "b3 of no trace": [("b3", f"{'0' * 32}-{SPAN}-1")],
    "b3 of no span": [("b3", f"{SPAN}-{'0' * 16}-1")],
    "b3 without a span": [("X-B3-TraceId", TRACE)],
    "b3 twice": [("X-B3-TraceId", TRACE), ("X-B3-TraceId", TRACE), ("X-B3-SpanId", SPAN)],
    "b3 spelt otherwise": [("X_B3_TraceId", TRACE), ("X_B3_SpanId", SPAN)],
    "our own headers": [("X-Menshen-Trace-Found", f"00-{TRACE}-{SPAN}-01"), ("X-Menshen-Trace-Read", "x")],
    "others": [("uber-trace-id", f"{TRACE}:{SPAN}:0:1"), ("x-client-trace-id", TRACE), ("sw8", "1-x"), ("sw8-x", "y")],
    "opentracing": [("ot-tracer-traceid", TRACE[16:]), ("ot-tracer-spanid", SPAN), ("ot_tracer_sampled", "true")],
    "elastic": [("elastic-apm-traceparent", f"00-{TRACE}-{SPAN}-01"), ("grpc-trace-bin", "AAAB")],
    "baggage beside a trace": [("uberctx-menshen.trace", "x"), ("ot-baggage-trace", "x"), ("baggage-trace", "x")],
}


@pytest.mark.parametrize("how", REFUSED)
def test_class_48_what_is_no_trace_begins_one_and_goes_no_further(edge: Edge, how: str) -> None:
    answer = edge.ask("/mall/plain", REFUSED[how])
    assert answer.status == 200
    (told,) = answer.all("x-menshen-trace-id")
    assert told == handed_on(edge)[0]
    assert told not in (TRACE, f"{'0' * 16}{SPAN}")
    assert len(told) == 32
    assert set(told) <= set("0123456789abcdef")
    assert set(told) != {"0"}
    names = {name for name, _ in edge.forwarded.headers}
    assert {name for name in names if any(word in name for word in ("trace", "b3", "sw8"))} == {
        "traceparent",
        "tracestate",
    }


def test_the_order_number_and_the_trace_are_linked_and_both_are_told(edge: Edge, collector: Collector) -> None:
    answer = edge.ask(
        "/mall/orders/A%E5%8F%B7-7?city=%E6%9D%AD%E5%B7%9E&code=canary-code", [("user_session", "canary")]
    )
    (trace,) = answer.all("x-menshen-trace-id")
    assert answer.all("x-menshen-trace-value") == ["A%E5%8F%B7-7"]
    link = links(edge)[-1]
    assert link == {
        "at": link["at"],
        "value": "A%E5%8F%B7-7",
        "tag": "order",
        "trace_id": trace,
        "route": "mall/order",
        "status": 200,
        "request_id": edge.forwarded.one("x-request-id"),
    }
    assert abs(int(link["at"]) - time.time()) < 120
    span = collector.of_trace(trace, "mall/order")["mall/order"]
    told = span.attributes
    assert told["menshen.trace_value"] == told["menshen.tag.order"] == "A%E5%8F%B7-7"
    assert told["menshen.tag.city"] == "%E6%9D%AD%E5%B7%9E"
    assert told["http.route"] == "mall/order"
    assert told["http.status_code"] == "200"
    assert told["peer.address"] == told["user_agent"] == "-"
    assert told["http.url"] == "-"
    assert "canary" not in span.text
    assert not [name for name in told if name.startswith("grpc")]


GRPC = [("content-type", "application/grpc"), ("grpc-timeout", "1S"), ("te", "trailers"), ("user-agent", "canary")]


def test_class_53_a_client_cannot_put_texts_of_its_own_into_spans(edge: Edge, collector: Collector) -> None:
    asked = (
        edge.ask("/mall/plain?token=canary", GRPC, host="canary.example.com"),
        edge.ask("/mall/plain?token=canary", host="canary.example.com"),
        edge.ask("/canary?token=canary", GRPC, host="canary." * 8000),
        edge.ask("/canary", [("content-type", "application/grpc+canary"), ("referer", "canary")], method="PATCH"),
    )
    for answer in asked:
        (trace,) = answer.all("x-menshen-trace-id")
        spans = collector.wait(lambda spans, trace=trace: any(span.trace == trace for span in spans))
        for span in spans:
            if span.trace == trace:
                assert "canary" not in span.text
                assert len(span.text) < 8000


def test_the_span_of_a_preflight_says_that_it_is_one(collector: Collector) -> None:
    pages = CorsRules("pages", ("https://shop.example.com",), ("GET",), (), (), credentials=False, max_age=600)
    with edge_of(routes=(replace(ROUTES[0], cors=pages),), tracing=TracingRules(otlp=collector.origin)) as running:
        asks = [("origin", "https://shop.example.com"), ("access-control-request-method", "GET")]
        (trace,) = running.ask("/mall/orders/1", asks, method="OPTIONS").all("x-menshen-trace-id")
        span = collector.of_trace(trace, "!preflight/mall/order")["!preflight/mall/order"]
        assert span.attributes["http.route"] == "!preflight/mall/order"
        assert not running.addresses.traces.exists() or not running.addresses.traces.read_text()


def test_the_brain_is_asked_within_the_trace(edge: Edge) -> None:
    edge.ask("/mall/orders/1", [("user_session", "s"), *W3C])
    (parent,) = edge.asked.all("traceparent")
    assert parent.split("-")[1] == TRACE
    assert parent.endswith("-01")


def test_class_53_a_backend_cannot_tell_another_trace(edge: Edge) -> None:
    forged = (("x-menshen-trace-id", "f" * 32), ("x-menshen-trace-value", "forged"))
    edge.backend.answer = lambda _: Reply(200, forged)
    answer = edge.ask("/mall/plain")
    assert answer.all("x-menshen-trace-id") == [handed_on(edge)[0]]
    assert answer.all("x-menshen-trace-value") == []


def test_refusals_have_a_trace_as_well_and_are_linked_with_nothing(edge: Edge) -> None:
    edge.brain.answer = lambda _: deny(401)
    refused = edge.ask("/mall/orders/refused-1")
    assert (refused.status, len(refused.all("x-menshen-trace-id"))) == (401, 1)
    assert refused.all("x-menshen-trace-value") == []
    nowhere = edge.ask("/nowhere")
    assert (nowhere.status, len(nowhere.all("x-menshen-trace-id")[0])) == (404, 32)
    edge.brain.answer = lambda _: Reply(200)
    edge.ask("/mall/orders/after-it", [("user_session", "s")])
    assert "refused-1" not in until_linked(edge, "after-it")


LONG = "a" * 129
CLIENT_TEXTS: dict[str, tuple[str, str | None]] = {
    "a line of its own": ('x%0a{"value":"forged"}', None),
    "quotes": ('x",%20"status":%20"y', "x%22%2C%20%22status%22:%20%22y"),
    "too long": (LONG, None),
    "as long as may be": (LONG[1:], LONG[1:]),
    "an escape": ("%1b[31m", None),
    "half a letter": ("%e5%8f", None),
}


@pytest.mark.parametrize("how", CLIENT_TEXTS)
def test_class_53_a_trace_id_is_bounded_text_on_one_line(edge: Edge, how: str) -> None:
    sent, kept = CLIENT_TEXTS[how]
    number = list(CLIENT_TEXTS).index(how)
    edge.ask(f"/mall/open/1?order=before-{number}")
    before = len(until_linked(edge, f"before-{number}"))
    answer = edge.ask(f"/mall/open/1?order={sent}")
    assert answer.status == 200
    assert answer.all("x-menshen-trace-value") == ([] if kept is None else [kept])
    edge.ask(f"/mall/open/1?order=next-{number}")
    found = until_linked(edge, f"next-{number}")[before:-1]
    assert found == ([] if kept is None else [kept])


def shares(rules: TracingRules, headers: list[tuple[str, str]], count: int, path: str = "/mall/plain") -> int:
    """Of so many requests, how many are to be recorded."""
    with edge_of(routes=ROUTES, tracing=rules) as running:
        flags = []
        for _ in range(count):
            running.reset()
            running.ask(path, headers)
            flags.append(handed_on(running)[2])
        assert set(flags) <= {"00", "01"}
        return flags.count("01")


@pytest.mark.parametrize(
    "headers", [[], W3C, [("traceparent", f"00-{TRACE}-{SPAN}-00")], [("b3", f"{TRACE}-{SPAN}-d")]]
)
def test_class_53_no_client_chooses_what_is_recorded(collector: Collector, headers: list[tuple[str, str]]) -> None:
    """Fair coins: 200 of them are outside 60 to 140 once in a hundred million runs."""
    assert 60 <= shares(TracingRules(collector.origin, sample=50.0), headers, 200) <= 140
    tagged = "/mall/open/1?order=x"
    assert 60 <= shares(TracingRules(collector.origin, sample=50.0), headers, 200, tagged) <= 140
    assert shares(TracingRules(collector.origin, sample=0.0), headers, 5) == 0
    assert shares(TracingRules(collector.origin, sample=0.0), headers, 5, tagged) == 0
    assert shares(TracingRules(), [*headers, ("x-client-trace-id", "x"), ("x-envoy-force-trace", "1")], 5) == 0


def ids(rules: TracingRules | None, ask: Callable[[Edge], Any]) -> tuple[Any, list[str]]:
    with edge_of(routes=ROUTES[2:], tracing=rules) as running:
        return ask(running), running.forwarded.all("traceparent")


def test_where_no_trace_is_accepted_every_request_begins_one() -> None:
    answer, (handed,) = ids(TracingRules(accept=False), lambda edge: edge.ask("/mall/plain", [*W3C, ("b3", "1")]))
    assert answer.all("x-menshen-trace-id") == [handed.split("-")[1]] != [TRACE]


def test_without_tracing_no_trace_of_a_caller_passes() -> None:
    answer, handed = ids(None, lambda edge: edge.ask("/mall/plain", W3C))
    assert (answer.all("x-menshen-trace-id"), handed) == ([], [])


def test_class_53_nobody_waits_for_who_reads_the_links() -> None:
    """The pipe is full and nobody reads: requests are answered, and what was said of them comes when somebody does."""
    with tempfile.TemporaryDirectory() as directory, running() as loop:
        edge = Edge(loop, Path(directory) / "envoy")
        (Path(directory) / "envoy").mkdir(mode=0o700)
        path = Path(directory) / "envoy" / "traces.pipe"
        os.mkfifo(path)
        pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(pipe, b"x" * 4096)
        try:
            edge.run(edge.start(routes=ROUTES[1:], tracing=TracingRules()))
            began = time.monotonic()
            for number in range(50):
                assert edge.ask(f"/mall/open/1?order=n{number}").status == 200
            time.sleep(1.5)  # Envoy's thread that writes has begun to wait
            assert edge.ask("/mall/open/1?order=last").status == 200
            assert time.monotonic() - began < 60
            read, deadline = b"", time.monotonic() + 90
            while b'"last"' not in read:
                with contextlib.suppress(BlockingIOError):
                    read += os.read(pipe, 65_536)
                assert time.monotonic() < deadline
            assert read.count(b'"tag":"order"') == 51
        finally:
            edge.run(edge.stop())
            os.close(pipe)


def test_a_collector_that_is_dead_delays_nobody() -> None:
    with edge_of(routes=ROUTES, tracing=TracingRules(otlp="http://127.0.0.1:9")) as running:
        began = time.monotonic()
        for _ in range(20):
            assert running.ask("/mall/plain").status == 200
        assert time.monotonic() - began < 60
        deadline = time.monotonic() + 90
        while not running.log:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(2)  # spans have been given up more than once
        assert running.ask("/mall/plain").status == 200
        time.sleep(2)
        (line,) = running.log
        assert "OTLP" in line
