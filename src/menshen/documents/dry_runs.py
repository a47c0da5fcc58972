"""Dry runs on the configuration: on the revision that is active, and on a change of it that nobody has stored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from menshen.config.loading import Loaded
from menshen.documents.configuration import ANY, Configuration
from menshen.documents.editing import Edit
from menshen.documents.way import FindWay, Question
from menshen.documents.way_json import Said, said_of
from menshen.documents.way_words import lines_of

__all__ = ["DryRun", "DryRuns"]


@dataclass(frozen=True, slots=True)
class DryRun:
    """What came of a question. ``revision`` is the active one; ``draft``: it was asked with changes.

    ``words`` and ``words_zh`` are the lines of ``menshen route``.
    """

    revision: int
    draft: bool
    said: Said
    words: tuple[str, ...]
    words_zh: tuple[str, ...]


class DryRuns:
    """``find_way`` is Envoy's; it runs beside the loop, for a large document takes it a while."""

    def __init__(self, configuration: Configuration, find_way: FindWay) -> None:
        self._configuration = configuration
        self._find_way = find_way

    async def on_active(self, question: Question) -> DryRun:
        """Raises ``ConfigInvalid`` where the active revision does not hold any more."""
        number, loaded = await self._configuration.active_document()
        return await self._asked(question, number, loaded, draft=False)

    async def on_draft(self, question: Question, edit: Edit, *, etag: str = ANY, references: bool = False) -> DryRun:
        """Raises as :meth:`Configuration.change` does."""
        number, loaded = await self._configuration.draft(edit, etag=etag, references=references)
        return await self._asked(question, number, loaded, draft=True)

    async def _asked(self, question: Question, number: int, loaded: Loaded, *, draft: bool) -> DryRun:
        found = await asyncio.to_thread(self._find_way, loaded, question)
        # Whoever may read the configuration reads ${NAME} in it, and not what the node's environment holds.
        hidden = self._configuration.without_environment(loaded)
        said = msgspec.convert(_mapped(msgspec.to_builtins(said_of(question, found)), hidden), Said)
        return DryRun(
            number,
            draft,
            said,
            tuple(map(hidden, lines_of(question, found, chinese=False))),
            tuple(map(hidden, lines_of(question, found, chinese=True))),
        )


def _mapped(value: Any, fn: Callable[[str], str]) -> Any:
    """Every text but keys and the tag of the type, which are ours."""
    if isinstance(value, dict):
        return {
            key: item if key in ("goes", "access", "by", "op", "relation") else _mapped(item, fn)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_mapped(item, fn) for item in value]
    return fn(value) if isinstance(value, str) else value
