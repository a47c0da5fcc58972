"""Code that is not ours, which an installation brings by entry points: how it is loaded, what may be told of its
faults, and what it may tell clients."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.metadata import EntryPoint
from typing import Any, Final, TypeVar

__all__ = ["MOST_TEXT", "Broken", "brought", "package_of", "said", "where"]

T = TypeVar("T")

MOST_TEXT: Final = 200
"""Characters of a text that such code gives to a client."""


class Broken(Exception):
    """Why such code cannot be used, without a word of its own."""


def brought(point: EntryPoint, read: Callable[[Any], T]) -> T:
    """What ``read`` makes of the object that an entry point names; a class is made first. Raises :class:`Broken`."""
    try:
        found = point.load()
        return read(found() if inspect.isclass(found) else found)
    except Broken:
        raise
    except ImportError as error:
        missing = f" of {error.name}" if error.name and error.name.isprintable() else ""
        why = f"it cannot be loaded: {where(error)}{missing}"
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the team's code may raise anything
        why = f"it cannot be loaded: {where(error)}"
    raise Broken(why)


def package_of(point: EntryPoint) -> str:
    """Name and version of the package that has it."""
    return "an unknown package" if point.dist is None else f"{point.dist.name} {point.dist.version}"


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
