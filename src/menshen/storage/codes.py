"""Login codes that were seen: who exchanges one, and what came of it.

A code is exchanged once (security rule 6). The claim is a row with the code's digest as primary key: of any number of
workers and nodes, one inserts it. The others read the outcome when it is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.tables import codes

__all__ = [
    "KEEP_SECONDS",
    "CodeClaim",
    "CodeOutcome",
    "CodeState",
    "claim_codes",
    "finish_codes",
    "look_up_codes",
    "prune_codes",
    "release_code",
]

KEEP_SECONDS = 900
"""A code lives five minutes at WeChat, ten at Baidu; after that the platform itself refuses it."""


@dataclass(frozen=True, slots=True)
class CodeClaim:
    """One process asking for one code. ``claim`` is random: it tells whose row it is."""

    digest: str
    claim: str
    at: float


@dataclass(frozen=True, slots=True)
class CodeOutcome:
    digest: str
    sealed_outcome: str
    at: float


@dataclass(frozen=True, slots=True)
class CodeState:
    """A row: ``done_at`` None while its claimer is exchanging the code. Times in Unix seconds."""

    claim: str
    claimed_at: float
    done_at: float | None
    sealed_outcome: str | None


async def claim_codes(connection: AsyncConnection, claims: Sequence[CodeClaim]) -> list[CodeState]:
    """Try to claim each code; the state of each afterwards. It is the caller's where ``claim`` is its own."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    # Sorted: two nodes that insert the same codes in different orders would wait for each other for ever.
    ordered = sorted(claims, key=lambda c: c.digest)
    rows = [{"digest": c.digest, "claim": c.claim, "claimed_at": c.at} for c in ordered]
    await connection.execute(dialect.insert(codes).on_conflict_do_nothing(), rows)
    states = await look_up_codes(connection, [c.digest for c in claims])
    return [states[c.digest] for c in claims]


async def look_up_codes(connection: AsyncConnection, digests: Sequence[str]) -> dict[str, CodeState]:
    """Digest -> state, for those that are there."""
    query = select(codes).where(codes.c.digest.in_(bindparam("digests", expanding=True)))
    rows = await connection.execute(query, {"digests": list(digests)})
    return {row.digest: CodeState(row.claim, row.claimed_at, row.done_at, row.sealed_outcome) for row in rows}


async def finish_codes(connection: AsyncConnection, outcomes: Sequence[CodeOutcome]) -> list[None]:
    statement = (
        update(codes)
        .where(codes.c.digest == bindparam("b_digest"))
        .values(done_at=bindparam("b_at"), sealed_outcome=bindparam("b_outcome"))
    )
    rows = [{"b_digest": o.digest, "b_at": o.at, "b_outcome": o.sealed_outcome} for o in outcomes]
    await connection.execute(statement, rows)
    return [None] * len(outcomes)


async def release_code(connection: AsyncConnection, digest: str, claim: str) -> None:
    """Give a code back: it was never sent, so it may be tried again."""
    await connection.execute(delete(codes).where(codes.c.digest == digest, codes.c.claim == claim))


async def prune_codes(connection: AsyncConnection, now: float) -> None:
    await connection.execute(delete(codes).where(codes.c.claimed_at < now - KEEP_SECONDS))
