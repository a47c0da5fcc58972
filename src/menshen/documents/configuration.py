"""The document as operators change it, part by part: nobody undoes unseen what another has just done.

A change begins with an ETag, which names the revision that the editor saw. It is stored only if that revision is still
the active one, which the database decides, for nodes share it; so is the row of the audit log, with the change or not
at all.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from menshen.config.loading import Loaded
from menshen.config.wording import render_path
from menshen.config.yamltext import MAX_BYTES, MAX_DEPTH
from menshen.documents.changes import Change
from menshen.documents.documents import EMPTY, Documents, as_written, unified
from menshen.documents.editing import Edit, Edited
from menshen.documents.lending import new_references
from menshen.documents.masking import keep_secrets, mask, mask_all
from menshen.documents.parts import Json
from menshen.errors import ChildFailed, ConfigInvalid, EditInvalid, Problem, RevisionMoved
from menshen.storage.revisions import Revision, RevisionHead

__all__ = ["ANY", "Activate", "Changed", "Compared", "Configuration", "Shown", "etag_of"]

ANY: Final = "*"
"""In the place of an ETag: whichever revision is active."""

Activate = Callable[[int], Awaitable[None]]
"""Runs a revision on this node. Raises ``ChildFailed`` where Envoy refuses it; the one before then runs on."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A revision as it may be shown. ``revision`` is 0 before the first one."""

    revision: int
    etag: str
    document: Mapping[str, Any] = field(repr=False)
    head: RevisionHead | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of a change. ``changes`` is empty where it changes nothing: then there is no new revision.

    ``refused`` is why Envoy does not run it, else "": the revision that ran before, ``revision``, runs on.
    """

    revision: int
    etag: str
    changes: tuple[Change, ...] = ()
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """Two revisions; 0 is the empty document. ``unified`` is a diff of the YAML."""

    revision: int
    against: int
    changes: tuple[Change, ...]
    unified: str


def etag_of(revision: Revision | None) -> str:
    """Strong, without its quotes: the number, and a digest of what is stored, which has no secret to try out."""
    number, text = (0, "") if revision is None else (revision.id, revision.document)
    return f"{number}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


class Configuration:
    """``activate`` runs a revision on this node; None where none runs here.

    ``references`` of a change: whether its author may write ``${NAME}`` references that were not there before.
    """

    def __init__(self, documents: Documents, activate: Activate | None = None) -> None:
        self._documents = documents
        self._revisions = documents.revisions
        self._activate = activate

    async def current(self) -> Shown:
        active = await self._revisions.active()
        return _shown(active) if active else Shown(0, etag_of(None), EMPTY)

    async def active_id(self) -> int | None:
        """The number of the active revision; None before the first one."""
        return await self._revisions.active_id()

    async def revision(self, number: int) -> Shown:
        """Raises ``RevisionUnknown``."""
        return _shown(await self._revisions.get(number))

    async def page(self, *, limit: int, below: int | None = None) -> Sequence[RevisionHead]:
        """The revisions, newest first; ``below`` is the number that the page before ended with."""
        return await self._revisions.page(limit=limit, below=below)

    async def compare(self, number: int, against: int | None = None) -> Compared:
        """What a revision says otherwise than ``against``: the one before it, or another, 0 for the empty document.

        Raises ``RevisionUnknown``.
        """
        new = await self._revisions.get(number)
        if against is None:
            old = await self._revisions.last(below=number)
        else:
            old = await self._revisions.get(against) if against else None
        # Lines are compared beside the loop: of two large documents that takes a while.
        lines = await asyncio.to_thread(unified, old, new)
        return Compared(number, old.id if old else 0, self._documents.changes(old, new), lines)

    async def check(self, edit: Edit, *, references: bool = True, etag: str = ANY) -> Changed:
        """What a change would come to, without storing it. Raises as :meth:`change` does."""
        active, _, loaded = await self._edited(etag, edit, references)
        return Changed(active.id if active else 0, etag_of(active), self._documents.changes(active, loaded.raw))

    async def change(
        self, etag: str, edit: Edit, *, author: str, comment: str = "", references: bool = True
    ) -> Changed:
        """Change the document and run it here.

        Raises ``RevisionMoved`` where the ETag is not that of the active revision, ``EditInvalid`` with every problem,
        ``PartUnknown`` and ``NameTaken``: nothing is stored then.
        """
        active, before, loaded = await self._edited(etag, edit, references)
        if active is not None and loaded.raw == before:
            return Changed(active.id, etag_of(active))
        changes = self._documents.changes(active, loaded.raw)
        expected = active.id if active else 0
        number = await self._documents.store(loaded, active, author=author, comment=comment, expected=expected)
        return await self._run(number, loaded, changes)

    async def draft(self, edit: Edit, *, etag: str = ANY, references: bool = True) -> tuple[int, Loaded]:
        """The active revision's number, and what a change would make of it, without storing it.

        Raises as :meth:`change` does.
        """
        active, _, loaded = await self._edited(etag, edit, references)
        return (active.id if active else 0), loaded

    async def active_document(self) -> tuple[int, Loaded]:
        """The active revision's number and its document, 0 and the empty one before the first.

        Raises ``ConfigInvalid`` where it does not hold any more.
        """
        active = await self._revisions.active()
        return (active.id, self._documents.load(active)) if active else (0, self._documents.check(EMPTY))

    def without_environment(self, loaded: Loaded) -> Callable[[str], str]:
        """As the documents have it, for texts that no secret can be in: their variables are not looked for."""
        return self._documents.without_environment(mask_all(loaded.raw))

    async def rollback(self, number: int, *, author: str, comment: str = "", etag: str = ANY) -> Changed:
        """Make an older revision the active one and run it here.

        Raises ``RevisionUnknown``, ``RevisionMoved``, or ``ConfigInvalid`` where it does not hold any more.
        """
        active = await self._expected(etag)
        wanted = await self._revisions.get(number)
        if active is not None and active.id == number:
            return Changed(number, etag_of(active))
        expected = active.id if active else 0
        loaded = await self._documents.rollback(number, author=author, comment=comment, expected=expected)
        return await self._run(number, loaded, self._documents.changes(active, wanted))

    async def _run(self, number: int, loaded: Loaded, changes: tuple[Change, ...]) -> Changed:
        refused = ""
        if self._activate is not None:
            try:
                await self._activate(number)
            except (ChildFailed, ConfigInvalid) as error:
                refused = self._documents.without_environment(loaded.raw)(str(error))
        active = await self._revisions.active() if refused else await self._revisions.get(number)
        return Changed(active.id if active else 0, etag_of(active), changes, refused)

    async def _expected(self, etag: str) -> Revision | None:
        active = await self._revisions.active()
        if etag not in (ANY, etag_of(active)):
            raise RevisionMoved("the configuration has been changed meanwhile")
        return active

    async def _edited(self, etag: str, edit: Edit, references: bool) -> tuple[Revision | None, Json, Loaded]:
        active = await self._expected(etag)
        before = self._documents.opened(active) if active else EMPTY
        edited = edit(before)
        places = {render_path(place): render_path(written) for place, written in edited.places}
        if (shape := _shape_problem(edited)) is not None:
            raise EditInvalid([shape], places)
        kept = keep_secrets(edited.raw, before, edited.renamed, references=references)
        problems = list(kept.problems)
        if not references:
            problems += new_references(kept.raw, before, edited.renamed)
        try:
            loaded = self._documents.check(kept.raw)
        except ConfigInvalid as error:
            raise EditInvalid((*problems, *error.problems), places) from None
        if problems:
            raise EditInvalid(problems, places)
        return active, before, loaded


def _shown(revision: Revision) -> Shown:
    head = RevisionHead(revision.id, revision.created_at, revision.author, revision.comment)
    return Shown(revision.id, etag_of(revision), mask(as_written(revision)), head)


def _shape_problem(edited: Edited) -> Problem | None:
    """The bounds that a document's text has hold for one that comes in parts too."""
    if _deep(edited.raw, 0):
        return Problem("", f"the document is nested over {MAX_DEPTH} levels deep", f"嵌套超过 {MAX_DEPTH} 层")
    if len(msgspec.json.encode(edited.raw)) > MAX_BYTES:
        return Problem("", "the document is over 1 MiB", "配置文档超过 1 MiB")
    return None


def _deep(value: Any, level: int) -> bool:
    if isinstance(value, Mapping):
        return level >= MAX_DEPTH or any(_deep(item, level + 1) for item in value.values())
    return isinstance(value, list) and (level >= MAX_DEPTH or any(_deep(item, level + 1) for item in value))
