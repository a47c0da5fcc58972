"""The operator's side of sessions over HTTP, on the admin address: list them, end them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from menshen.operators.roles import Scope
from menshen.sessions.records import Record, SessionRecords
from menshen.users.ending import SessionEndings
from menshen.web.admin_api.endpoint import MOST, BadCall, Below, Call, Endpoint, Limit, Line, Word

__all__ = ["AppNames", "session_endpoints", "shown"]

AppNames = Callable[[], Mapping[str, tuple[str, str]]]
"""App name -> (platform, appid), as the running revision has them."""

_HIDDEN = ("id", "digest", "openid", "unionid", "claims", "tags")


class SessionQuery(msgspec.Struct, forbid_unknown_fields=True):
    user: Word | None = None
    app: Word | None = None
    live: Literal["true", "false"] = "true"
    limit: Limit = 50
    below: Below | None = None


class _Ending(msgspec.Struct, forbid_unknown_fields=True):
    """One of ``session``, ``user``, ``app``, ``before`` (Unix seconds); ``app`` and ``before`` may go together."""

    session: Line | None = None
    user: Line | None = None
    app: Line | None = None
    before: int | None = None


class SessionEntry(msgspec.Struct):
    """A login: who and when, not the identity at the platform. Times are Unix seconds; ``ended_at`` null: not ended."""

    cursor: int
    sid: str
    uid: str
    platform: str
    appid: str
    plugin: str
    kind: str
    account: str
    auth: int
    state_issued_at: int
    state_expires_at: int
    state_end_at: int
    lifetime: int
    protect_until: int
    refresh_generation: int
    refreshed_at: float | None
    refresh_expires_at: int
    last_seen_at: int
    expires_at: int
    ip: str
    user_agent: str
    ended_at: int | None
    ended_why: str


class Sessions(msgspec.Struct):
    """``below`` is where the next page goes on, null at the end. A page may have fewer rows than its limit, or none."""

    sessions: list[SessionEntry]
    below: int | None


class EndedSessions(msgspec.Struct, omit_defaults=True):
    """``ended``: how many were live. ``app`` or ``before`` come back where those were ended."""

    ended: int | UnsetType = UNSET
    app: str | UnsetType = UNSET
    before: int | UnsetType = UNSET


def session_endpoints(
    records: SessionRecords, endings: SessionEndings, apps: AppNames, clock: Callable[[], float] = time.time
) -> list[Endpoint]:
    """``GET /v1/sessions?user=&app=&live=&limit=&below=`` and ``POST /v1/sessions/revoke``."""

    async def app_key(name: str) -> tuple[str, str]:
        key = await records.known_app(name, apps())
        if key is None:
            raise BadCall(f"no app is named {name!r}; an app that is gone is written platform/appid")
        return key

    async def listed(call: Call) -> Sessions:
        query: SessionQuery = call.query
        found = await records.page(
            uid=query.user,
            app=await app_key(query.app) if query.app is not None else None,
            live=query.live != "false",
            limit=min(query.limit, MOST),
            below=query.below,
        )
        return Sessions([shown(record) for record in found.rows], found.below)

    async def revoked(call: Call) -> EndedSessions:
        by = call.principal.name
        match call.body:
            case _Ending(session=str(sid), user=None, app=None, before=None):
                return EndedSessions(ended=await endings.end([sid], by))
            case _Ending(session=None, user=str(uid), app=None, before=None):
                return EndedSessions(ended=await endings.end_user(uid, by) if uid else 0)
            case _Ending(session=None, user=None, app=str(name), before=before):
                await endings.end_app(*await app_key(name), by, _before(before, clock()))
                return EndedSessions(app=name)
            case _Ending(session=None, user=None, app=None, before=int(before)):
                await endings.end_app("", "", by, _before(before, clock()))
                return EndedSessions(before=before)
        raise BadCall("give one of session, user, app, before (Unix seconds); app and before may go together")

    read, write, revoke = Scope.USERS_READ, Scope.USERS_WRITE, "/v1/sessions/revoke"
    return [
        Endpoint("GET", "/v1/sessions", "Sessions, newest first", read, listed, SessionQuery, answer=Sessions),
        Endpoint("POST", revoke, "End sessions", write, revoked, body=_Ending, answer=EndedSessions),
    ]


def shown(record: Record) -> SessionEntry:
    """A record for an operator."""
    values = {name: value for name, value in asdict(record).items() if name not in _HIDDEN}
    return SessionEntry(record.id, **values)


def _before(value: int | None, now: float) -> int | None:
    if value is None:
        return None
    if 0 < value <= now + 1:
        return value
    # A moment to come would end logins that are still to be made, and nothing could take it back.
    raise BadCall("before must be Unix seconds, and past")
