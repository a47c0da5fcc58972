"""The operator's side of sessions over HTTP, on the admin address: list them, end them.

Every call needs the node's admin token: a page in the operator's browser, or any process of the machine, can reach a
loopback address too (attack class 50).
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from menshen.errors import DatabaseUnavailable
from menshen.secret import Secret
from menshen.sessions.records import Record, SessionRecords

__all__ = ["AppNames", "session_routes", "shown"]

AppNames = Callable[[], Mapping[str, tuple[str, str]]]
"""App name -> (platform, appid), as the running revision has them."""

_MOST = 500
_BODY = 4096
_HIDDEN = ("id", "digest", "openid", "unionid", "claims")


class _Bad(Exception):
    """What is wrong with a call."""


def session_routes(
    records: SessionRecords, apps: AppNames, token: Secret, clock: Callable[[], float] = time.time
) -> list[Route]:
    """``GET /v1/sessions?user=&app=&live=&limit=&below=`` and ``POST /v1/sessions/revoke``."""

    def guarded(work: Callable[[Request], Awaitable[dict[str, Any]]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            sent = request.headers.get("authorization", "")
            if not hmac.compare_digest(sent.encode(), f"Bearer {token.reveal()}".encode()):
                return _refused(401, "the admin token is missing or wrong")
            try:
                return JSONResponse(await work(request), headers={"cache-control": "no-store"})
            except _Bad as error:
                return _refused(400, str(error))
            except DatabaseUnavailable:
                return _refused(503, "the database is not available")

        return answer

    async def app_key(name: str) -> tuple[str, str]:
        key = await records.known_app(name, apps())
        if key is None:
            raise _Bad(f"no app is named {name!r}; an app that is gone is written platform/appid")
        return key

    async def listed(request: Request) -> dict[str, Any]:
        query = request.query_params
        found = await records.list(
            uid=query.get("user"),
            app=await app_key(query["app"]) if "app" in query else None,
            live=query.get("live", "true") != "false",
            limit=min(_number(query.get("limit", "50")), _MOST),
            below=_number(query["below"]) if "below" in query else None,
        )
        return {"sessions": [shown(record) for record in found], "below": found[-1].id if found else None}

    async def revoked(request: Request) -> dict[str, Any]:
        body = await request.body()
        try:
            wanted = msgspec.json.decode(body[:_BODY], type=dict[str, Any])
        except msgspec.MsgspecError:
            raise _Bad("the body must be a JSON object") from None
        match wanted:
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
        raise _Bad("give one of session, user, app, before (Unix seconds); app and before may go together")

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
    raise _Bad("before must be Unix seconds, and past")


def _number(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise _Bad("limit and below must be positive numbers")
    return number


def _refused(status: int, why: str) -> Response:
    return JSONResponse({"message": why}, status_code=status, headers={"cache-control": "no-store"})
