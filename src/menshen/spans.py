"""Spans, as far as whoever does the work needs to know of them: what is going on, within which trace, and how it ended.

Nobody here knows how spans are kept or sent; without a collector there is :data:`NO_SPANS`, which does nothing. A span
never holds a credential, a path, or anything that tells of a person: names of routes, apps and platforms, reasons and
numbers are all that is noted.
"""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from typing import Final, Protocol

__all__ = ["NO_SPANS", "Fact", "Span", "Spans"]

Fact = str | int | bool


class Span(Protocol):
    """A piece of work with a beginning and an end."""

    def note(self, name: str, value: Fact, /) -> None: ...

    def failed(self) -> None:
        """It ended in an error that somebody should look at."""
        ...


class Spans(Protocol):
    """Begins spans. ``on`` is whether any can come of it: a hot path asks that and nothing else."""

    @property
    def on(self) -> bool: ...

    def of(self, parent: bytes, name: str, /) -> AbstractContextManager[Span]:
        """Work for a request that carries this ``traceparent``; no span where that is malformed or not sampled."""
        ...

    def within(self, name: str, /) -> AbstractContextManager[Span]:
        """A part of the work that the current task is in; no span where there is none."""
        ...


class _NoSpan:
    def note(self, _name: str, _value: Fact, /) -> None:
        pass

    def failed(self) -> None:
        pass


class _NoSpans:
    on: Final = False

    def of(self, _parent: bytes, _name: str, /) -> AbstractContextManager[Span]:
        return contextlib.nullcontext(_NO_SPAN)

    def within(self, _name: str, /) -> AbstractContextManager[Span]:
        return contextlib.nullcontext(_NO_SPAN)


_NO_SPAN: Final[Span] = _NoSpan()
NO_SPANS: Final[Spans] = _NoSpans()
