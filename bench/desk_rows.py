"""What an operator's lists have after a month of a large service: a million rows each, unlike as they are in life.

Most logins are let in and come by a platform's code; some words are of a handful of rows that are the oldest of all, so
that whoever looks for them from the newest on must pass everything else.
"""

from __future__ import annotations

import hashlib

from bench.people import APPID, openid_of

__all__ = ["ROWS", "SPAN", "desk_statements", "openid_of", "uid_of"]

ROWS = 1_000_000
SPAN = 2
"""Seconds between two rows: a million are 23 days."""

_UID = "'u' || substr(md5('user' || n), 1, 25)"
_TAIL = "substr(CAST(10000 + n % 10000 * 7919 % 10000 AS TEXT), 2, 4)"

_TABLES = {
    "users (uid, created_at, status, status_reason, nickname, logins, last_login_at)": f"""
        {_UID}, {{at}}, CASE WHEN n % 100 = 7 THEN 'banned' WHEN n % 200 = 13 THEN 'closed' ELSE 'active' END, '',
        'user ' || n, 1, {{at}}""",
    "identities (uid, platform, appid, openid, unionid, sealed_session_key, created_at, last_login_at)": f"""
        {_UID}, 'wechat', '{APPID}', 'o' || substr(md5('openid' || n), 1, 26), '', '{"s" * 88}', {{at}}, {{at}}""",
    "phones (digest, uid, sealed_number, tail, bound_at)": f"""
        md5('phone' || n) || md5('number' || n), {_UID}, '{"n" * 60}', {_TAIL}, {{at}}""",
    "accounts (source, name, uid, shown, password_hash, created_at, changed_at)": f"""
        'own', 'name' || n, {_UID}, 'Name' || n, '{"h" * 90}', {{at}}, {{at}}""",
    "login_log (at, outcome, how, uid, new_user, platform, app, ip, user_agent, request_id, detail)": f"""
        {{at}},
        CASE WHEN n < 5 THEN 'user_blocked' WHEN n % 20 = 3 THEN 'code_invalid' WHEN n % 1000 = 11
            THEN 'platform_says_busy' ELSE 'ok' END,
        CASE WHEN n < 20 THEN 'phone' WHEN n % 10 = 1 THEN 'password' WHEN n % 500 = 2 THEN 'sms' ELSE 'code' END,
        {_UID}, 0, 'wechat',
        CASE WHEN n < 10 THEN 'rare' WHEN n % 3 = 0 THEN 'game' ELSE 'shop' END,
        CASE WHEN n % 2 = 0 THEN '203.0.113.7' ELSE '10.' || n % 251 || '.' || n / 251 % 251 || '.1' END,
        'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) MicroMessenger/8.0.49', md5('request' || n), ''""",
    """sessions (sid, uid, platform, appid, plugin, kind, openid, unionid, claims, auth, state_issued_at,
        state_expires_at, state_end_at, lifetime, protect_until, refresh_generation,
        refresh_expires_at, last_seen_at, expires_at, ip,
        user_agent, ended_at, ended_why)""": f"""
        substr(md5('session' || n), 1, 26), {_UID}, CASE WHEN n % 3 = 0 THEN 'qq' ELSE 'wechat' END,
        CASE WHEN n % 3 = 0 THEN 'qq1' ELSE '{APPID}' END, 'login', 'sealed', 'o', '', '{{{{}}}}', {{at}}, {{at}},
        {{at}} + 7200, {{at}} + 7200, 0, {{at}} + 7200, 0, 0, {{at}}, {{at}} + 7200, '203.0.113.7', 'MicroMessenger',
        CASE WHEN n % 2 = 0 THEN {{at}} + 60 END, CASE WHEN n % 2 = 0 THEN 'logout' ELSE '' END""",
    "audit (at, actor, action, uid, detail)": f"""
        {{at}}, CASE WHEN n < 3 THEN 'rare' WHEN n % 2 = 0 THEN 'li' ELSE 'cli:root' END,
        CASE WHEN n < 9 THEN 'operator.add' WHEN n % 2 = 0 THEN 'user.ban' ELSE 'sessions.end' END,
        {_UID}, '{{{{}}}}'""",
    """webhook_deliveries (delivery, webhook, event, body, created_at, status, attempts, next_at, response_status,
        error, finished_at)""": """
        substr(md5('delivery' || n), 1, 26), 'crm', 'login', '{{"type":"login"}}', {at},
        CASE WHEN n < 5 THEN 'failed' ELSE 'delivered' END, 1, NULL, 204, '', {at}""",
}


def desk_statements(now: int) -> list[str]:
    """For ``people.fill_by``: every table, the newest row of this moment."""
    numbers = f"WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {ROWS - 1})"
    at = f"{now - ROWS * SPAN} + n * {SPAN}"
    return [
        f"{numbers} INSERT INTO {table} SELECT {values.format(at=at)} FROM numbers" for table, values in _TABLES.items()
    ]


def uid_of(number: int) -> str:
    return "u" + hashlib.md5(f"user{number}".encode(), usedforsecurity=False).hexdigest()[:25]
