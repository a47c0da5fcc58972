"""New session records, as many as came in at once, and the sessions that must give way to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.storage.claim_texts import written_claims
from menshen.storage.revocations import in_order
from menshen.storage.session_endings import IN_ONE_QUERY, end_sessions
from menshen.storage.session_rows import covered, live
from menshen.storage.tables import sessions

__all__ = ["OpenSession", "open_sessions"]

_UserApp = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A login. Names are those of ``SessionRow``; ``max_sessions`` 0 is no limit, ``replaces`` "" nothing.

    ``at`` is the moment it is judged by, in Unix seconds.
    """

    sid: str
    uid: str
    platform: str
    appid: str
    plugin: str
    kind: str
    openid: str
    unionid: str
    claims: Mapping[str, str]
    account: str
    digest: str
    auth: int
    state_issued_at: int
    state_expires_at: int
    state_end_at: int
    lifetime: int
    refresh_expires_at: int
    ip: str
    user_agent: str
    max_sessions: int
    replaces: str
    at: float
    tags: Mapping[str, str] = field(default_factory=dict)


async def open_sessions(connection: AsyncConnection, new: Sequence[OpenSession]) -> list[None]:
    """Store them; end what they replace, and what is one too many of a user at an app, the oldest first."""
    now = max(item.at for item in new)
    if any(item.replaces or item.max_sessions for item in new):
        await in_order(connection)
    apps = await _replaceable(connection, [item.replaces for item in new if item.replaces])
    counts = await _open(connection, {item.uid for item in new if item.max_sessions}, now)
    whys: dict[str, str] = {}
    for item in new:
        if item.replaces and apps.get(item.replaces) == (item.platform, item.appid):
            whys.setdefault(item.replaces, "replaced")
        key = (item.uid, item.platform, item.appid)
        own = [sid for sid in counts.get(key, ()) if sid not in whys]
        counts[key] = [*own, item.sid]
        if item.max_sessions:
            for sid in own[: max(0, len(own) + 1 - item.max_sessions)]:
                whys[sid] = "max_sessions"
    await connection.execute(insert(sessions), [_values(item) for item in new])
    await end_sessions(connection, whys, now)
    return [None] * len(new)


async def _replaceable(connection: AsyncConnection, sids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The app of each session that nobody has ended. It may look over, if its last renewal was not noted."""
    if not sids:
        return {}
    query = select(sessions.c.sid, sessions.c.platform, sessions.c.appid).where(
        sessions.c.sid.in_(bindparam("sids", expanding=True)), sessions.c.ended_at.is_(None), ~covered()
    )
    found: dict[str, tuple[str, str]] = {}
    for start in range(0, len(sids), IN_ONE_QUERY):
        rows = await connection.execute(query, {"sids": list(sids[start : start + IN_ONE_QUERY])})
        found |= {row.sid: (row.platform, row.appid) for row in rows}
    return found


async def _open(connection: AsyncConnection, uids: set[str], now: float) -> dict[_UserApp, list[str]]:
    """The live sessions of these users, the oldest first."""
    if not uids:
        return {}
    query = (
        select(sessions.c.sid, sessions.c.uid, sessions.c.platform, sessions.c.appid)
        .where(sessions.c.uid.in_(bindparam("uids", expanding=True)), live(now))
        .order_by(sessions.c.id)
    )
    found: dict[_UserApp, list[str]] = {}
    everyone = list(uids)
    for start in range(0, len(everyone), IN_ONE_QUERY):
        for row in await connection.execute(query, {"uids": everyone[start : start + IN_ONE_QUERY]}):
            found.setdefault((row.uid, row.platform, row.appid), []).append(row.sid)
    return found


def _values(new: OpenSession) -> dict[str, object]:
    return {
        "sid": new.sid,
        "uid": new.uid,
        "platform": new.platform,
        "appid": new.appid,
        "plugin": new.plugin,
        "kind": new.kind,
        "openid": new.openid,
        "unionid": new.unionid,
        "claims": written_claims(new.claims),
        "account": new.account,
        "tags": written_claims(new.tags),
        "digest": new.digest or None,
        "auth": new.auth,
        "state_issued_at": new.state_issued_at,
        "state_expires_at": new.state_expires_at,
        "state_end_at": new.state_end_at,
        "lifetime": new.lifetime,
        "protect_until": new.state_expires_at,
        "refresh_generation": 1 if new.refresh_expires_at else 0,
        "refreshed_at": None,
        "refresh_expires_at": new.refresh_expires_at,
        "last_seen_at": new.state_issued_at,
        "expires_at": max(new.state_expires_at, new.refresh_expires_at),
        "ip": new.ip,
        "user_agent": new.user_agent,
        "ended_at": None,
        "ended_why": "",
    }
