"""The user pool: the first login makes a user, later ones find it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.secret import Secret
from menshen.storage.database import Database
from menshen.storage.identities import IdentityKey, SeenIdentity, SignedIn, sign_in_identities
from menshen.storage.sealing import Sealer

__all__ = ["UserPool"]


class UserPool:
    """``new_uid`` makes user ids that nobody can guess; ``sealer`` keeps session_keys closed at rest."""

    def __init__(self, database: Database, sealer: Sealer, new_uid: Callable[[], str]) -> None:
        self._database = database
        self._sealer = sealer
        self._new_uid = new_uid

    async def sign_in(self, key: IdentityKey, unionid: str, session_key: Secret, now: float) -> SignedIn:
        """The user of this identity, made if need be; its session_key is stored sealed. ``now`` in Unix seconds."""
        sealed = self._sealer.seal(session_key, f"{key.platform}/{key.appid}/{key.openid}")
        return await self._database.write(self._sign_in_all, SeenIdentity(key, unionid, sealed, int(now)))

    async def _sign_in_all(self, connection: AsyncConnection, seen: Sequence[SeenIdentity]) -> Sequence[SignedIn]:
        return await sign_in_identities(connection, seen, self._new_uid)
