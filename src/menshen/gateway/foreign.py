"""Code that is not ours, which an installation brings: what may be told of its faults, and what it may tell clients."""

from __future__ import annotations

from typing import Final

__all__ = ["MOST_TEXT", "said", "where"]

MOST_TEXT: Final = 200
"""Characters of a text that such code gives to a client."""


def where(error: BaseException) -> str:
    """The kind of an exception and the line that raised it. Its text is left out: it may hold anything."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    line = f" at {last.tb_frame.f_code.co_filename}:{last.tb_lineno}" if last is not None else ""
    return f"{type(error).__name__}{line}"


def said(text: str) -> str:
    """The text as people may read it: no control or direction characters, and not without end."""
    return "".join(sign for sign in text if sign.isprintable())[:MOST_TEXT].strip()
