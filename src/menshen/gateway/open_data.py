"""Open data and phone numbers of a user, by what the gateway keeps: the session_key and the app's access token.

A payload that does not open says nothing about why: the client may have sent rubbish, or the platform has made the
user another session_key since the last login, which is nobody's fault and which logging in again mends. Whatever fails
with the key, the platform is asked whether the key is still the user's, so that every failure takes the same way and
tells the client the one thing it can act on (attack class 37).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from menshen.config.snapshot import App
from menshen.errors import KeyRingInvalid, NotOffered, OpenDataInvalid, SessionKeyStale
from menshen.gateway.access_tokens import AccessTokens
from menshen.gateway.proofs import Proofs
from menshen.platforms.base import EncryptedData, Platform, PlatformIdentity, PlatformPhone
from menshen.platforms.open_data import SignedData, phone_of, profile_of, signed_data, signed_fields
from menshen.platforms.registry import adapter_of
from menshen.secret import Secret
from menshen.storage.database import Database
from menshen.storage.identities import IdentityKey
from menshen.storage.sealing import Sealer
from menshen.storage.session_keys import find_session_key, replace_session_key

__all__ = ["OpenData"]

T = TypeVar("T")


class OpenData:
    """``sealer`` is that of session_keys, ``clock`` gives Unix seconds."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        tokens: AccessTokens,
        clock: Callable[[], float],
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._tokens = tokens
        self._clock = clock

    def check(self, app: App, proofs: Proofs) -> None:
        """Before anything is spent: whether the open data of a login can be such. No key is needed for it.

        Raises OpenDataInvalid, and NotOffered where the platform has none.
        """
        self._parts(app, proofs)

    async def profile(self, app: App, identity: PlatformIdentity, proofs: Proofs) -> dict[str, str]:
        """The profile in the open data of a login, by the key that this login has brought; {} where there is none.

        The open data of a login by phone is the number's, and no profile. Raises as :meth:`check`.
        """
        closed, signed = self._parts(app, proofs)
        profile: dict[str, str] = {}
        if signed is not None:
            platform = self._platform(app, "session_keys")
            profile |= profile_of(signed_fields(platform, signed, identity.session_key))
        if closed is not None and proofs.how != "phone":
            profile |= profile_of(self._opened(app, identity.openid, closed, identity.session_key))
        return profile

    def phone_in(self, app: App, identity: PlatformIdentity, data: str, iv: str) -> PlatformPhone:
        """The number in a login's open data, by the key that this login has brought. Raises OpenDataInvalid."""
        closed = self._platform(app, "phone_data").encrypted_data(data, iv)
        return phone_of(self._opened(app, identity.openid, closed, identity.session_key))

    async def decrypted(self, app: App, openid: str, data: str, iv: str) -> dict[str, Any]:
        """The fields of a payload, by the key of the user's last login or, at some platforms, of the app.

        Raises OpenDataInvalid; SessionKeyStale where logging in again, and then getting the data again, mends it;
        NotOffered; the platform refusals of ``menshen.errors``.
        """
        platform = self._platform(app, "open_data")
        closed = platform.encrypted_data(data, iv)
        if not platform.session_keys:
            return self._opened(app, openid, closed, Secret(""))
        identity = IdentityKey(app.platform, app.appid, openid)
        key = self._unsealed(identity, await self._sealed_key(identity))
        if key is None:
            raise SessionKeyStale("no session_key is kept for this user")
        try:
            return self._opened(app, openid, closed, key)
        except OpenDataInvalid:
            pass
        if await self._still_good(app, openid, key):
            raise OpenDataInvalid("with a session_key that is good")
        raise SessionKeyStale("the session_key is not the user's any more, or the platform does not tell")

    async def phone(self, app: App, openid: str, data: str, iv: str) -> PlatformPhone:
        """The number in a payload. Raises as :meth:`decrypted`."""
        self._platform(app, "phone_data")
        return phone_of(await self.decrypted(app, openid, data, iv))

    async def phone_by_code(self, app: App, phone_code: str, openid: str) -> PlatformPhone:
        """The number behind a phone code of this user; spends the code, which is paid for.

        Raises PhoneCodeInvalid, NotOffered, and what ``AccessTokens.run`` raises.
        """
        platform = self._platform(app, "phone_codes")
        if not openid:
            raise NotOffered("a phone code is checked against an openid, and this login has none")
        return await self._tokens.run(app, lambda token: platform.phone_number(app, token, phone_code, openid))

    async def reset_key(self, app: App, openid: str) -> bool:
        """Have the platform make the user another session_key, for one that may have leaked; the old one is dead then.

        False where there is no such user, or his key was not good any more. Raises NotOffered, and what
        ``AccessTokens.run`` raises.
        """
        platform = self._platform(app, "session_checks")
        identity = IdentityKey(app.platform, app.appid, openid)
        old = await self._sealed_key(identity)
        key = self._unsealed(identity, old)
        if old is None or key is None:
            return False
        try:
            made = await self._tokens.run(app, lambda token: platform.reset_session_key(app, token, openid, key))
        except SessionKeyStale:
            return False
        new = self._sealer.seal(made.session_key, _context(identity))
        async with self._database.writing() as connection:
            return await replace_session_key(connection, identity, old, new)

    def _opened(self, app: App, openid: str, closed: EncryptedData, key: Secret) -> dict[str, Any]:
        return self._platform(app, "open_data").decrypt(app, closed, key, openid=openid, now=self._clock())

    async def _still_good(self, app: App, openid: str, key: Secret) -> bool:
        """Where the platform does not tell, logging in again is the advice that cannot be wrong."""
        platform = self._platform(app, "open_data")
        if not platform.session_checks:
            return False
        return await self._tokens.run(app, lambda token: platform.check_session(app, token, openid, key))

    async def _sealed_key(self, identity: IdentityKey) -> str | None:
        async with self._database.reading() as connection:
            return await find_session_key(connection, identity)

    def _unsealed(self, identity: IdentityKey, sealed: str | None) -> Secret | None:
        try:
            return self._sealer.unseal(sealed, _context(identity)) if sealed else None
        except KeyRingInvalid:
            return None  # of another master key: the next login brings another

    def _parts(self, app: App, proofs: Proofs) -> tuple[EncryptedData | None, SignedData | None]:
        """The open data of a login, decoded. Half of a pair is as wrong as a malformed one: OpenDataInvalid."""
        closed: EncryptedData | None = None
        signed: SignedData | None = None
        if proofs.encrypted_data or proofs.iv:
            platform = self._platform(app, "open_data")
            if not proofs.encrypted_data or not proofs.iv:
                raise OpenDataInvalid("half of a pair")
            closed = platform.encrypted_data(proofs.encrypted_data, proofs.iv)
        if proofs.raw_data or proofs.signature:
            self._platform(app, "session_keys")
            if not proofs.raw_data or not proofs.signature:
                raise OpenDataInvalid("half of a pair")
            signed = signed_data(proofs.raw_data, proofs.signature)
        return closed, signed

    def _platform(self, app: App, capability: str) -> Platform:
        platform = adapter_of(app, self._tokens.platforms)
        if not getattr(platform, capability):
            raise NotOffered(f"{platform.name} has no {capability}")
        return platform


def _context(identity: IdentityKey) -> str:
    return f"{identity.platform}/{identity.appid}/{identity.openid}"
