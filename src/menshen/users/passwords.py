"""Passwords: what a new one must be, and hashing them with Argon2id away from the event loop.

Parameters are OWASP's for Argon2id at 19 MiB (Password Storage Cheat Sheet): about 20 ms of one core. More would be
harder to crack, and would let whoever sends wrong passwords take the gateway's cores from everybody's requests.
"""

from __future__ import annotations

import asyncio
import base64
import os
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from menshen.errors import Overloaded, PasswordWeak
from menshen.secret import Secret
from menshen.users.common_passwords import COMMON_PASSWORDS

__all__ = ["LONGEST", "MEMORY_KIB", "TIME_COST", "Passwords", "check_policy"]

TIME_COST: Final = 2
MEMORY_KIB: Final = 19_456

LONGEST: Final = 256
"""Characters of a new password."""

_FEWEST_DIFFERENT = 4
_THREADS = 2
_MOST_WAITING = 64

Answer = TypeVar("Answer")


def check_policy(password: Secret, username: str, min_length: int) -> None:
    """Raise ``PasswordWeak`` unless it will do: long enough, not common, not the name, not one key held down.

    No classes of characters are asked for: they make passwords that are alike, not strong (NIST SP 800-63B, 5.1.1.2).
    """
    text = _normal(password)
    lowered = text.lower()
    if not min_length <= len(text) <= LONGEST:
        raise PasswordWeak(f"a password has {min_length} to {LONGEST} characters")
    if lowered in COMMON_PASSWORDS or len(set(lowered)) < _FEWEST_DIFFERENT:
        raise PasswordWeak("the password is too common")
    if username and lowered in (username.lower(), username.lower()[::-1], username.lower().partition("@")[0]):
        raise PasswordWeak("the password is the username")


class Passwords:
    """Hashes and compares, two at a time in this process; ``random`` is OS randomness.

    Raises ``Overloaded`` where too many are waiting already: a queue of minutes helps nobody.
    """

    def __init__(
        self,
        random: Callable[[int], bytes] = os.urandom,
        *,
        time_cost: int = TIME_COST,
        memory_kib: int = MEMORY_KIB,
    ) -> None:
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
        self._random = random
        parts = (base64.b64encode(random(size)).decode().rstrip("=") for size in (16, 32))
        self._decoy = f"$argon2id$v=19$m={memory_kib},t={time_cost},p=1${'$'.join(parts)}"
        # Threads of its own: the default pool's are those that wait for the database's turn.
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="argon2")
        self._waiting = 0

    async def hashed(self, password: Secret) -> str:
        """What is stored of a password."""
        return await self._in_thread(lambda: self._hasher.hash(_bytes(password), salt=self._random(16)))

    async def match(self, password_hash: str, password: Secret) -> bool:
        """Whether it is the password of this hash.

        With "" (nobody's) the same work is done on a hash that no password has: time must not tell who exists.
        """
        return await self._in_thread(lambda: self._verified(password_hash or self._decoy, password))

    def outdated(self, password_hash: str) -> bool:
        """Whether it was made with other parameters than those of today."""
        return self._hasher.check_needs_rehash(password_hash)

    def _verified(self, password_hash: str, password: Secret) -> bool:
        try:
            return self._hasher.verify(password_hash, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[[], Answer]) -> Answer:
        if self._waiting >= _MOST_WAITING:
            raise Overloaded("too many passwords are being checked")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def _normal(password: Secret) -> str:
    """One spelling of what a person types: keyboards differ in how they write é and full-width letters."""
    return unicodedata.normalize("NFKC", password.reveal())


def _bytes(password: Secret) -> bytes:
    return _normal(password).encode("utf-8", "surrogatepass")
