"""Phone numbers that a platform or a text message vouches for: bound, used to log in, or just told.

A phone code works once and the operator pays for it (developers.weixin.qq.com, getRealtimePhoneNumber: 0.04 yuan), so
whatever can be refused without it is refused before: what is malformed, what the platform does not have, a user who is
banned or has a number already. It always goes with the openid, so that nobody uses another's (attack class 38).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Protocol

from menshen.config.snapshot import App
from menshen.config.user_rules import UserRules
from menshen.errors import (
    AlreadyBound,
    CallMalformed,
    IdentityConflict,
    NotBound,
    NotOffered,
    SmsCodeInvalid,
    UserBanned,
)
from menshen.gateway.binding import Asking, Bindings
from menshen.gateway.codes import LoggedIn
from menshen.gateway.proofs import Proofs
from menshen.platforms.base import Platform, PlatformIdentity, PlatformPhone
from menshen.platforms.registry import PLATFORMS, adapter_of
from menshen.storage.bindings import Bound
from menshen.storage.database import Database
from menshen.storage.identities import IdentityKey, find_identities, find_unions
from menshen.storage.phones import find_phones
from menshen.storage.user_rows import find_user
from menshen.users.entering import ProvenPhone
from menshen.users.phone_number import PhoneNumber, parse_phone, platform_phone
from menshen.users.phones import PhoneNumbers
from menshen.users.sms_codes import SmsCodes, SmsPurpose

__all__ = ["PhoneFlows", "PhoneSource"]

_phone_code = re.compile(r"[!-~]{1,256}").fullmatch
"""WeChat's are 64 hex digits now; the form is nowhere promised, and the code travels as a JSON string."""

_sms_code = re.compile(r"[0-9]{6}").fullmatch


class PhoneSource(Protocol):
    """What platforms know of their users' numbers: :class:`menshen.gateway.open_data.OpenData`."""

    async def phone_by_code(self, app: App, phone_code: str, openid: str) -> PlatformPhone:
        """Spends the code. Raises ``PhoneCodeInvalid`` and the platform refusals."""
        ...

    async def phone(self, app: App, openid: str, data: str, iv: str) -> PlatformPhone:
        """By the session_key of the last login. Raises ``OpenDataInvalid`` and ``SessionKeyStale``."""
        ...

    def phone_in(self, app: App, identity: PlatformIdentity, data: str, iv: str) -> PlatformPhone:
        """By the session_key of this very login. Raises ``OpenDataInvalid``."""
        ...


