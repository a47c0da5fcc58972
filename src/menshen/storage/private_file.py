"""Files that hold keys: written whole, for their owner alone."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from menshen.errors import KeyRingInvalid

__all__ = ["read_private", "replace_private"]


def read_private(path: Path, make: Callable[[], bytes]) -> str:
    """The text of a private file, with what ``make`` gives where there is none yet.

    Raises ``KeyRingInvalid`` for a file that others can read: what is in it must be taken as known.
    """
    try:
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _draft(path, make()) as draft, contextlib.suppress(FileExistsError):
                # A link, not a rename: of two processes that start together one wins and both read the same key.
                os.link(draft, path)
            _keep_names(path.parent)
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise KeyRingInvalid(f"{path.name}: other users can read it (mode {stat.S_IMODE(mode):o}); make it 600")
            return file.read()
    except OSError as error:
        raise KeyRingInvalid(f"{path.name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise KeyRingInvalid(f"{path.name}: not UTF-8") from None


def replace_private(path: Path, content: bytes) -> None:
    """Give a private file other content: whoever reads it gets the old or the new one, never a part of either.

    Returns when it would survive a power cut. Raises ``KeyRingInvalid`` where it cannot be written.
    """
    try:
        with _draft(path, content) as draft:
            draft.replace(path)
        _keep_names(path.parent)
    except OSError as error:
        raise KeyRingInvalid(f"{path.name}: {error.strerror}") from None


@contextlib.contextmanager
def _draft(path: Path, content: bytes) -> Iterator[Path]:
    """The content in a file of its own beside ``path``, mode 0600 whatever the umask, gone at the end of the block."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _keep_names(directory: Path) -> None:
    """A new name in a directory outlives a power cut once the directory itself is on the disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
