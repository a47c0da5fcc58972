"""Tokens of the admin API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.operator_tables import api_tokens, operators

__all__ = [
    "ApiTokenRow",
    "LiveToken",
    "add_api_token",
    "find_api_token",
    "list_api_tokens",
    "revoke_api_token",
    "touch_api_token",
]


@dataclass(frozen=True, slots=True)
class ApiTokenRow:
    """``scopes`` as they were given. Times in Unix seconds; 0: never used, not revoked."""

    id: str
    name: str
    owner: str
    scopes: tuple[str, ...]
    created_at: int
    expires_at: int
    last_used_at: int = 0
    revoked_at: int = 0


@dataclass(frozen=True, slots=True)
class LiveToken:
    """A token that is good, and the role that its owner has now."""

    row: ApiTokenRow
    role: str


_COLUMNS = (
    api_tokens.c.id,
    api_tokens.c.name,
    api_tokens.c.owner,
    api_tokens.c.scopes,
    api_tokens.c.created_at,
    api_tokens.c.expires_at,
    api_tokens.c.last_used_at,
    api_tokens.c.revoked_at,
)


async def add_api_token(connection: AsyncConnection, digest: str, row: ApiTokenRow) -> None:
    values = {
        "id": row.id,
        "digest": digest,
        "name": row.name,
        "owner": row.owner,
        "scopes": " ".join(sorted(row.scopes)),
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "last_used_at": row.last_used_at,
        "revoked_at": row.revoked_at,
    }
    await connection.execute(insert(api_tokens), [values])


async def find_api_token(connection: AsyncConnection, digest: str, now: float) -> LiveToken | None:
    """The token of a digest, unless it is revoked or too old, or its owner disabled."""
    columns = api_tokens.c
    query = (
        select(*_COLUMNS, operators.c.role)
        .join(operators, operators.c.name == columns.owner)
        .where(columns.digest == digest, columns.revoked_at == 0, columns.expires_at > int(now))
        .where(operators.c.disabled == 0)
    )
    row = (await connection.execute(query)).first()
    return None if row is None else LiveToken(_row(row[:-1]), row.role)


async def list_api_tokens(connection: AsyncConnection, owner: str = "") -> list[ApiTokenRow]:
    """Those of an owner, "" for everybody's; the newest first."""
    query = select(*_COLUMNS)
    if owner:
        query = query.where(api_tokens.c.owner == owner)
    return [
        _row(row) for row in await connection.execute(query.order_by(api_tokens.c.created_at.desc(), api_tokens.c.id))
    ]


async def revoke_api_token(connection: AsyncConnection, id: str, owner: str, at: int) -> ApiTokenRow | None:  # noqa: A002
    """The token that is revoked by now, None where there is none. ``owner`` "": whoever's it is."""
    columns = api_tokens.c
    which = [columns.id == id, *([columns.owner == owner] if owner else [])]
    await connection.execute(update(api_tokens).where(*which, columns.revoked_at == 0).values(revoked_at=at))
    row = (await connection.execute(select(*_COLUMNS).where(*which))).first()
    return None if row is None else _row(row)


async def touch_api_token(connection: AsyncConnection, digest: str, at: int) -> None:
    """It was used. A moment that is past already changes nothing."""
    columns = api_tokens.c
    which = (columns.digest == digest, columns.last_used_at < at)
    await connection.execute(update(api_tokens).where(*which).values(last_used_at=at))


def _row(row: Sequence[Any]) -> ApiTokenRow:
    id_, name, owner, scopes, *times = row
    return ApiTokenRow(id_, name, owner, tuple(scopes.split()), *times)
