"""The access token of each app, and which process is fetching the next.

A platform's old token dies with the next one, so an app has one token and one holder of it: this table. Who wants to
fetch claims the row; the claim runs out by itself, so that a process that died holds nobody up.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.tables import access_tokens

__all__ = [
    "TokenKey",
    "TokenRow",
    "claim_token",
    "find_token",
    "find_tokens",
    "release_token",
    "store_token",
]


@dataclass(frozen=True, slots=True)
class TokenKey:
    platform: str
    appid: str


@dataclass(frozen=True, slots=True)
class TokenRow:
    """Times in Unix seconds. ``sealed_token`` is "" before the first one; ``claim`` says who may fetch until when."""

    sealed_token: str = field(repr=False)
    fetched_at: float
    expires_at: float
    claim: str
    claimed_until: float


async def find_token(connection: AsyncConnection, key: TokenKey) -> TokenRow | None:
    rows = await connection.execute(select(access_tokens).where(_of(key)))
    found = rows.one_or_none()
    if found is None:
        return None
    return TokenRow(found.sealed_token, found.fetched_at, found.expires_at, found.claim, found.claimed_until)


async def find_tokens(connection: AsyncConnection) -> dict[TokenKey, tuple[float, float]]:
    """When each token there is was fetched, and when it ends."""
    found = await connection.execute(select(access_tokens).where(access_tokens.c.sealed_token != ""))
    return {TokenKey(row.platform, row.appid): (row.fetched_at, row.expires_at) for row in found}


async def claim_token(
    connection: AsyncConnection, key: TokenKey, claim: str, seen_at: float, now: float, until: float
) -> TokenRow:
    """Try to be the one who fetches; the row afterwards. It is the caller's where ``claim`` is its own.

    ``seen_at`` is the ``fetched_at`` of the token that is to be replaced, 0 where there was none: a row that holds
    another by now is not claimed.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    blank = {"sealed_token": "", "fetched_at": 0.0, "expires_at": 0.0, "claim": "", "claimed_until": 0.0}
    new = {"platform": key.platform, "appid": key.appid, **blank}
    await connection.execute(dialect.insert(access_tokens).values(new).on_conflict_do_nothing())
    free = and_(_of(key), access_tokens.c.fetched_at == seen_at, access_tokens.c.claimed_until <= now)
    await connection.execute(update(access_tokens).where(free).values(claim=claim, claimed_until=until))
    row = await find_token(connection, key)
    if row is None:
        raise LookupError("a row that was there a moment ago")
    return row


async def store_token(
    connection: AsyncConnection, key: TokenKey, claim: str, sealed_token: str, fetched_at: float, expires_at: float
) -> bool:
    """Keep what the claimer fetched. False where somebody else has the claim by now: he keeps his own."""
    kept = await connection.execute(
        update(access_tokens)
        .where(_of(key), access_tokens.c.claim == claim)
        .values(sealed_token=sealed_token, fetched_at=fetched_at, expires_at=expires_at, claim="", claimed_until=0.0)
    )
    return kept.rowcount == 1


async def release_token(connection: AsyncConnection, key: TokenKey, claim: str) -> None:
    """Give a claim back: nothing was fetched."""
    mine = and_(_of(key), access_tokens.c.claim == claim)
    await connection.execute(update(access_tokens).where(mine).values(claim="", claimed_until=0.0))


def _of(key: TokenKey) -> ColumnElement[bool]:
    return and_(access_tokens.c.platform == key.platform, access_tokens.c.appid == key.appid)
