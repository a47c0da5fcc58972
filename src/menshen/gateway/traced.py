"""What spans say of decisions, and of calls to platforms."""

from __future__ import annotations

from dataclasses import dataclass

from menshen.config.snapshot import App
from menshen.errors import Refusal
from menshen.figures.counting import Counts
from menshen.gateway.answer import Answer
from menshen.gateway.proofs import CodeExchange
from menshen.platforms.base import PlatformIdentity
from menshen.spans import Span, Spans

__all__ = ["TracedExchange", "note_answer", "note_refusal"]


@dataclass(frozen=True, slots=True)
class TracedExchange:
    """A code exchange with a span of its own, counted. What is sent is in neither: it has a secret and a code."""

    exchange: CodeExchange
    spans: Spans
    counts: Counts

    async def code2session(self, app: App, code: str) -> PlatformIdentity:
        with self.spans.within(f"code2session {app.platform}") as span:
            span.note("menshen.app", app.name)
            span.note("menshen.platform", app.platform)
            try:
                with self.counts.calling(app.platform, app.name):
                    return await self.exchange.code2session(app, code)
            except Refusal as refusal:
                note_refusal(span, refusal)
                raise


def note_refusal(span: Span, refusal: Refusal) -> None:
    """The reason, and the platform's number for it. The detail stays in the log: it is text of others."""
    span.note("menshen.reason", refusal.reason)
    if refusal.platform_errcode is not None:
        span.note("menshen.platform_errcode", refusal.platform_errcode)
    if refusal.who != "client":
        span.failed()


def note_answer(span: Span, answer: Answer) -> None:
    """How a decision came out: ``menshen.outcome`` is pass, answer or refuse."""
    if answer.passes or answer.status < 300:
        span.note("menshen.outcome", "pass" if answer.passes else "answer")
        return
    span.note("menshen.outcome", "refuse")
    span.note("menshen.status", answer.status)
    if answer.reason:
        span.note("menshen.reason", answer.reason)
    if answer.status >= 500:
        span.failed()
