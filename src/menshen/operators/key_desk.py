"""The keys of a node, as operators work on them: what there is, a new one first, an old one out.

The rules are those of ``sessions.rotation``. No private key ever comes from here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from menshen.sessions import rotation
from menshen.sessions.keys import Purpose, SigningAlgorithm
from menshen.sessions.rotation import KeyInfo
from menshen.storage.audit import write_audit
from menshen.storage.database import Database
from menshen.users.audit import AuditAction, audited

__all__ = ["KeyDesk"]


class KeyDesk:
    """The keys in ``directory``. ``clock`` gives Unix seconds; ``actor`` is the operator, as the audit log has it."""

    def __init__(self, directory: Path, database: Database, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._database = database
        self._clock = clock

    async def listed(self) -> list[KeyInfo]:
        """Every key, ring by ring, the one that signs first. Raises ``KeyRingInvalid``."""
        return await asyncio.to_thread(rotation.listed, self._directory)

    async def rotate(self, purpose: Purpose, actor: str, algorithm: SigningAlgorithm | None = None) -> str:
        """Make a new key the first of its ring; its ``kid``. Without ``algorithm`` it is as the one that signs now.

        Raises ``KeyRingInvalid``.
        """
        if algorithm is None:
            algorithm = await self._in_use() if purpose == "signed" else "ES256"
        now = self._clock()
        # The files are changed inside the transaction: without a database to write it down in, nothing is done.
        async with self._database.writing() as connection:
            kid = await asyncio.to_thread(rotation.rotate, self._directory, purpose, now, algorithm)
            row = audited(AuditAction.KEY_ROTATE, "", actor, now, purpose=purpose, kid=kid)
            await write_audit(connection, [row])
        return kid

    async def retire(self, kid: str, actor: str) -> Purpose:
        """Take out a key that only verifies, and with it all that it made; the ring's purpose.

        Raises ``KeyRingInvalid`` for the key that signs, and for one that is not there.
        """
        now = self._clock()
        async with self._database.writing() as connection:
            purpose = await asyncio.to_thread(rotation.retire, self._directory, kid)
            await write_audit(connection, [audited(AuditAction.KEY_RETIRE, "", actor, now, purpose=purpose, kid=kid)])
        return purpose

    async def _in_use(self) -> SigningAlgorithm:
        signs = [key for key in await self.listed() if key.purpose == "signed" and key.signs]
        return "EdDSA" if any(key.algorithm == "EdDSA" for key in signs) else "ES256"
