"""Identities: whose they are, new ones, and what a login brings of one that is known.

All that logins of one person agree on stands in unique keys, except two identities of one unionid in two apps: for
those PostgreSQL needs :func:`claim_names`. SQLite has one writer at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.tables import identities

__all__ = [
    "IdentityKey",
    "KnownIdentity",
    "SeenIdentity",
    "Union",
    "add_identities",
    "claim_names",
    "find_identities",
    "find_unions",
    "identity_name",
    "refresh_identities",
    "union_name",
]

Union = tuple[str, str]
"""A platform and a unionid. The unionids of two platforms have nothing to do with each other."""


@dataclass(frozen=True, slots=True)
class IdentityKey:
    platform: str
    appid: str
    openid: str


@dataclass(frozen=True, slots=True)
class SeenIdentity:
    """What a login brought: the identity, its newest session_key (sealed), and when (Unix seconds)."""

    key: IdentityKey
    unionid: str
    sealed_session_key: str = field(repr=False)
    at: int


@dataclass(frozen=True, slots=True)
class KnownIdentity:
    uid: str
    unionid: str


def identity_name(key: IdentityKey) -> str:
    """For :func:`claim_names`."""
    return f"identity/{key.platform}/{key.appid}/{key.openid}"


def union_name(union: Union) -> str:
    """For :func:`claim_names`."""
    return f"unionid/{union[0]}/{union[1]}"


async def claim_names(connection: AsyncConnection, names: Iterable[str]) -> bool:
    """Wait until no other transaction has any of these names, and keep them until the end of this one.

    Who is about to give a name an owner claims it, then looks again: what he has read before may be old. False where
    there is nobody to wait for (SQLite). Call before any row is locked.
    """
    if connection.dialect.name != "postgresql":
        return False
    # In one order everywhere. Two names of one number wait for each other without need, which does no harm.
    numbers = sorted({int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True) for name in names})
    if numbers:
        await connection.execute(_claim, {"numbers": numbers})
    return bool(numbers)


_claim = text("SELECT pg_advisory_xact_lock(number) FROM unnest(CAST(:numbers AS bigint[])) AS number")


async def find_identities(
    connection: AsyncConnection, keys: Collection[IdentityKey]
) -> dict[IdentityKey, KnownIdentity]:
    """Those that belong to somebody."""
    by_app: dict[tuple[str, str], list[str]] = {}
    for key in keys:
        by_app.setdefault((key.platform, key.appid), []).append(key.openid)
    found: dict[IdentityKey, KnownIdentity] = {}
    for (platform, appid), openids in by_app.items():
        rows = await connection.execute(_find, {"platform": platform, "appid": appid, "openids": openids})
        found |= {IdentityKey(platform, appid, row.openid): KnownIdentity(row.uid, row.unionid) for row in rows}
    return found


_find = select(identities.c.openid, identities.c.uid, identities.c.unionid).where(
    identities.c.platform == bindparam("platform"),
    identities.c.appid == bindparam("appid"),
    identities.c.openid.in_(bindparam("openids", expanding=True)),
)


async def find_unions(connection: AsyncConnection, unions: Collection[Union]) -> dict[Union, set[str]]:
    """Every uid that has an identity of the unionid, in whatever app. None may be empty: "" is most people's."""
    found: dict[Union, set[str]] = {union: set() for union in unions}
    if found:
        for row in await connection.execute(_find_unions, {"unionids": list({unionid for _, unionid in unions})}):
            if (row.platform, row.unionid) in found:
                found[row.platform, row.unionid].add(row.uid)
    return found


_find_unions = select(identities.c.platform, identities.c.unionid, identities.c.uid).where(
    identities.c.unionid.in_(bindparam("unionids", expanding=True))
)


async def add_identities(
    connection: AsyncConnection, new: Sequence[tuple[str, SeenIdentity]]
) -> dict[IdentityKey, str]:
    """Give each identity to its uid unless it has an owner; the owner of each afterwards."""
    if not new:
        return {}
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    rows = [
        {
            "uid": uid,
            "platform": seen.key.platform,
            "appid": seen.key.appid,
            "openid": seen.key.openid,
            "unionid": seen.unionid,
            "sealed_session_key": seen.sealed_session_key,
            "created_at": seen.at,
            "last_login_at": seen.at,
        }
        for uid, seen in sorted(new, key=lambda item: identity_name(item[1].key))
    ]
    await connection.execute(dialect.insert(identities).on_conflict_do_nothing(), rows)
    found = await find_identities(connection, {seen.key for _, seen in new})
    return {key: known.uid for key, known in found.items()}


async def refresh_identities(connection: AsyncConnection, seen: Sequence[SeenIdentity]) -> None:
    """Keep the newest session_key: WeChat has one valid key per user and app. A unionid is never taken back to ""."""
    newest = {item.key: item for item in seen}
    ordered = sorted(newest.values(), key=lambda item: identity_name(item.key))
    if ordered:
        kept = [_named(item) | {"b_session_key": item.sealed_session_key, "b_at": item.at} for item in ordered]
        await connection.execute(_refresh, kept)
    # A statement of its own: SQLite writes to the index of a column that is set, also to what it was.
    if told := [_named(item) | {"b_unionid": item.unionid} for item in ordered if item.unionid]:
        await connection.execute(_tell_unionid, told)


def _named(seen: SeenIdentity) -> dict[str, object]:
    return {"b_platform": seen.key.platform, "b_appid": seen.key.appid, "b_openid": seen.key.openid}


_this = update(identities).where(
    identities.c.platform == bindparam("b_platform"),
    identities.c.appid == bindparam("b_appid"),
    identities.c.openid == bindparam("b_openid"),
)
_refresh = _this.values(sealed_session_key=bindparam("b_session_key"), last_login_at=bindparam("b_at"))
_tell_unionid = _this.where(identities.c.unionid != bindparam("b_unionid")).values(unionid=bindparam("b_unionid"))
