"""Spans of a worker: part of Envoy's trace, with nothing in them that was not noted, and nobody waits for them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

import pytest

from menshen.config.snapshot import App, TracingRules
from menshen.errors import CodeInvalid, PlatformBusy, TokenMissing
from menshen.figures.counting import Counts
from menshen.gateway.answer import Answer, answer_redirect, answer_refusal
from menshen.gateway.traced import TracedExchange, note_answer
from menshen.node import span_export
from menshen.node.span_export import SpanExport
from menshen.node.span_losses import SpanLosses
from menshen.platforms.base import PlatformIdentity
from menshen.secret import Secret
from menshen.spans import NO_SPANS
from tests.collector import Collector, collecting

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01".encode()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as server:
        yield server


def exporting(otlp: str, work: Callable[[SpanExport], Awaitable[None]]) -> None:
    async def main() -> None:
        spans = SpanExport()
        await spans.follow(TracingRules(otlp, service="edge"))
        try:
            await work(spans)
        finally:
            await spans.close()

    asyncio.run(main())


def test_work_in_work_is_a_span_in_a_span(collector: Collector) -> None:
    async def work(spans: SpanExport) -> None:
        with spans.of(PARENT, "outer") as outer, spans.within("inner"):
            outer.note("menshen.route", "mall/order")

            async def elsewhere() -> None:
                with spans.within("in a task") as span:
                    span.failed()

            await asyncio.create_task(elsewhere())

    exporting(collector.origin, work)
    spans = collector.of_trace(TRACE, "outer", "inner", "in a task")
    outer, inner, task = spans["outer"], spans["inner"], spans["in a task"]
    assert (outer.parent, inner.parent, task.parent) == (SPAN, outer.id, inner.id)
    assert outer.attributes == {"menshen.route": "mall/order"}
    assert (outer.service, outer.error, task.error) == ("edge-brain", False, True)


@pytest.mark.parametrize(
    "parent",
    [
        b"",
        PARENT[:-1] + b"0",
        PARENT + b"x",
        PARENT.upper(),
        b"01" + PARENT[2:],
        b"00-" + b"0" * 32 + PARENT[35:],
        PARENT[:36] + b"0" * 16 + b"-01",
        b"\xff" * 55,
    ],
)
def test_what_is_not_sampled_or_no_trace_makes_no_span(collector: Collector, parent: bytes) -> None:
    async def work(spans: SpanExport) -> None:
        with spans.of(parent, "outer") as outer, spans.within("inner") as inner:
            outer.note("a", 1)
            inner.failed()
        with spans.within("alone"):
            pass

    exporting(collector.origin, work)
    assert collector.spans == []


def test_an_exception_passes_and_leaves_no_text(collector: Collector) -> None:
    async def work(spans: SpanExport) -> None:
        with pytest.raises(ValueError, match="canary"), spans.of(PARENT, "outer"):
            raise ValueError("canary")

    exporting(collector.origin, work)
    assert "canary" not in collector.of_trace(TRACE, "outer")["outer"].text


def test_it_follows_the_document(collector: Collector) -> None:
    async def work(spans: SpanExport) -> None:
        rules = TracingRules(collector.origin, service="edge")
        await spans.follow(replace(rules, sample=1.0))  # Envoy's to know
        with spans.of(PARENT, "first"):
            pass
        with collecting() as other:
            await spans.follow(replace(rules, otlp=other.origin))
            with spans.of(PARENT, "second"):
                pass
            await spans.follow(TracingRules())
            assert not spans.on
            with spans.of(PARENT, "none"):
                pass
            other.of_trace(TRACE, "second")
            assert {span.name for span in other.spans} == {"second"}
        await spans.follow(None)

    exporting(collector.origin, work)
    assert set(collector.of_trace(TRACE, "first")) == {"first"}


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def lost(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    """How many spans the log says are lost, and why, each time it says so. Nobody sends any longer."""
    for thread in threading.enumerate():
        if thread.name == "last-spans":
            assert thread.daemon
            thread.join(60)
            assert not thread.is_alive()
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]
    ours = [record for record in caplog.records if record.name.startswith("menshen")]
    assert {record.message for record in ours} == {"spans_not_sent"}
    return [(record.__dict__["spans"], record.__dict__["why"]) for record in ours]


@pytest.mark.parametrize("kind", ["closed", "silent"])
def test_class_53_a_dead_collector_costs_spans_and_no_time(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def work(spans: SpanExport) -> None:
        began = time.monotonic()
        for _ in range(10_000):  # more than the queue holds
            with spans.of(PARENT, "outer"):
                pass
        assert time.monotonic() - began < 60
        began = time.monotonic()
        await spans.close()
        assert time.monotonic() - began < 20

    with silent() as origin:
        exporting(origin if kind == "silent" else "http://127.0.0.1:9", work)
        told = lost(caplog)
    assert len(told) <= 2, "once a minute, and at the end"
    assert sum(spans for spans, _ in told) == 10_000
    assert {why for _, why in told} <= {"ConnectionError (NewConnectionError)", "ReadTimeout", "too slow"}


def test_a_refusal_is_told_by_its_number_and_quotes_nothing(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20canary")
    monkeypatch.setattr(span_export, "_LAST_SECONDS", 20.0)
    collector.status = (401, "No canary here")

    async def work(spans: SpanExport) -> None:
        for _ in range(2):
            with spans.of(PARENT, "outer"):
                pass

    exporting(collector.origin, work)
    assert lost(caplog) == [(2, "HTTP 401")]


def test_what_cannot_be_sent_is_told_by_its_class(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """``requests`` quotes a header that it does not send."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%0Acanary")
    monkeypatch.setattr(span_export, "_LAST_SECONDS", 20.0)

    async def work(spans: SpanExport) -> None:
        with spans.of(PARENT, "outer"):
            pass

    exporting(collector.origin, work)
    assert lost(caplog) == [(1, "InvalidHeader")]


