"""The OpenTelemetry SDK, set up to send to one collector. Imported late: only who has a collector pays for it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from menshen.node.span_losses import SpanLosses

__all__ = ["sending"]

_SEND_EVERY_MS: Final = 1000
_TIMEOUT: Final = 3.0
_QUEUE: Final = 4096


def sending(otlp: str, service: str) -> tuple[TracerProvider, SpanLosses]:
    """Whose spans go to this collector, and what is told of those that do not arrive."""
    # Its lines would come with every batch, and may quote what OTEL_EXPORTER_OTLP_HEADERS says.
    own = logging.getLogger("opentelemetry")
    own.propagate = False
    own.handlers = [logging.NullHandler()]
    losses = SpanLosses(_QUEUE)
    resource = Resource({"service.name": f"{service}-brain"})
    provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(_Queue(_Exporter(f"{otlp}/v1/traces", losses), losses))
    return provider, losses


class _Queue(BatchSpanProcessor):
    def __init__(self, exporter: SpanExporter, losses: SpanLosses) -> None:
        super().__init__(exporter, max_queue_size=_QUEUE, schedule_delay_millis=_SEND_EVERY_MS)
        self._losses = losses

    def on_end(self, span: ReadableSpan) -> None:
        self._losses.handed_in()
        super().on_end(span)


class _Exporter(SpanExporter):
    def __init__(self, url: str, losses: SpanLosses) -> None:
        self._session = _Session()
        self._exporter: SpanExporter = OTLPSpanExporter(url, timeout=_TIMEOUT, session=self._session)
        self._losses = losses

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._session.outcome = "not encoded"
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self._losses.sent(len(spans))
        else:
            self._losses.refused(len(spans), self._session.outcome)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class _Session(requests.Session):
    """``outcome`` is how the last request came out, which the exporter's result does not say."""

    outcome = ""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False  # a proxy from the environment is nobody's to tell of who uses the shop

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            response = super().request(*args, **kwargs)
        except Exception as error:
            self.outcome = _kind(error)
            raise
        self.outcome = f"HTTP {response.status_code}"
        return response


def _kind(error: Exception) -> str:
    """Classes alone, with that of the cause where ``requests`` hides one: ``ConnectionError (NameResolutionError)``."""
    cause = getattr(error.args[0] if error.args else None, "reason", None)
    return type(error).__name__ + (f" ({type(cause).__name__})" if isinstance(cause, Exception) else "")
