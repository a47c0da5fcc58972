"""What a visitor asks a list for, as the address of the page has it: read without trust, and written again."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

__all__ = ["ROWS", "address", "clean", "number"]

ROWS = 50
"""Rows a page."""

_LONGEST = 200
_DIGITS = 18


def clean(value: object) -> str:
    """One line of printable text, else "": no database takes anything else."""
    text = value.strip()[:_LONGEST] if isinstance(value, str) else ""
    return text if text.isprintable() else ""


def number(text: str | None) -> int | None:
    """A number above 0; None for anything else, so that an address cut short shows the first page."""
    if not text or not (text.isascii() and text.isdigit()) or len(text) > _DIGITS:
        return None
    return int(text) or None


def address(path: str, asked: Mapping[str, object]) -> str:
    """The page with what is asked of it; what is empty is left out."""
    query = urlencode({name: value for name, value in asked.items() if value not in ("", None)})
    return f"{path}?{query}" if query else path
