"""That something about operators, their sessions or tokens was changed in this process."""

from __future__ import annotations

__all__ = ["Changes"]


class Changes:
    """A number that grows with each change, once it is committed: what was believed before may not be true."""

    def __init__(self) -> None:
        self.number = 0

    def made(self) -> None:
        self.number += 1
