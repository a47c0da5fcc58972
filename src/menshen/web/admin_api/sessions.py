"""The operator's side of sessions over HTTP, on the admin address: list them, end them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Literal

import msgspec

from menshen.operators.roles import Scope
from menshen.sessions.records import Record, SessionRecords
from menshen.web.admin_api.endpoint import MOST, BadCall, Below, Call, Endpoint, Limit, Word

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

    session: str | None = None
    user: str | None = None
    app: str | None = None
    before: int | None = None


def session_endpoints(
    records: SessionRecords, apps: AppNames, clock: Callable[[], float] = time.time
) -> list[Endpoint]:
    """``GET /v1/sessions?user=&app=&live=&limit=&below=`` and ``POST /v1/sessions/revoke``."""

    async def app_key(name: str) -> tuple[str, str]:
        key = await records.known_app(name, apps())
        if key is None:
            raise BadCall(f"no app is named {name!r}; an app that is gone is written platform/appid")
        return key

    async def listed(call: Call) -> dict[str, Any]:
        query: SessionQuery = call.query
        found = await records.list(
            uid=query.user,
            app=await app_key(query.app) if query.app is not None else None,
            live=query.live != "false",
            limit=min(query.limit, MOST),
            below=query.below,
        )
        return {"sessions": [shown(record) for record in found], "below": found[-1].id if found else None}

    async def revoked(call: Call) -> dict[str, Any]:
        match call.body:
            case _Ending(session=str(sid), user=None, app=None, before=None):
                return {"ended": await records.end([sid], "revoked")}
            case _Ending(session=None, user=str(uid), app=None, before=None):
                return {"ended": await records.end_user(uid, "revoked")}
            case _Ending(session=None, user=None, app=str(name), before=before):
                await records.end_app(*await app_key(name), _before(before, clock()))
                return {"app": name}
            case _Ending(session=None, user=None, app=None, before=int(before)):
                await records.end_before(_before(before, clock()))
                return {"before": before}
        raise BadCall("give one of session, user, app, before (Unix seconds); app and before may go together")

    return [
        Endpoint("GET", "/v1/sessions", "Sessions, newest first", Scope.USERS_READ, listed, SessionQuery),
        Endpoint("POST", "/v1/sessions/revoke", "End sessions", Scope.USERS_WRITE, revoked, body=_Ending),
    ]


def shown(record: Record) -> dict[str, Any]:
    """A record for an operator: who and when, not the identity at the platform."""
    return {"cursor": record.id, **{name: value for name, value in asdict(record).items() if name not in _HIDDEN}}


def _before(value: int | None, now: float) -> int | None:
    if value is None:
        return None
    if 0 < value <= now + 1:
        return value
    # A moment to come would end logins that are still to be made, and nothing could take it back.
    raise BadCall("before must be Unix seconds, and past")
