"""Users and their identities: found, or made at the first login."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.claim_texts import read_claims
from menshen.storage.tables import identities, users

__all__ = ["IdentityKey", "SeenIdentity", "SignedIn", "sign_in_identities"]


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
    sealed_session_key: str
    at: int


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The user that an identity belongs to. ``claims`` are the user's own, as the operator set them."""

    uid: str
    new_user: bool
    claims: Mapping[str, str] = field(default_factory=dict)


async def sign_in_identities(
    connection: AsyncConnection, seen: Sequence[SeenIdentity], new_uid: Callable[[], str]
) -> list[SignedIn]:
    """Find or create the user of each identity and keep what the login brought.

    Two logins of one new user, in this batch or in another process, make one user: the identity's unique key decides,
    and a user row that lost is taken out again.
    """
    keys = {item.key for item in seen}
    known = await _find(connection, keys)
    created: set[IdentityKey] = set()
    missing = {item.key: item for item in seen if item.key not in known}
    if missing:
        made = await _create(connection, list(missing.values()), new_uid)
        known |= await _find(connection, set(missing))
        created = {key for key, uid in made.items() if known[key].uid == uid}
        await _discard(connection, [uid for key, uid in made.items() if key not in created])
    await _refresh(connection, seen)
    return [SignedIn(known[item.key].uid, item.key in created, read_claims(known[item.key].claims)) for item in seen]


async def _find(connection: AsyncConnection, keys: set[IdentityKey]) -> dict[IdentityKey, Any]:
    """The uid and the claims of each identity's user."""
    by_app: dict[tuple[str, str], list[str]] = {}
    for key in keys:
        by_app.setdefault((key.platform, key.appid), []).append(key.openid)
    query = (
        select(identities.c.openid, identities.c.uid, users.c.claims)
        .join(users, users.c.uid == identities.c.uid)
        .where(
            identities.c.platform == bindparam("platform"),
            identities.c.appid == bindparam("appid"),
            identities.c.openid.in_(bindparam("openids", expanding=True)),
        )
    )
    found: dict[IdentityKey, Any] = {}
    for (platform, appid), openids in by_app.items():
        rows = await connection.execute(query, {"platform": platform, "appid": appid, "openids": openids})
        found |= {IdentityKey(platform, appid, row.openid): row for row in rows}
    return found


async def _create(
    connection: AsyncConnection, new: Sequence[SeenIdentity], new_uid: Callable[[], str]
) -> dict[IdentityKey, str]:
    """Offer a new user for each identity. Who is in the table afterwards may be another's."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    uids = {item.key: new_uid() for item in new}
    await connection.execute(insert(users), [{"uid": uids[item.key], "created_at": item.at} for item in new])
    rows = [
        {
            "uid": uids[item.key],
            "platform": item.key.platform,
            "appid": item.key.appid,
            "openid": item.key.openid,
            "unionid": item.unionid,
            "sealed_session_key": item.sealed_session_key,
            "created_at": item.at,
            "last_login_at": item.at,
        }
        for item in new
    ]
    await connection.execute(dialect.insert(identities).on_conflict_do_nothing(), rows)
    return uids


async def _discard(connection: AsyncConnection, uids: Sequence[str]) -> None:
    if uids:
        await connection.execute(delete(users).where(users.c.uid.in_(uids)))


async def _refresh(connection: AsyncConnection, seen: Sequence[SeenIdentity]) -> None:
    """Keep the newest session_key: WeChat has one valid key per user and app. A unionid is never taken back to ""."""
    statement = (
        update(identities)
        .where(
            identities.c.platform == bindparam("b_platform"),
            identities.c.appid == bindparam("b_appid"),
            identities.c.openid == bindparam("b_openid"),
        )
        .values(sealed_session_key=bindparam("b_session_key"), last_login_at=bindparam("b_at"))
    )
    rows = [
        {
            "b_platform": item.key.platform,
            "b_appid": item.key.appid,
            "b_openid": item.key.openid,
            "b_session_key": item.sealed_session_key,
            "b_at": item.at,
        }
        for item in seen
    ]
    await connection.execute(statement, rows)
    with_unionid = [row | {"b_unionid": item.unionid} for row, item in zip(rows, seen, strict=True) if item.unionid]
    if with_unionid:
        await connection.execute(statement.values(unionid=bindparam("b_unionid")), with_unionid)
