"""Files that hold keys: made whole, once, for their owner alone."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from menshen.errors import KeyRingInvalid

__all__ = ["read_private"]


def read_private(path: Path, make: Callable[[], bytes]) -> str:
    """The text of a private file, with what ``make`` gives where there is none yet.

    Raises ``KeyRingInvalid`` for a file that others can read: what is in it must be taken as known.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _create(path, make())
    mode = path.stat().st_mode
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyRingInvalid(f"{path.name}: other users can read it (mode {stat.S_IMODE(mode):o}); make it 600")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyRingInvalid(f"{path.name}: {error}") from None


def _create(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    # A link, not a rename: of two processes that start together one wins and both then read the same key.
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
