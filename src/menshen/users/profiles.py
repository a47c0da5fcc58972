"""Users' profiles in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from menshen.errors import SessionRevoked
from menshen.storage.database import Database
from menshen.storage.profiles import change_profile, find_avatars, find_profile
from menshen.users.profile import Profile, changed_profile

__all__ = ["Profiles"]


class Profiles:
    """What users say of themselves. A user who is no more raises ``SessionRevoked``: his state outlived him."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, uid: str) -> Profile:
        """The profile, empty where nothing was said."""
        async with self._database.reading() as connection:
            fields = await find_profile(connection, uid)
        if fields is None:
            raise SessionRevoked("of no user")
        return Profile(**fields)

    async def change(self, uid: str, changes: Mapping[str, object]) -> Profile:
        """The profile afterwards. Raises ``CallMalformed``; then nothing has changed."""
        changed_profile(Profile(), changes)  # before anything is locked
        async with self._database.writing() as connection:
            changed = await change_profile(
                connection, uid, lambda fields: asdict(changed_profile(Profile(**fields), changes))
            )
        if changed is None:
            raise SessionRevoked("of no user")
        return Profile(**changed[1])

    async def set_avatar(self, uid: str, name: str) -> str:
        """Make this file the avatar, "" for none; the file that was it before, "" for none."""
        async with self._database.writing() as connection:
            changed = await change_profile(connection, uid, lambda fields: {**fields, "avatar": name})
        if changed is None:
            raise SessionRevoked("of no user")
        return changed[0].get("avatar", "")

    async def avatars_in_use(self, names: Sequence[str]) -> set[str]:
        """Those of the names that are some user's avatar."""
        async with self._database.reading() as connection:
            return await find_avatars(connection, names)
