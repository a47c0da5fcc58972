"""The user pool: the first login makes a user, later ones find it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.errors import UserUnknown
from menshen.secret import Secret
from menshen.storage.database import Database
from menshen.storage.identities import IdentityKey, SeenIdentity, SignedIn, sign_in_identities
from menshen.storage.sealing import Sealer
from menshen.storage.user_claims import change_user_claims, find_user_claims
from menshen.users.claims import changed_claims

__all__ = ["UserPool"]


class UserPool:
    """``new_uid`` makes user ids that nobody can guess; ``sealer`` keeps session_keys closed at rest."""

    def __init__(self, database: Database, sealer: Sealer, new_uid: Callable[[], str]) -> None:
        self._database = database
        self._sealer = sealer
        self._new_uid = new_uid

    def seen(self, key: IdentityKey, unionid: str, session_key: Secret, now: float) -> SeenIdentity:
        """What a login brought, for :meth:`sign_in_all`: the session_key sealed. ``now`` in Unix seconds."""
        sealed = self._sealer.seal(session_key, f"{key.platform}/{key.appid}/{key.openid}")
        return SeenIdentity(key, unionid, sealed, int(now))

    async def sign_in(self, key: IdentityKey, unionid: str, session_key: Secret, now: float) -> SignedIn:
        """The user of this identity, made if need be."""
        return await self._database.write(self.sign_in_all, self.seen(key, unionid, session_key, now))

    async def claims(self, uid: str) -> dict[str, str]:
        """The user's own claims. Raises ``UserUnknown``."""
        async with self._database.reading() as connection:
            claims = await find_user_claims(connection, uid)
        if claims is None:
            raise UserUnknown(f"there is no user {uid[:40]}")
        return claims

    async def set_claims(self, uid: str, changes: Mapping[str, str | None]) -> dict[str, str]:
        """Set these claims, take away those that are None; all of them afterwards.

        Login states have them from the next login or refresh on. Raises ``ClaimInvalid`` and ``UserUnknown``.
        """
        async with self._database.writing() as connection:
            claims = await change_user_claims(connection, uid, lambda claims: changed_claims(claims, changes))
        if claims is None:
            raise UserUnknown(f"there is no user {uid[:40]}")
        return claims

    async def sign_in_all(self, connection: AsyncConnection, seen: Sequence[SeenIdentity]) -> Sequence[SignedIn]:
        """The user of each identity, made if need be, within the caller's transaction."""
        return await sign_in_identities(connection, seen, self._new_uid)