def test_the_end_is_told_whatever_was_told_before(caplog: pytest.LogCaptureFixture) -> None:
    losses = SpanLosses(10)
    for _ in range(25):
        losses.handed_in()
    losses.sent(5)
    losses.refused(5, "HTTP 503")
    losses.refused(2, "HTTP 502")
    losses.end()
    losses.end()
    losses.refused(3, "HTTP 502")
    assert lost(caplog) == [(10, "too slow"), (10, "HTTP 502")]


def test_nothing_is_told_of_spans_that_arrive(caplog: pytest.LogCaptureFixture) -> None:
    losses = SpanLosses(10)
    losses.handed_in()
    losses.sent(1)
    losses.end()
    assert not [record for record in caplog.records if record.name.startswith("menshen")]


def test_a_proxy_of_the_environment_is_not_asked(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    async def work(spans: SpanExport) -> None:
        with spans.of(PARENT, "outer"):
            pass

    exporting(collector.origin, work)
    collector.of_trace(TRACE, "outer")


def test_a_bad_word_in_the_environment_costs_spans_and_no_worker(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1000000")  # more than the queue holds

    async def work(spans: SpanExport) -> None:
        assert not spans.on
        with spans.of(PARENT, "outer"), spans.within("inner"):
            pass

    exporting(collector.origin, work)
    assert [record.message for record in caplog.records] == ["spans_not_started"]


def test_who_has_no_collector_does_not_load_the_sdk() -> None:
    code = "import sys, menshen.node.worker; sys.exit('opentelemetry' in str(list(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], env={**os.environ}, check=False).returncode == 0


class Platform:
    """Answers as it is told."""

    def __init__(self, answer: PlatformIdentity | Exception) -> None:
        self.answer = answer

    async def code2session(self, app: App, code: str) -> PlatformIdentity:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


APP = App("shop", "wechat", "wx1", Secret("canary-secret"))
FOUND = PlatformIdentity("canary-openid", "canary-unionid", Secret("canary-key"))


@pytest.mark.parametrize(
    ("answer", "told", "error"),
    [
        (FOUND, {}, False),
        (CodeInvalid("canary", platform_errcode=40029), {"menshen.platform_errcode": 40029}, False),
        (PlatformBusy("canary", platform_errcode=-1), {"menshen.platform_errcode": -1}, True),
    ],
)
def test_an_exchange_says_how_it_went_and_nothing_else(
    collector: Collector, answer: PlatformIdentity | Exception, told: dict[str, object], error: bool
) -> None:
    async def work(spans: SpanExport) -> None:
        exchange = TracedExchange(Platform(answer), spans, Counts())
        with spans.of(PARENT, "outer"):
            if isinstance(answer, Exception):
                with pytest.raises(type(answer)) as raised:
                    await exchange.code2session(APP, "canary-code")
                assert raised.value is answer
            else:
                assert await exchange.code2session(APP, "canary-code") == answer
        silent = TracedExchange(Platform(answer), NO_SPANS, Counts())
        assert isinstance(answer, Exception) or await silent.code2session(APP, "c")

    exporting(collector.origin, work)
    span = collector.of_trace(TRACE, "code2session wechat")["code2session wechat"]
    reason = {"menshen.reason": answer.reason} if isinstance(answer, CodeInvalid | PlatformBusy) else {}
    assert span.attributes == {"menshen.app": "shop", "menshen.platform": "wechat", **told, **reason}
    assert span.error == error
    assert "canary" not in span.text


@pytest.mark.parametrize(
    ("answer", "told", "error"),
    [
        (Answer(True, 200, []), {"menshen.outcome": "pass"}, False),
        (Answer(False, 200, []), {"menshen.outcome": "answer"}, False),
        (
            answer_refusal(CodeInvalid("canary"), "r1"),
            {"menshen.outcome": "refuse", "menshen.reason": "code_invalid", "menshen.status": 401},
            False,
        ),
        (
            answer_redirect(TokenMissing(), "r1", "/login"),
            {"menshen.outcome": "refuse", "menshen.reason": "token_missing", "menshen.status": 302},
            False,
        ),
        (
            Answer(False, 403, [], b'{"reason": "of a backend"}'),
            {"menshen.outcome": "refuse", "menshen.status": 403},
            False,
        ),
        (Answer(False, 503, [], b"\xff"), {"menshen.outcome": "refuse", "menshen.status": 503}, True),
    ],
)
def test_a_decision_says_how_it_came_out(
    collector: Collector, answer: Answer, told: dict[str, object], error: bool
) -> None:
    async def work(spans: SpanExport) -> None:
        with spans.of(PARENT, "decide") as span:
            note_answer(span, answer)

    exporting(collector.origin, work)
    span = collector.of_trace(TRACE, "decide")["decide"]
    assert (span.attributes, span.error) == (told, error)
