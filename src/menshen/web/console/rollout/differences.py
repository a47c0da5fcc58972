"""What two revisions say differently, made ready to be read: by part and key, and as lines of YAML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from menshen.documents.changes import Change, KeyChange, What
from menshen.documents.configuration import Compared
from menshen.documents.masking import MASK
from menshen.web.console.language import sentence

__all__ = ["WHAT", "DiffLine", "PartShown", "diff_lines", "parts_shown"]

WHAT: Final[dict[What, tuple[str, str]]] = {
    "added": ("+", sentence("Added")),
    "removed": ("−", sentence("Removed")),
    "changed": ("~", sentence("Changed")),
    "reordered": ("⇅", sentence("Reordered")),
}
"""A sign and a sentence for each: it is never told by colour alone."""

_MOST_LINES: Final = 2_000
_LONGEST_VALUE: Final = 400


@dataclass(frozen=True, slots=True)
class KeyShown:
    """``old`` and ``new`` are text; None where there is no value. A secret has neither."""

    path: str
    what: What
    old: str | None
    new: str | None
    secret: bool


@dataclass(frozen=True, slots=True)
class PartShown:
    part: str
    what: What
    keys: tuple[KeyShown, ...]


@dataclass(frozen=True, slots=True)
class DiffLine:
    kind: Literal["added", "removed", "place", "same"]
    text: str


def parts_shown(changes: tuple[Change, ...]) -> list[PartShown]:
    return [PartShown(change.part, change.what, tuple(map(_key, change.keys))) for change in changes]


def diff_lines(compared: Compared) -> tuple[list[DiffLine], bool]:
    """The lines, and whether there are more than a page shows."""
    lines = compared.unified.split("\n")[2:]  # the names of the two are in the page's title
    return list(_lines(lines[:_MOST_LINES])), len(lines) > _MOST_LINES


def _lines(lines: list[str]) -> Iterator[DiffLine]:
    for line in lines:
        kind: Literal["added", "removed", "place", "same"] = "same"
        if line.startswith("+"):
            kind = "added"
        elif line.startswith("-"):
            kind = "removed"
        elif line.startswith("@@"):
            kind = "place"
        yield DiffLine(kind, line)


def _key(change: KeyChange) -> KeyShown:
    secret = MASK in (change.old, change.new)
    old = None if secret or change.old is None else _text(change.old)
    new = None if secret or change.new is None else _text(change.new)
    return KeyShown(change.path, change.what, old, new, secret)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
