"""Spans of a worker, sent to the collector by OTLP over HTTP.

A trace begins at Envoy, which has decided whether it is recorded; the worker adds its part to those that are. Sending
is a thread's work. A collector that is slow or dead costs spans: the queue is bounded, and a request never waits for
it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final

from menshen.config.snapshot import TracingRules
from menshen.node.span_losses import SpanLosses
from menshen.spans import NO_SPANS, Fact, Span

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import SpanKind, Tracer

__all__ = ["SpanExport"]

log = logging.getLogger("menshen.spans")

_SAMPLED = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f][13579bdf]")
_LAST_SECONDS: Final = 2.0
"""What is left when a worker ends has so long to be sent."""


class SpanExport:
    """The spans of this process: none until :meth:`follow` is told of a collector."""

    def __init__(self) -> None:
        self._rules: tuple[str, str] | None = None
        self._sending: tuple[TracerProvider, SpanLosses] | None = None
        self._tracer: Tracer | None = None
        self._ending: list[tuple[threading.Thread, SpanLosses]] = []

    @property
    def on(self) -> bool:
        return self._tracer is not None

    async def follow(self, rules: TracingRules | None) -> None:
        """Send to this collector from now on. What waits for the one before is still sent there, in the background."""
        wanted = (rules.otlp, rules.service) if rules is not None and rules.otlp else None
        if wanted == self._rules:
            return
        self._end()
        self._rules = wanted
        if wanted is not None:
            try:
                # The SDK takes a while to import, during which others ask.
                self._sending = await asyncio.to_thread(_sending, *wanted)
                self._tracer = self._sending[0].get_tracer("menshen")
            except Exception:
                # The SDK reads the environment too, where nobody has checked anything. A worker decides without spans.
                log.exception("spans_not_started")

    async def close(self) -> None:
        """Send what waits, for two seconds at most."""
        self._end()
        for thread, _ in self._ending[-1:]:
            await asyncio.to_thread(thread.join, _LAST_SECONDS)
        # Here and not only in the threads: the process does not wait for them any longer.
        for _, losses in self._ending:
            losses.end()

    def of(self, parent: bytes, name: str) -> AbstractContextManager[Span]:
        tracer, found = self._tracer, _SAMPLED.fullmatch(parent)
        trace_id, span_id = (int(found[1], 16), int(found[2], 16)) if found is not None else (0, 0)
        if tracer is None or not trace_id or not span_id:
            return NO_SPANS.of(parent, name)
        return _continued(tracer, trace_id, span_id, name)

    def within(self, name: str) -> AbstractContextManager[Span]:
        if self._tracer is None:
            return NO_SPANS.within(name)
        return _inner(self._tracer, name)

    def _end(self) -> None:
        sending, self._sending, self._tracer, self._rules = self._sending, None, None, None
        if sending is None:
            return
        # A thread of our own, and a daemon: it may wait for a dead collector longer than the process may live.
        thread = threading.Thread(target=_send_last, args=sending, name="last-spans", daemon=True)
        thread.start()
        self._ending = [*(each for each in self._ending if each[0].is_alive()), (thread, sending[1])]


class _Recorded:
    """A span of the SDK's as whoever works sees it."""

    def __init__(self, span: OtelSpan) -> None:
        self._span = span

    def note(self, name: str, value: Fact) -> None:
        self._span.set_attribute(name, value)

    def failed(self) -> None:
        from opentelemetry.trace import StatusCode

        self._span.set_status(StatusCode.ERROR)


def _sending(otlp: str, service: str) -> tuple[TracerProvider, SpanLosses]:
    from menshen.node.span_sending import sending

    return sending(otlp, service)


def _send_last(provider: TracerProvider, losses: SpanLosses) -> None:
    provider.shutdown()
    losses.end()


@contextlib.contextmanager
def _continued(tracer: Tracer, trace_id: int, span_id: int, name: str) -> Iterator[Span]:
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context

    remote = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    parent = set_span_in_context(NonRecordingSpan(remote), Context())
    with _running(tracer, name, SpanKind.SERVER, parent) as span:
        yield span


@contextlib.contextmanager
def _inner(tracer: Tracer, name: str) -> Iterator[Span]:
    from opentelemetry.trace import SpanKind, get_current_span

    if not get_current_span().is_recording():
        with NO_SPANS.within(name) as nothing:
            yield nothing
        return
    with _running(tracer, name, SpanKind.INTERNAL, None) as span:
        yield span


@contextlib.contextmanager
def _running(tracer: Tracer, name: str, kind: SpanKind, parent: Context | None) -> Iterator[Span]:
    """Exceptions are not recorded: their texts may hold what a client sent."""
    with tracer.start_as_current_span(
        name, context=parent, kind=kind, record_exception=False, set_status_on_exception=False
    ) as span:
        yield _Recorded(span)
