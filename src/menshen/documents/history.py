"""What happened to the configuration: each revision with the parts that it changed, and who did what, newest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from menshen.storage.audit import Audited
from menshen.storage.configuration_log import configuration_events, configuration_events_between
from menshen.storage.revisions import RevisionHead, Revisions
from menshen.users.audit import AuditAction

__all__ = ["Event", "History", "Listed", "Refused", "Running", "RunsHere"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A revision. ``parts`` are those that it changed, None where nobody wrote them down; ``more`` are not named.

    ``refused`` is why it could not run when it was activated last, "" where it did.
    """

    head: RevisionHead
    parts: tuple[str, ...] | None
    more: int
    refused: str


@dataclass(frozen=True, slots=True)
class Event:
    """A change, or a way back to ``revision`` from the one ``instead_of``. ``at`` in Unix seconds.

    ``refused`` is why a node went back by itself: ``instead_of`` could not run.
    """

    id: int
    at: int
    actor: str
    revision: int
    parts: tuple[str, ...] = ()
    more: int = 0
    instead_of: int | None = None
    comment: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A revision that does not run on this node. ``at`` in Unix seconds."""

    revision: int
    at: float
    why: str


@dataclass(frozen=True, slots=True)
class Running:
    """What this node runs, None for the empty document; and what it refused last, None for nothing."""

    revision: int | None
    refused: Refused | None = None


RunsHere: TypeAlias = Callable[[], Running]

_ACTIONS: Final = (AuditAction.CONFIG_CHANGE.value, AuditAction.CONFIG_ROLLBACK.value)


class History:
    """Of the database that the revisions are in."""

    def __init__(self, revisions: Revisions) -> None:
        self._revisions = revisions

    async def page(self, *, limit: int, below: int | None = None) -> list[Listed]:
        """``below`` is the number that the page before ended with."""
        heads = await self._revisions.page(limit=limit, below=below)
        if not heads:
            return []
        async with self._revisions.database.reading() as connection:
            times = [head.created_at for head in heads]
            made = await configuration_events_between(connection, _ACTIONS[:1], min(times), max(times))
            # A revision is refused soon after it is made, or after somebody went back to it: the last word counts.
            latest = await configuration_events(connection, _ACTIONS, limit=_LOOKED_BACK)
        changes = {event.revision: event for event in map(_event, made)}
        refused = _refusals([_event(each) for each in latest])
        return [_listed(head, changes.get(head.id), refused.get(head.id, "")) for head in heads]

    async def events(self, *, limit: int, below: int | None = None) -> list[Event]:
        """``below`` is the ``id`` that the page before ended with."""
        async with self._revisions.database.reading() as connection:
            return [_event(each) for each in await configuration_events(connection, _ACTIONS, limit=limit, below=below)]


_LOOKED_BACK: Final = 500
"""Events among which refusals are looked for."""


def _listed(head: RevisionHead, change: Event | None, refused: str) -> Listed:
    if change is None:
        return Listed(head, None, 0, refused)
    return Listed(head, change.parts, change.more, refused)


def _refusals(events: Sequence[Event]) -> dict[int, str]:
    """Revision -> why it could not run, of those whose last activation ended so. Newest first."""
    last: dict[int, str] = {}
    for event in events:
        if event.refused and event.instead_of:
            last.setdefault(event.instead_of, event.refused)
        else:
            last.setdefault(event.revision, "")
    return {number: why for number, why in last.items() if why}


def _event(row: Audited) -> Event:
    detail = row.row.detail
    parts = detail.get("parts", ())
    return Event(
        id=row.id,
        at=row.row.at,
        actor=row.row.actor,
        revision=int(detail.get("revision", 0)),
        parts=tuple(str(part) for part in parts),
        more=int(detail.get("more", 0)),
        instead_of=int(detail["instead_of"]) if "instead_of" in detail else None,
        comment=str(detail.get("comment", "")),
        refused=str(detail.get("refused", "")),
    )
