"""The file that a document is kept in: what is applied of it, at the start and afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from menshen.config.loading import read_text
from menshen.documents.documents import Documents
from menshen.errors import ConfigInvalid, ConfigUnavailable, MenshenError
from menshen.node.node import Node

__all__ = ["ConfigFile"]

_LOOK_SECONDS = 0.3
_AUTHOR = "file"


class ConfigFile:
    """The document's file: applied at start and when its content changes, refused without harm when it is bad.

    ``complain`` is told why it was refused and what runs instead, ``applied`` of a revision that runs.
    """

    def __init__(
        self, path: Path, complain: Callable[[MenshenError, str], None], applied: Callable[[int | None], None]
    ) -> None:
        self._path = path
        self._complain = complain
        self._applied = applied
        self._seen: str | None = None
        self._waits: str | None = None

    async def at_start(self, documents: Documents) -> None:
        """Apply the file if it changed since it was applied last: a rollback is not undone by a restart.

        A bad document stops a first start, for there is nothing else to run; later starts go on with what ran. A file
        that is not there stops any start: its name is wrong.
        """
        active = await documents.revisions.active()
        try:
            self._seen = read_text(self._path)
            if active is None or not await documents.is_last_of(_AUTHOR, self._seen):
                await documents.apply(self._seen, author=_AUTHOR, comment=self._path.name)
        except ConfigInvalid as error:
            if active is None:
                raise
            self._complain(error, f"revision {active.id}")

    async def follow(self, node: Node) -> None:
        """For ever: what becomes of the file, the node runs."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                number = await self._apply(node.documents)
                if number is not None:
                    await node.activate(number)
                    self._applied(node.revision)
            except (ConfigInvalid, ConfigUnavailable, MenshenError) as error:
                self._complain(error, f"revision {node.revision}")

    async def _apply(self, documents: Documents) -> int | None:
        """The revision that a changed file became; None where it has not changed."""
        try:
            text = read_text(self._path)
        except ConfigUnavailable as error:
            if self._seen == (unreadable := f"\0{error}"):
                return None
            self._seen = unreadable
            raise
        if text == self._seen:
            return None
        try:
            number, _ = await documents.apply(text, author=_AUTHOR, comment=self._path.name)
        except ConfigInvalid:
            self._seen = text
            raise
        except MenshenError:
            # Not the document's fault: a database that was away for a moment. It is tried again, and told of once.
            told, self._waits = self._waits == text, text
            if told:
                return None
            raise
        self._seen, self._waits = text, None
        return number
