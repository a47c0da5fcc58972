"""The operator's side of sessions over HTTP, on the admin address: list them, end them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from menshen.sessions.records import Record, SessionRecords
from menshen.web.admin_api.guard import BadCall, Guard, call_body, number, page_limit

__all__ = ["AppNames", "session_routes", "shown"]

AppNames = Callable[[], Mapping[str, tuple[str, str]]]
"""App name -> (platform, appid), as the running revision has them."""

_HIDDEN = ("id", "digest", "openid", "unionid", "claims", "tags")


def session_routes(
    records: SessionRecords, apps: AppNames, guarded: Guard, clock: Callable[[], float] = time.time
) -> list[Route]:
    """``GET /v1/sessions?user=&app=&live=&limit=&below=`` and ``POST /v1/sessions/revoke``."""

    async def app_key(name: str) -> tuple[str, str]:
        key = await records.known_app(name, apps())
        if key is None:
            raise BadCall(f"no app is named {name!r}; an app that is gone is written platform/appid")
        return key

    async def listed(request: Request) -> dict[str, Any]:
        query = request.query_params
        found = await records.list(
            uid=query.get("user"),
            app=await app_key(query["app"]) if "app" in query else None,
            live=query.get("live", "true") != "false",
            limit=page_limit(request),
            below=number(query["below"], "below") if "below" in query else None,
        )
        return {"sessions": [shown(record) for record in found], "below": found[-1].id if found else None}

    async def revoked(request: Request) -> dict[str, Any]:
        match await call_body(request, dict[str, Any]):
            case {"session": str(sid), **rest} if not rest:
                return {"ended": await records.end([sid], "revoked")}
            case {"user": str(uid), **rest} if not rest:
                return {"ended": await records.end_user(uid, "revoked")}
            case {"app": str(name), **rest} if rest.keys() <= {"before"}:
                await records.end_app(*await app_key(name), _before(rest.get("before"), clock()))
                return {"app": name}
            case {"before": before, **rest} if not rest and before is not None:
                await records.end_before(_before(before, clock()))
                return {"before": before}
        raise BadCall("give one of session, user, app, before (Unix seconds); app and before may go together")

    return [
        Route("/v1/sessions", guarded(listed), methods=["GET"]),
        Route("/v1/sessions/revoke", guarded(revoked), methods=["POST"]),
    ]


def shown(record: Record) -> dict[str, Any]:
    """A record for an operator: who and when, not the identity at the platform."""
    return {"cursor": record.id, **{name: value for name, value in asdict(record).items() if name not in _HIDDEN}}


def _before(value: object, now: float) -> int | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= now + 1:
        return value
    # A moment to come would end logins that are still to be made, and nothing could take it back.
    raise BadCall("before must be Unix seconds, and past")
