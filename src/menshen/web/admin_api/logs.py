"""The login log and the audit log over HTTP, on the admin address. Neither can be written from here."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from menshen.storage.login_log import LoginFilter
from menshen.users.directory import UserDirectory
from menshen.web.admin_api.guard import Guard, number, page_limit, word

__all__ = ["log_routes"]


def log_routes(directory: UserDirectory, guarded: Guard) -> list[Route]:
    """``GET /v1/logins?user=&app=&ip=&outcome=&since=`` and ``GET /v1/audit?user=&action=``, with limit and below."""

    async def logins(request: Request) -> dict[str, Any]:
        since = word(request, "since")
        found = await directory.logins(
            LoginFilter(
                uid=word(request, "user"),
                app=word(request, "app"),
                ip=word(request, "ip"),
                outcome=word(request, "outcome"),
                since=number(since, "since") if since else 0,
                below=_below(request),
                limit=page_limit(request),
            )
        )
        rows = [{"cursor": each.id, **asdict(each.login)} for each in found]
        return {"logins": rows, "below": found[-1].id if found else None}

    async def audit(request: Request) -> dict[str, Any]:
        found = await directory.audit(
            uid=word(request, "user"),
            action=word(request, "action"),
            below=_below(request),
            limit=page_limit(request),
        )
        rows = [{"cursor": each.id, **asdict(each.row)} for each in found]
        return {"audit": rows, "below": found[-1].id if found else None}

    return [
        Route("/v1/logins", guarded(logins), methods=["GET"]),
        Route("/v1/audit", guarded(audit), methods=["GET"]),
    ]


def _below(request: Request) -> int | None:
    below = word(request, "below")
    return number(below, "below") if below else None