class PhoneFlows:
    """``clock`` gives Unix seconds. Fits :class:`menshen.gateway.proofs.PhoneProving`."""

    def __init__(
        self,
        database: Database,
        source: PhoneSource,
        sms: SmsCodes,
        numbers: PhoneNumbers,
        bindings: Bindings,
        clock: Callable[[], float],
        *,
        adapters: Mapping[str, Platform] = PLATFORMS,
    ) -> None:
        self._database = database
        self._source = source
        self._adapters = adapters
        self._sms = sms
        self._numbers = numbers
        self._bindings = bindings
        self._clock = clock

    def check(self, app: App, proofs: Proofs) -> None:
        """Whether these can show a number here. Nothing is asked and nothing is spent.

        Raises ``NotOffered``, ``CallMalformed``, ``OpenDataInvalid``, ``SmsCodeInvalid``.
        """
        by_code, by_data = bool(proofs.phone_code), bool(proofs.encrypted_data or proofs.iv)
        by_message = bool(proofs.phone or proofs.sms_code)
        if by_code + by_data + by_message != 1 or by_message != (proofs.how == "sms"):
            raise CallMalformed("a number is shown in one way")
        platform = adapter_of(app, self._adapters)
        if by_message:
            parse_phone(proofs.phone)
            if not _sms_code(proofs.sms_code.reveal()):
                raise SmsCodeInvalid("not six digits")
        elif by_code:
            if not platform.phone_codes:
                raise NotOffered(f"{app.platform} has no phone codes")
            if not _phone_code(proofs.phone_code):
                raise CallMalformed("not a phone code")
        else:
            if not platform.phone_data:
                raise NotOffered(f"{app.platform} has no phone numbers in open data")
            platform.encrypted_data(proofs.encrypted_data, proofs.iv)

    async def of_identity(
        self, rules: UserRules, app: App, identity: PlatformIdentity, proofs: Proofs
    ) -> ProvenPhone | None:
        """The number of a login by phone, None where the user keeps the one he has: nothing is spent then.

        Raises ``UserBanned``, ``IdentityConflict``, and what :meth:`get` raises.
        """
        if await self._has_phone(app, identity, rules.match_unionid):
            return None
        if proofs.phone_code:
            phone = await self._source.phone_by_code(app, proofs.phone_code, identity.openid)
        else:
            phone = self._source.phone_in(app, identity, proofs.encrypted_data, proofs.iv)
        return self._numbers.proven(_number(phone))

    async def told(self, rules: UserRules, app: App, identity: PlatformIdentity, proofs: Proofs) -> PlatformPhone:
        """The number in open data, by the key of this very login; nothing is bound or kept, whoever it is.

        Raises ``OpenDataInvalid``, ``UserBanned``, ``IdentityConflict``.
        """
        await self._has_phone(app, identity, rules.match_unionid)  # of a user who is banned nothing is read
        return self._source.phone_in(app, identity, proofs.encrypted_data, proofs.iv)

    async def of_message(
        self,
        rules: UserRules,
        app: App,  # noqa: ARG002 - a number is the same at every app
        proofs: Proofs,
        now: float,
    ) -> ProvenPhone:
        """The number to which the code of this login was sent; the code is used up. ``now`` in Unix seconds.

        Raises ``SmsCodeInvalid``, ``CallMalformed``, ``NotOffered``.
        """
        return await self._of_message(rules, proofs, "login", now)

    async def bind(self, asking: Asking, proofs: Proofs) -> LoggedIn:
        """Bind the number to the caller. Raises ``PhoneTaken`` where it is another's, ``AlreadyBound`` and more."""
        app, rules = asking.bearer.plugin.app, asking.rules.users
        self.check(app, proofs)
        _, bound = await self._bindings.user(asking.uid)
        if bound.phone is not None:
            raise AlreadyBound("a number")
        if proofs.how == "sms":
            proven = await self._of_message(rules, proofs, "bind", self._clock())
        else:
            proven = self._numbers.proven(_number(await self._read(app, _openid(asking, bound), proofs)))
        return await self._bindings.bind_phone(asking, proven)

    async def get(self, asking: Asking, proofs: Proofs) -> PlatformPhone:
        """The number as the platform tells it; nothing is bound or kept.

        Raises ``PhoneCodeInvalid``, ``OpenDataInvalid``, ``SessionKeyStale``, ``NotBound`` where the caller's session
        has no identity at this app, and the platform refusals.
        """
        app = asking.bearer.plugin.app
        if proofs.how == "sms":
            raise CallMalformed("a text message tells no number")
        self.check(app, proofs)
        _, bound = await self._bindings.user(asking.uid)
        return await self._read(app, _openid(asking, bound), proofs)

    async def _read(self, app: App, openid: str, proofs: Proofs) -> PlatformPhone:
        if proofs.phone_code:
            return await self._source.phone_by_code(app, proofs.phone_code, openid)
        return await self._source.phone(app, openid, proofs.encrypted_data, proofs.iv)

    async def _of_message(self, rules: UserRules, proofs: Proofs, purpose: SmsPurpose, now: float) -> ProvenPhone:
        if rules.sms is None:
            raise NotOffered("no sender of text messages")
        number = parse_phone(proofs.phone)
        await self._sms.check(number, purpose, proofs.sms_code, now)
        return self._numbers.proven(number)

    async def _has_phone(self, app: App, identity: PlatformIdentity, match_unionid: bool) -> bool:
        """Whether the user of this identity has a number. Raises ``UserBanned`` and ``IdentityConflict``."""
        key = IdentityKey(app.platform, app.appid, identity.openid)
        async with self._database.reading() as connection:
            known = (await find_identities(connection, {key})).get(key)
            uids = {known.uid} if known else set()
            if identity.unionid and match_unionid:
                union = (app.platform, identity.unionid)
                uids |= (await find_unions(connection, {union}))[union]
            if len(uids) > 1:
                raise IdentityConflict(" ".join(sorted(uids)))
            for uid in uids:
                user = await find_user(connection, uid)
                if user is not None and user.standing(self._clock()) == "banned":
                    raise UserBanned(uid)
            return bool(uids and await find_phones(connection, list(uids)))


def _number(phone: PlatformPhone) -> PhoneNumber:
    return platform_phone(phone.pure, phone.country_code)


def _openid(asking: Asking, bound: Bound) -> str:
    """The caller's openid at the app whose login state he holds, as it is bound to him now."""
    app, openid = asking.bearer.plugin.app, asking.bearer.claims.openid
    own = [each.openid for each in bound.identities if (each.platform, each.appid) == (app.platform, app.appid)]
    if openid in own:
        return openid
    if openid or len(own) != 1:  # a login without the platform tells of no identity, unless there is only one
        raise NotBound("an identity at this app")
    return own[0]
