"""Avatars: images of users, kept as files in the data directory and served by us.

A file's name is ours and random, and its form is checked before it comes near the file system: no text of a client's
is ever a path (path traversal). What a file is, is found out when it comes and again when it is read.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from menshen.errors import AvatarInvalid, AvatarTooLarge, NoSuchRoute, Refusal
from menshen.users.image_metadata import ImageBroken, without_metadata
from menshen.users.images import EXTENSIONS, ImageType, image_of
from menshen.users.profiles import Profiles

__all__ = ["MOST_PIXELS", "Avatar", "Avatars"]

MOST_PIXELS = 4096
"""Of a side. A few bytes can declare an image that takes a phone's whole memory to draw (decompression bomb)."""

_name = re.compile(r"[a-z2-7]{26}\.(?:png|jpg|gif|webp)").fullmatch
_DRAFT = ".draft-"
_UNSETTLED_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Avatar:
    """``type`` is what the content is, whatever the file is called."""

    type: ImageType
    content: bytes


class Avatars:
    """``new_id`` makes 26 characters of a-z and 2-7 that nobody can guess. A file belongs to one user, for good."""

    def __init__(self, directory: Path, profiles: Profiles, new_id: Callable[[], str]) -> None:
        self._directory = directory
        self._profiles = profiles
        self._new_id = new_id

    async def set(self, uid: str, content: bytes, most_bytes: int) -> str:
        """Keep this image as the user's avatar, in place of the one before; its name. Its metadata is not kept.

        Raises ``AvatarTooLarge``, ``AvatarInvalid``, and ``SessionRevoked`` for a user who is no more.
        """
        if len(content) > most_bytes:
            raise AvatarTooLarge(f"{len(content)} bytes")
        image = image_of(content)
        if image is None:
            raise AvatarInvalid
        if max(image.width, image.height) > MOST_PIXELS:
            raise AvatarTooLarge(f"{image.width} x {image.height}")
        try:
            kept = await asyncio.to_thread(without_metadata, image.type, content)
        except ImageBroken as broken:
            raise AvatarInvalid(str(broken)) from None
        name = f"{self._new_id()}.{EXTENSIONS[image.type]}"
        await asyncio.to_thread(self._write, name, kept)
        try:
            before = await self._profiles.set_avatar(uid, name)
        except Refusal:
            await self.erase(name)
            raise  # whatever else goes wrong, the row may have it by now; if not, the sweep finds the file
        await self.erase(before)
        return name

    async def remove(self, uid: str) -> None:
        """Take the user's avatar away, if there is one. Raises ``SessionRevoked`` as above."""
        await self.erase(await self._profiles.set_avatar(uid, ""))

    async def read(self, name: str) -> Avatar:
        """The image of this name. Raises ``NoSuchRoute``, also for a file that is no image any more."""
        if not _name(name):
            raise NoSuchRoute("not an avatar's name")
        content = await asyncio.to_thread(self._content, name)
        image = image_of(content)
        if image is None:
            raise NoSuchRoute("not an image")
        return Avatar(image.type, content)

    async def erase(self, name: str) -> None:
        """Delete the file, if there is one of this name. After the user's row has let go of it."""
        if _name(name):
            await asyncio.to_thread((self._directory / name).unlink, missing_ok=True)

    async def sweep(self, now: float) -> int:
        """Delete what no user has: files left by a process that was killed before it erased them; how many.

        Young files are left alone, their users' rows may be on the way. ``now`` in Unix seconds.
        """
        old = await asyncio.to_thread(self._older_than, now - _UNSETTLED_SECONDS)
        owned = await self._profiles.avatars_in_use(old)
        orphans = [name for name in old if name not in owned]
        for name in orphans:
            await asyncio.to_thread((self._directory / name).unlink, missing_ok=True)
        return len(orphans)

    def _write(self, name: str, content: bytes) -> None:
        """Whole or not at all: whoever reads sees no half image. Mode 0600, whatever the umask."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=self._directory, prefix=_DRAFT)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).replace(self._directory / name)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise

    def _content(self, name: str) -> bytes:
        try:
            # No link either: whoever can write here could otherwise have us read any file of ours to him.
            with os.fdopen(os.open(self._directory / name, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
                return file.read()
        except OSError:
            raise NoSuchRoute("no such avatar") from None

    def _older_than(self, moment: float) -> list[str]:
        if not self._directory.is_dir():
            return []
        with os.scandir(self._directory) as entries:
            return [
                entry.name
                for entry in entries
                if (_name(entry.name) or entry.name.startswith(_DRAFT))
                and entry.stat(follow_symlinks=False).st_mtime < moment
            ]
