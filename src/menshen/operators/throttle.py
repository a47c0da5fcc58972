"""Wrong passwords of operators make pauses that grow, and an address has so many tries.

A name is counted and locked as it is typed, whether there is such an operator or not (attack class 50). The pauses are
three locks of :class:`menshen.users.lockouts.Lockouts`, one behind the other, apart from those of users' accounts; a
right password, or a new one, opens them all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from menshen.config.user_rules import AccountRules, RateRule
from menshen.errors import AccountRefused, LoginLimit
from menshen.storage.database import Database
from menshen.storage.digests import KeyedDigest
from menshen.users.addresses import address_key
from menshen.users.limits import Limits
from menshen.users.lockouts import Lockouts

__all__ = ["PAUSES", "TRIES", "Throttle"]

PAUSES: Final = ((5, 1), (15, 15), (40, 120))
"""After so many failures in a row, so many minutes."""

TRIES: Final = RateRule(count=30, seconds=60)
"""Of one address, whatever the names."""

Proof = TypeVar("Proof")
Prove = Callable[[], Awaitable[Proof | None]]


class Throttle:
    """``master_key`` keeps what people type as names, often their passwords by mistake, out of the database."""

    def __init__(self, database: Database, master_key: bytes) -> None:
        self._limits = Limits(database)
        self._addresses = KeyedDigest(master_key, "operator-addresses")
        self._locks = [
            (
                AccountRules(lock_after=failures, lock_minutes=minutes),
                Lockouts(database, KeyedDigest(master_key, f"operator-failures-{failures}")),
            )
            for failures, minutes in PAUSES
        ]

    async def from_address(self, ip: str, now: float) -> None:
        """Count a try. Raises ``LoginLimit``."""
        key = f"operator-login:{self._addresses.of(address_key(ip))}"
        wait = await self._limits.exceeded(key, TRIES, now)
        if wait:
            raise LoginLimit(retry_after=wait)

    async def attempt(self, name: str, now: float, prove: Prove[Proof]) -> Proof:
        """What ``prove`` gives for a right password. ``now`` in Unix seconds.

        Raises ``AccountLocked`` without asking it, ``AccountRefused``, ``Overloaded``, and what ``prove`` raises.
        """
        for rules, lockouts in self._locks:
            prove = _behind(rules, lockouts, name, now, prove)
        proof = await prove()
        if proof is None:
            raise AccountRefused
        return proof

    async def unlock(self, name: str) -> None:
        """Forget the wrong passwords of a name."""
        for _, lockouts in self._locks:
            await lockouts.unlock("own", name)


def _behind(rules: AccountRules, lockouts: Lockouts, name: str, now: float, prove: Prove[Proof]) -> Prove[Proof]:
    async def proven() -> Proof | None:
        try:
            return await lockouts.attempt(rules, "own", name, now, prove)
        except AccountRefused:  # a wrong password counts at every lock; a locked name at none
            return None

    return proven
