"""What an operator may note of a user: JSON under names of his own, for himself alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from menshen.errors import UserInvalid

__all__ = ["MOST_BYTES", "MOST_LEVELS", "changed_metadata"]

MOST_BYTES = 4096
"""Of a user's metadata as JSON."""

MOST_LEVELS = 8
"""Of lists and objects in each other: what is nested without end can be written, and then not be read again."""


def changed_metadata(metadata: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata with the changes made; None takes a name away. Raises ``UserInvalid``, with no value in it."""
    changed = {name: value for name, value in {**metadata, **changes}.items() if value is not None}
    if not _shallow(changed, MOST_LEVELS):
        raise UserInvalid(f"metadata are lists and objects {MOST_LEVELS} levels deep at most")
    try:
        size = len(msgspec.json.encode(changed))
    except UnicodeEncodeError:
        raise UserInvalid("metadata are Unicode text: half of a surrogate pair is none") from None
    if size > MOST_BYTES:
        raise UserInvalid(f"the metadata of a user are {MOST_BYTES} bytes of JSON at most")
    return changed


def _shallow(value: object, levels: int) -> bool:
    if isinstance(value, Mapping):
        return levels > 0 and all(_shallow(each, levels - 1) for each in value.values())
    if isinstance(value, list):
        return levels > 0 and all(_shallow(each, levels - 1) for each in value)
    return True
