"""The key files as a running node follows them."""

from __future__ import annotations

from pathlib import Path

from menshen.sessions.keys import KeyRings, load_key_rings

__all__ = ["KeyFiles"]


class KeyFiles:
    """The rings of a data directory, read again when a file was replaced."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen: tuple[tuple[str, int, int], ...] = ()

    def load(self) -> KeyRings:
        """The rings of now, made where there are none. Raises ``KeyRingInvalid``."""
        self._seen = self._look()  # before reading: a rotation in between is a change
        return load_key_rings(self._directory)

    def changed(self) -> KeyRings | None:
        """The rings, if a file is another than at the last look. Raises ``KeyRingInvalid``, once for each change."""
        now = self._look()
        if now == self._seen:
            return None
        self._seen = now
        return load_key_rings(self._directory)

    def _look(self) -> tuple[tuple[str, int, int], ...]:
        found = []
        for path in sorted(self._directory.glob("*.json")):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            found.append((path.name, status.st_mtime_ns, status.st_ino))
        return tuple(found)
