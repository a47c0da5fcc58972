"""A phone number for a login code, where nobody logs in: told to whoever has the code and the data, and forgotten.

It spends the code as a login does and costs the same tries, or it would be the way around the limits of logins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from menshen.config.snapshot import LoginPlugin, Snapshot
from menshen.errors import CallMalformed, CodeMalformed, Refusal
from menshen.gateway.codes import CodeBook
from menshen.gateway.guard import Attempt
from menshen.gateway.issue import Caller
from menshen.gateway.phone import PhoneFlows
from menshen.gateway.proofs import CodeExchange, Guarding, How, Proofs
from menshen.platforms.base import Platform, PlatformPhone
from menshen.platforms.registry import PLATFORMS, adapter_of

__all__ = ["PhoneTelling", "ToldPhone"]


class Refusing(Protocol):
    async def refused(self, plugin: LoginPlugin, refusal: Refusal, caller: Caller, how: How = "code") -> None:
        """Keep a login that came to nothing: :meth:`menshen.gateway.login.Login.refused`."""


@dataclass(frozen=True, slots=True)
class ToldPhone:
    """The number, and whose it is; ``unionid`` is "" where the platform gives none."""

    phone: PlatformPhone = field(repr=False)
    openid: str
    unionid: str


class PhoneTelling:
    """``clock`` gives Unix seconds."""

    def __init__(
        self,
        platforms: CodeExchange,
        codes: CodeBook,
        guard: Guarding,
        phones: PhoneFlows,
        log: Refusing,
        clock: Callable[[], float],
        *,
        adapters: Mapping[str, Platform] = PLATFORMS,
    ) -> None:
        self._platforms = platforms
        self._adapters = adapters
        self._codes = codes
        self._guard = guard
        self._phones = phones
        self._log = log
        self._clock = clock

    async def tell(self, plugin: LoginPlugin, proofs: Proofs, caller: Caller, rules: Snapshot) -> ToldPhone:
        """The number in these open data, by the session_key of this code. No session is opened, nothing is bound.

        Raises what the exchange of a code raises, ``CodeUsed`` also for a parallel request, ``LoginLimit``,
        ``OpenDataInvalid``, ``NotOffered``, ``UserBanned``.
        """
        try:
            return await self._told(plugin, proofs, caller, rules)
        except Refusal as refusal:
            await self._log.refused(plugin, refusal, caller, "phone")
            raise

    async def _told(self, plugin: LoginPlugin, proofs: Proofs, caller: Caller, rules: Snapshot) -> ToldPhone:
        app, users = plugin.app, rules.users
        if not adapter_of(app, self._adapters).code_pattern.fullmatch(proofs.code):
            raise CodeMalformed(f"{len(proofs.code)} characters")
        if not proofs.encrypted_data or not proofs.iv:
            raise CallMalformed("a number without its data")
        self._phones.check(app, proofs)
        await self._guard.before(users, Attempt(app, caller.ip, caller.request_id, "phone", self._clock()))
        app_key = f"{app.platform}/{app.appid}"

        async def exchange() -> ToldPhone:
            found = await self._platforms.code2session(app, proofs.code)
            await self._guard.identified(users, f"{app_key}/{found.openid}", self._clock())
            phone = await self._phones.told(users, app, found, proofs)
            return ToldPhone(phone, found.openid, found.unionid)

        return await self._codes.alone(app_key, proofs.code, exchange)
