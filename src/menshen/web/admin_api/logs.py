"""The login log and the audit log over HTTP, on the admin address. Neither can be written from here."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

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
    how: Literal["", "code", "password", "phone", "sms"] = ""
    since: Below | None = None
    limit: Limit = 50
    below: Below | None = None


class AuditQuery(msgspec.Struct, forbid_unknown_fields=True):
    user: Word = ""
    action: Word = ""
    actor: Word = ""
    limit: Limit = 50
    below: Below | None = None


class LoginEntry(msgspec.Struct):
    """A login that was tried, ``at`` Unix seconds. ``outcome`` is `ok` or the reason of the refusal."""

    cursor: int
    at: int
    outcome: str
    how: str
    uid: str
    new_user: bool
    platform: str
    app: str
    ip: str
    user_agent: str
    request_id: str
    detail: str


class Logins(msgspec.Struct):
    """``below`` is where the next page goes on, null at the end. A page may have fewer rows than its limit, or none."""

    logins: list[LoginEntry]
    below: int | None


class AuditEntry(msgspec.Struct):
    """What was done, ``at`` Unix seconds, by whom, and to which user, "" for none."""

    cursor: int
    at: int
    actor: str
    action: str
    uid: str
    detail: dict[str, Any]


class AuditLog(msgspec.Struct):
    """``below`` is where the next page goes on, null at the end. A page may have fewer rows than its limit, or none."""

    audit: list[AuditEntry]
    below: int | None


def log_endpoints(directory: UserDirectory) -> list[Endpoint]:
    """``GET /v1/logins?user=&app=&ip=&outcome=&how=&since=`` and ``GET /v1/audit?user=&action=&actor=``."""

    async def logins(call: Call) -> Logins:
        query: LoginQuery = call.query
        found = await directory.page_logins(
            LoginFilter(
                uid=query.user,
                app=query.app,
                ip=query.ip,
                outcome=query.outcome,
                how=query.how,
                since=query.since or 0,
                below=query.below,
                limit=min(query.limit, MOST),
            )
        )
        return Logins([LoginEntry(each.id, **asdict(each.login)) for each in found.rows], found.below)

    async def audit(call: Call) -> AuditLog:
        query: AuditQuery = call.query
        found = await directory.page_audit(
            uid=query.user, action=query.action, actor=query.actor, below=query.below, limit=min(query.limit, MOST)
        )
        rows = [
            AuditEntry(each.id, each.row.at, each.row.actor, each.row.action, each.row.uid, dict(each.row.detail))
            for each in found.rows
        ]
        return AuditLog(rows, found.below)

    read = Scope.USERS_READ
    return [
        Endpoint("GET", "/v1/logins", "The login log, newest first", read, logins, LoginQuery, answer=Logins),
        Endpoint(
            "GET", "/v1/audit", "The audit log, newest first", Scope.AUDIT_READ, audit, AuditQuery, answer=AuditLog
        ),
    ]
