"""A pool of users in bulk: what a thousand or a million logins have left behind, on SQLite or PostgreSQL.

Ids are spread as random ones are, so that every index is as ragged, and as far from the caches, as in real life.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import sqlite3
from collections.abc import Sequence

import asyncpg
from sqlalchemy import make_url

from menshen.storage.database import Database
from menshen.storage.schema import migrate

__all__ = ["APPID", "fill", "fill_by", "openid_of"]

APPID = "wx0123456789abcdef"
_AT, _UNTIL = 1_800_000_000, 1_800_007_200

_USER = f"""
    INSERT INTO users (uid, created_at, logins, last_login_at) SELECT {{user}}, {_AT}, 1, {_AT} FROM numbers
"""
_IDENTITY = f"""
    INSERT INTO identities
        (uid, platform, appid, openid, unionid, sealed_session_key, created_at, last_login_at)
    SELECT {{user}}, 'wechat', '{APPID}', {{openid}}, '', '{"s" * 88}', {_AT}, {_AT} FROM numbers
"""
_SESSION = f"""
    INSERT INTO sessions
        (sid, uid, platform, appid, plugin, kind, openid, unionid, claims, auth,
         state_issued_at, state_expires_at, state_end_at, lifetime, protect_until, refresh_generation,
         refresh_expires_at, last_seen_at, expires_at, ip, user_agent, ended_why)
    SELECT {{session}}, {{user}}, 'wechat', '{APPID}', 'shop-login', 'sealed', {{openid}}, '', '{{{{}}}}', {_AT},
        {_AT}, {_UNTIL}, {_UNTIL}, 0, {_UNTIL}, 0, 0, {_AT}, {_UNTIL}, '203.0.113.7', 'MicroMessenger', ''
    FROM numbers
"""
_LOGIN = f"""
    INSERT INTO login_log
        (at, outcome, how, uid, new_user, platform, app, ip, user_agent, request_id, detail)
    SELECT {_AT}, 'ok', 'code', {{user}}, 1, 'wechat', 'shop', '203.0.113.7', 'MicroMessenger', {{request}}, ''
    FROM numbers
"""


def openid_of(number: int) -> str:
    return "o" + _md5(f"openid{number}")[:26]


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _statements(users: int) -> list[str]:
    spread = {
        name: f"'{letter}' || substr(md5('{name}' || n), 1, {26 - len(letter)})"
        for name, letter in (("user", "u"), ("session", ""), ("request", ""))
    }
    spread["openid"] = "'o' || substr(md5('openid' || n), 1, 26)"
    numbers = f"WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {users - 1})"
    return [f"{numbers} {each.format(**spread)}" for each in (_USER, _IDENTITY, _SESSION, _LOGIN)]


async def fill(url: str, users: int) -> None:
    """Make the tables, and this many users with one identity, one session and one row of the login log each."""
    await fill_by(url, _statements(users))


async def fill_by(url: str, statements: Sequence[str]) -> None:
    """Make the tables, and run these statements, which may ask for ``md5``."""
    database = Database(url)
    try:
        await migrate(database)
    finally:
        await database.close()
    if url.startswith("sqlite"):
        await asyncio.to_thread(_fill_sqlite, str(make_url(url).database), statements)
    else:
        await _fill_postgresql(url, statements)


def _fill_sqlite(file: str, statements: Sequence[str]) -> None:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.create_function("md5", 1, _md5, deterministic=True)
        connection.executescript("PRAGMA synchronous=OFF; PRAGMA cache_size=-1000000;")
        for statement in statements:
            with connection:
                connection.execute(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def _fill_postgresql(url: str, statements: Sequence[str]) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in (*statements, "VACUUM ANALYZE", "CHECKPOINT"):  # as autovacuum would have
            await connection.execute(statement)
    finally:
        await connection.close()
