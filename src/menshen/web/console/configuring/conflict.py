"""Somebody else was quicker: what he changed of the very thing that is being edited. The rest is in nobody's way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from menshen.documents.changes import Change, changes_between
from menshen.documents.configuration import Configuration, Shown
from menshen.documents.masking import MASK
from menshen.errors import RevisionUnknown
from menshen.storage.revisions import RevisionHead

__all__ = ["Conflict", "conflict_of", "mine_of"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """``theirs`` is what has changed since the form was loaded, ``mine`` what saving it would change of that now."""

    head: RevisionHead | None
    theirs: tuple[Change, ...]
    mine: tuple[Change, ...] = ()


async def conflict_of(
    configuration: Configuration, seen: str, current: Shown, about: Callable[[str], bool]
) -> Conflict | None:
    """None where nothing that the form is ``about`` has changed since the ETag that was ``seen``."""
    if seen == current.etag:
        return None
    number = seen.partition("-")[0]
    try:
        compared = await configuration.compare(current.revision, int(number)) if number.isdecimal() else None
    except RevisionUnknown:
        compared = None
    if compared is None:
        return Conflict(current.head, ())
    theirs = tuple(change for change in compared.changes if about(change.part))
    return Conflict(current.head, theirs) if theirs else None


def mine_of(kind: str, now: Mapping[str, Any], typed: Mapping[str, Any]) -> tuple[Change, ...]:
    """What a form says otherwise than the part as it is now; both with their secrets masked, or just typed."""
    if not kind:
        return changes_between(now, _kept(typed, now))
    name = {"name": now.get("name", "")}
    return changes_between({kind: [{**now, **name}]}, {kind: [{**_kept(typed, now), **name}]})


def _kept(typed: Any, now: Any) -> Any:
    """A secret that was left empty is the one that is there."""
    if not isinstance(typed, Mapping) or not isinstance(now, Mapping):
        return typed
    kept = {key: _kept(value, now.get(key)) for key, value in typed.items()}
    return kept | ({"secret": MASK} if now.get("secret") == MASK and "secret" not in kept else {})
