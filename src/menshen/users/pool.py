"""The user pool: the first login makes a user, later ones find it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.errors import BrainUnavailable, Refusal, UserBanned
from menshen.secret import Secret
from menshen.storage.database import Database
from menshen.storage.identities import IdentityKey, SeenIdentity
from menshen.storage.sealing import Sealer
from menshen.storage.user_standings import lock_standings
from menshen.users.entering import Entered, Entry, Holdings
from menshen.users.entrance import Entrance

__all__ = ["UserPool"]


class UserPool:
    """``new_uid`` makes user ids that nobody can guess; ``sealer`` keeps session_keys closed at rest."""

    def __init__(self, database: Database, sealer: Sealer, new_uid: Callable[[], str]) -> None:
        self._database = database
        self._sealer = sealer
        self._new_uid = new_uid

    @property
    def database(self) -> Database:
        return self._database

    def seen(self, key: IdentityKey, unionid: str, session_key: Secret, now: float) -> SeenIdentity:
        """What the platform said in a login, with the session_key sealed. ``now`` in Unix seconds."""
        sealed = self._sealer.seal(session_key, f"{key.platform}/{key.appid}/{key.openid}")
        return SeenIdentity(key, unionid, sealed, int(now))

    async def enter_all(
        self, connection: AsyncConnection, entries: Sequence[Entry], match_unionid: bool
    ) -> list[Entered | Refusal]:
        """The user of each login, made if need be, within the caller's transaction; or why it has none.

        ``match_unionid``: a unionid finds its user in another app as well. Refusals are ``IdentityConflict``,
        ``AccountTaken``, ``AlreadyBound``, ``PhoneTaken``, ``UserBanned``, ``RegistrationClosed``, ``AccountRefused``
        for an account or a user that is no more, and ``BrainUnavailable``. The user rows stay locked until the
        transaction ends: what opens a session for them in it is seen by whoever bans or closes them.
        """
        return await Entrance(connection, entries, match_unionid, self._new_uid).answers()

    async def stand_all(self, connection: AsyncConnection, users: Sequence[tuple[str, int]]) -> list[Refusal | None]:
        """Whether users who entered before, in another transaction, may still: (uid, Unix seconds) each.

        Locks their rows as :meth:`enter_all` does. Raises nothing.
        """
        standings = await lock_standings(connection, {uid for uid, _ in users})
        answers: list[Refusal | None] = []
        for uid, at in users:
            found = standings.get(uid)
            if found is None or found.status == "closed":
                answers.append(BrainUnavailable("closed or merged meanwhile: another try finds who it is now"))
            else:
                banned = Holdings(found.status, found.banned_until).banned(at)
                answers.append(UserBanned(uid) if banned else None)
        return answers
