"""The codes of text messages: one live code a number and purpose, a few tries each, good once."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.tables import sms_codes

__all__ = ["CodeTry", "NewSmsCode", "drop_sms_code", "find_sent_at", "prune_sms_codes", "store_sms_codes", "try_codes"]


@dataclass(frozen=True, slots=True)
class NewSmsCode:
    """``digest`` is of number and purpose, ``code_digest`` of the code as well. Times in Unix seconds.

    It takes the place of an older code unless that one was sent after ``not_after``.
    """

    digest: str
    code_digest: str
    sent_at: int
    expires_at: int
    not_after: int


@dataclass(frozen=True, slots=True)
class CodeTry:
    """A code that somebody typed."""

    digest: str
    code_digest: str
    at: int
    most_attempts: int


async def find_sent_at(connection: AsyncConnection, digest: str) -> int | None:
    """When the last code was sent, None where there is none."""
    return (await connection.execute(select(sms_codes.c.sent_at).where(sms_codes.c.digest == digest))).scalar()


async def store_sms_codes(connection: AsyncConnection, codes: Sequence[NewSmsCode]) -> list[bool]:
    """Whether each is the live code now; of two at once one is."""
    stored: dict[int, bool] = {}
    for number in sorted(range(len(codes)), key=lambda number: codes[number].digest):
        stored[number] = await _store(connection, codes[number])
    return [stored[number] for number in range(len(codes))]


async def _store(connection: AsyncConnection, code: NewSmsCode) -> bool:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    new = {"code_digest": code.code_digest, "sent_at": code.sent_at, "expires_at": code.expires_at, "attempts": 0}
    insert = (
        dialect.insert(sms_codes)
        .values(digest=code.digest, **new)
        .on_conflict_do_update(
            index_elements=[sms_codes.c.digest], set_=new, where=sms_codes.c.sent_at <= code.not_after
        )
        .returning(sms_codes.c.digest)
    )
    return (await connection.execute(insert)).first() is not None


async def try_codes(connection: AsyncConnection, tries: Sequence[CodeTry]) -> list[bool]:
    """Whether each was right, and the first to be so. A try is counted before it is compared."""
    right: dict[int, bool] = {}
    for number in sorted(range(len(tries)), key=lambda number: tries[number].digest):
        right[number] = await _try(connection, tries[number])
    return [right[number] for number in range(len(tries))]


async def _try(connection: AsyncConnection, code: CodeTry) -> bool:
    columns = sms_codes.c
    # The row is ours until the transaction ends: a second try at the same time finds it gone.
    counted = (
        update(sms_codes)
        .where(columns.digest == code.digest, columns.expires_at > code.at, columns.attempts < code.most_attempts)
        .values(attempts=columns.attempts + 1)
        .returning(columns.code_digest)
    )
    row = (await connection.execute(counted)).first()
    if row is None or not hmac.compare_digest(row.code_digest, code.code_digest):
        return False
    await connection.execute(delete(sms_codes).where(columns.digest == code.digest))
    return True


async def drop_sms_code(connection: AsyncConnection, digest: str, code_digest: str) -> None:
    """It was not sent: nobody can know it, and another may be asked for at once."""
    ours = (sms_codes.c.digest == digest, sms_codes.c.code_digest == code_digest)
    await connection.execute(delete(sms_codes).where(*ours))


async def prune_sms_codes(connection: AsyncConnection, now: float, limit: int | None = None) -> int:
    """Delete what has expired; how many rows. ``limit`` is the most that one call deletes."""
    columns = sms_codes.c
    some = select(columns.digest).where(columns.expires_at <= int(now)).limit(limit)
    return (await connection.execute(delete(sms_codes).where(columns.digest.in_(some)))).rowcount
