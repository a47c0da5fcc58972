"""How commands print a row, and how they take and print moments."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import typer

__all__ = ["moment", "row", "shown_time"]


def row(*words: object) -> str:
    """One line, two spaces between words, "-" for what is empty.

    What clients and users have said of themselves is among the words: it must not move an operator's cursor, colour
    his terminal or begin a line of its own (attack class 48).
    """
    return "  ".join(_printable(str(word)) or "-" for word in words).rstrip()


def moment(text: str, option: str) -> int:
    """Unix seconds of an option; a usage error (exit 2) where it is neither those nor ISO 8601."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("neither ISO 8601 nor Unix seconds", param_hint=option) from None
    return math.ceil((when if when.tzinfo else when.astimezone()).timestamp())


def shown_time(seconds: int) -> str:
    """In the operator's own time zone; "-" for 0, which stands for never."""
    if not seconds:
        return "-"
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%dT%H:%M:%S%z")


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
