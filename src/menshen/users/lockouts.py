"""Locking a name after too many wrong passwords, in a way that tells nobody whether there is such a name.

A try is counted before the password is looked at, in the database: any number of tries at once, at any number of
processes, are no more than were allowed. A name is counted and locked as it is typed, by its widest fold, so a name
that is nobody's is locked just as well. Somebody's wrong tries can lock the owner out for as long as a lock lasts; he
still gets in with the platform's code where the account is bound.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from menshen.config.user_rules import AccountRules
from menshen.errors import AccountLocked, AccountRefused, MenshenError, Overloaded
from menshen.storage.account_failures import Attempt, count_attempts, forgive_attempts, take_back_attempts
from menshen.storage.database import Database
from menshen.storage.digests import KeyedDigest
from menshen.users.account_names import folded_name
from menshen.users.entering import AccountSource

__all__ = ["Lockouts"]

Proof = TypeVar("Proof")

_MOST_WAITING = 32


class Lockouts:
    """``digests`` keeps names that people try, often their passwords by mistake, out of the database."""

    def __init__(self, database: Database, digests: KeyedDigest) -> None:
        self._database = database
        self._digests = digests
        self._turns: dict[str, tuple[asyncio.Lock, int]] = {}

    async def attempt(
        self,
        rules: AccountRules,
        source: AccountSource,
        username: str,
        now: float,
        prove: Callable[[], Awaitable[Proof | None]],
    ) -> Proof:
        """What ``prove`` gives for a right password; None of it means a wrong one. ``now`` in Unix seconds.

        Raises ``AccountLocked`` without asking it, ``AccountRefused``, ``Overloaded``, and what ``prove`` raises. Where
        that is one of ``menshen.errors`` nothing is known of the password, and the try does not count.
        """
        digest = self._digests.of(source, folded_name(username))
        async with self._turn(digest):
            attempt = Attempt(digest, int(now), rules.lock_after, rules.lock_minutes * 60)
            locked_until = await self._database.write(count_attempts, attempt)
            if locked_until:
                raise AccountLocked(retry_after=max(1, math.ceil(locked_until - now)))
            try:
                proof = await prove()
            except MenshenError:  # not for a caller who went away: hanging up must not buy another try
                await self._database.write(take_back_attempts, digest)
                raise
            if proof is None:
                raise AccountRefused
            await self._database.write(forgive_attempts, digest)
            return proof

    async def unlock(self, source: AccountSource, username: str) -> None:
        """Forget the wrong passwords of a name."""
        await self._database.write(forgive_attempts, self._digests.of(source, folded_name(username)))

    @asynccontextmanager
    async def _turn(self, digest: str) -> AsyncIterator[None]:
        """One try a name at a time in this process, or the owner's own right ones would use up the tries.

        Raises ``Overloaded`` where too many wait for it: a verifier that hangs must not gather requests.
        """
        lock, users = self._turns.get(digest, (asyncio.Lock(), 0))
        if users >= _MOST_WAITING:
            raise Overloaded("too many tries of one name at once")
        self._turns[digest] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._turns.pop(digest)
            if users > 1:
                self._turns[digest] = (lock, users - 1)
