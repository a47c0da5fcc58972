"""Wrong passwords by name: counted before they are known to be wrong, whether there is such an account or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, case, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.tables import account_failures

__all__ = ["FORGET_SECONDS", "Attempt", "count_attempts", "forgive_attempts", "prune_failures", "take_back_attempts"]

FORGET_SECONDS = 86_400
"""Failures further apart are not "in a row". It gives a guesser fewer tries a day than waiting for locks to end."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A password to be tried. ``at`` in Unix seconds; ``lock_after`` failures lock for ``lock_seconds``."""

    digest: str
    at: int
    lock_after: int
    lock_seconds: int


async def count_attempts(connection: AsyncConnection, attempts: Sequence[Attempt]) -> list[int]:
    """Count each as a failure in advance. 0 where it may be made; else until when the name is locked (Unix seconds).

    The one that uses up the tries locks the name at once: those that run beside it must not be tries beyond.
    """
    answers: dict[int, int] = {}
    for numbers in _rounds(attempts):
        counted = await _count(connection, [attempts[n] for n in numbers])
        refused = [attempts[n].digest for n in numbers if attempts[n].digest not in counted]
        locked = await _locked_until(connection, refused) if refused else {}
        for number in numbers:
            attempt = attempts[number]
            answers[number] = 0 if attempt.digest in counted else max(locked.get(attempt.digest, 0), attempt.at + 1)
    return [answers[number] for number in range(len(attempts))]


def _rounds(attempts: Sequence[Attempt]) -> Iterator[list[int]]:
    """Positions, so that no statement has one name twice, nor names under different rules."""
    waiting = list(range(len(attempts)))
    while waiting:
        first = attempts[waiting[0]]
        taken: dict[str, int] = {}
        left = []
        for number in waiting:
            attempt = attempts[number]
            rules_fit = (attempt.lock_after, attempt.lock_seconds) == (first.lock_after, first.lock_seconds)
            if rules_fit and attempt.digest not in taken:
                taken[attempt.digest] = number
            else:
                left.append(number)
        yield list(taken.values())
        waiting = left


async def _count(connection: AsyncConnection, attempts: Sequence[Attempt]) -> set[str]:
    """The digests that were counted, all but those that are locked."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    columns, rules = account_failures.c, attempts[0]
    rows = [
        {
            "digest": attempt.digest,
            "failures": 1,
            "last_at": attempt.at,
            "locked_until": attempt.at + rules.lock_seconds if rules.lock_after == 1 else 0,
        }
        for attempt in sorted(attempts, key=lambda attempt: attempt.digest)
    ]
    insert = dialect.insert(account_failures)
    at = insert.excluded.last_at
    anew = or_(columns.locked_until > 0, columns.last_at < at - FORGET_SECONDS)
    failures = case((anew, 1), else_=columns.failures + 1)
    counted = insert.on_conflict_do_update(
        index_elements=[columns.digest],
        set_={
            "failures": failures,
            "last_at": at,
            "locked_until": case((failures >= rules.lock_after, at + rules.lock_seconds), else_=0),
        },
        where=columns.locked_until <= at,
    ).returning(columns.digest)
    return set((await connection.execute(counted, rows)).scalars())


async def _locked_until(connection: AsyncConnection, digests: Sequence[str]) -> dict[str, int]:
    query = select(account_failures.c.digest, account_failures.c.locked_until).where(
        account_failures.c.digest.in_(digests)
    )
    return {row.digest: row.locked_until for row in await connection.execute(query)}


async def forgive_attempts(connection: AsyncConnection, digests: Sequence[str]) -> list[None]:
    """The password was right: nothing is held against these names any more."""
    await connection.execute(delete(account_failures).where(account_failures.c.digest.in_(sorted(set(digests)))))
    return [None] * len(digests)


async def take_back_attempts(connection: AsyncConnection, digests: Sequence[str]) -> list[None]:
    """Nobody could say whether the password was right: it does not count, nor does the lock that it brought."""
    columns = account_failures.c
    statement = (
        update(account_failures)
        .where(and_(columns.digest == bindparam("b_digest"), columns.failures > 0))
        .values(failures=columns.failures - 1, locked_until=0)
    )
    await connection.execute(statement, [{"b_digest": digest} for digest in sorted(digests)])
    return [None] * len(digests)


async def prune_failures(connection: AsyncConnection, now: float, limit: int | None = None) -> int:
    """Delete what matters no more; how many rows. ``limit`` is the most that one call deletes."""
    columns = account_failures.c
    over = and_(columns.last_at < int(now) - FORGET_SECONDS, columns.locked_until <= int(now))
    some = select(columns.digest).where(over).limit(limit)
    return (await connection.execute(delete(account_failures).where(columns.digest.in_(some)))).rowcount
