"""Texts as somebody types them. An empty box says nothing, so a text that is empty on purpose is typed ``""``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

__all__ = ["EMPTY", "NONE", "read_lines", "read_text", "typed_lines", "typed_text"]

EMPTY: Final = '""'
NONE: Final = "[]"
"""A list that is empty on purpose, where leaving it out would mean something else."""


def typed_text(text: str) -> str:
    """What is typed on one line for a text that is not left out."""
    return text if text and "\n" not in text and "\r" not in text and read_text(text) == text else _quoted(text)


def read_text(typed: str) -> str:
    """The text. Quotes are the text's own, but around what cannot be typed without: nothing, a quote, a line break."""
    read = _unquoted(typed)
    return typed if read is None or not (not read or read.startswith('"') or "\n" in read or "\r" in read) else read


def typed_lines(texts: Sequence[str]) -> str:
    """A line each. One that does not look on a line like what it is stands in quotes."""
    lines = [_quoted(each) if _is_odd(each) else each for each in texts]
    return "\n".join(lines)


def read_lines(typed: str) -> list[str]:
    """Lines without blanks around them, and without empty ones."""
    lines = (line.strip() for line in typed.replace("\r", "\n").split("\n"))
    return [line if (read := _unquoted(line)) is None else read for line in lines if line]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _is_odd(text: str) -> bool:
    return not text or text != text.strip() or text.startswith('"') or text == NONE or "\n" in text or "\r" in text


def _unquoted(typed: str) -> str | None:
    if len(typed) < 2 or not (typed.startswith('"') and typed.endswith('"')):
        return None
    try:
        read = json.loads(typed)
    except ValueError:
        return None
    return read if isinstance(read, str) else None
