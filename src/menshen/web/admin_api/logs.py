"""The login log and the audit log over HTTP, on the admin address. Neither can be written from here."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec

from menshen.operators.roles import Scope
from menshen.storage.login_log import LoginFilter
from menshen.users.directory import UserDirectory
from menshen.web.admin_api.endpoint import MOST, Below, Call, Endpoint, Limit, Word

__all__ = ["log_endpoints"]


class LoginQuery(msgspec.Struct, forbid_unknown_fields=True):
    """``since`` in Unix seconds."""

    user: Word = ""
    app: Word = ""
    ip: Word = ""
    outcome: Word = ""
    since: Below | None = None
    limit: Limit = 50
    below: Below | None = None


class AuditQuery(msgspec.Struct, forbid_unknown_fields=True):
    user: Word = ""
    action: Word = ""
    limit: Limit = 50
    below: Below | None = None


def log_endpoints(directory: UserDirectory) -> list[Endpoint]:
    """``GET /v1/logins?user=&app=&ip=&outcome=&since=`` and ``GET /v1/audit?user=&action=``, with limit and below."""

    async def logins(call: Call) -> dict[str, Any]:
        query: LoginQuery = call.query
        found = await directory.logins(
            LoginFilter(
                uid=query.user,
                app=query.app,
                ip=query.ip,
                outcome=query.outcome,
                since=query.since or 0,
                below=query.below,
                limit=min(query.limit, MOST),
            )
        )
        rows = [{"cursor": each.id, **asdict(each.login)} for each in found]
        return {"logins": rows, "below": found[-1].id if found else None}

    async def audit(call: Call) -> dict[str, Any]:
        query: AuditQuery = call.query
        found = await directory.audit(
            uid=query.user, action=query.action, below=query.below, limit=min(query.limit, MOST)
        )
        rows = [{"cursor": each.id, **asdict(each.row)} for each in found]
        return {"audit": rows, "below": found[-1].id if found else None}

    return [
        Endpoint("GET", "/v1/logins", "The login log, newest first", Scope.USERS_READ, logins, LoginQuery),
        Endpoint("GET", "/v1/audit", "The audit log, newest first", Scope.AUDIT_READ, audit, AuditQuery),
    ]
