"""Nonces of signed calls: each is good once, whichever process or node gets it.

The row is the claim: its key is the nonce, so of any number of calls with it one inserts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.tables import nonces

__all__ = ["Nonce", "claim_nonces", "prune_nonces"]


@dataclass(frozen=True, slots=True)
class Nonce:
    """A nonce of a key's. ``until`` is the Unix second from which on its signature is too old anyway."""

    key_id: str
    nonce: str
    until: int


async def claim_nonces(connection: AsyncConnection, claims: Sequence[Nonce]) -> list[bool]:
    """Whether each was new; of one that is there twice, the first."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    # Sorted: two nodes that insert the same nonces in different orders would wait for each other for ever.
    rows = {
        (claim.key_id, claim.nonce): {"key_id": claim.key_id, "nonce": claim.nonce, "expires_at": claim.until}
        for claim in sorted(claims, key=lambda claim: (claim.key_id, claim.nonce))
    }
    statement = dialect.insert(nonces).on_conflict_do_nothing().returning(nonces.c.key_id, nonces.c.nonce)
    new = {(row.key_id, row.nonce) for row in await connection.execute(statement, list(rows.values()))}
    answers = []
    for claim in claims:
        answers.append((claim.key_id, claim.nonce) in new)
        new.discard((claim.key_id, claim.nonce))
    return answers


async def prune_nonces(connection: AsyncConnection, now: float, limit: int | None = None) -> int:
    """Delete those whose signatures are too old; how many. ``limit`` is the most that one call deletes."""
    columns = nonces.c
    key = tuple_(columns.key_id, columns.nonce)
    some = select(columns.key_id, columns.nonce).where(columns.expires_at <= int(now)).limit(limit)
    return (await connection.execute(delete(nonces).where(key.in_(some)))).rowcount
