"""The operator's side of the user pool over HTTP, on the admin address: find users, ban, close and merge them.

What changes a user is a POST or PATCH, and is written to the audit log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from menshen.config.user_rules import WebhookRules
from menshen.storage.user_rows import Standing, UserRow
from menshen.users.directory import Found, UserDirectory, page_after, page_of
from menshen.users.life import Doer, UserLife
from menshen.web.admin_api.guard import BadCall, Guard, call_body, page_limit, word

__all__ = ["ACTOR", "user_routes"]

ACTOR = "admin"
"""Who did it, in the audit log: whoever holds the admin token."""

_STANDINGS: dict[str, Standing | None] = {"": None, "active": "active", "banned": "banned", "closed": "closed"}


class _Ban(msgspec.Struct, forbid_unknown_fields=True):
    reason: str = ""
    until: int = 0


class _Close(msgspec.Struct, forbid_unknown_fields=True):
    confirm: Literal[True]
    """Nothing brings a closed user back: a call that was meant for another path must not do it."""
    reason: str = ""


class _Merge(msgspec.Struct, forbid_unknown_fields=True):
    into: str


def user_routes(
    directory: UserDirectory, life: UserLife, webhooks: Callable[[], Sequence[WebhookRules]], guarded: Guard
) -> list[Route]:
    """``/v1/users``, below it what is done to one user. ``webhooks`` gives those of the running revision."""

    def doer() -> Doer:
        return Doer(ACTOR, webhooks())

    async def listed(request: Request) -> dict[str, Any]:
        status = word(request, "status")
        if status not in _STANDINGS:
            raise BadCall("status must be active, banned or closed")
        below = word(request, "below")
        found = await directory.search(
            uid=word(request, "uid"),
            openid=word(request, "openid"),
            account=word(request, "account"),
            phone=word(request, "phone"),
            status=_STANDINGS[status],
            below=page_of(below) if below else None,
            limit=page_limit(request),
        )
        users = [_in_list(user, standing) for user, standing in found]
        return {"users": users, "below": page_after(found[-1][0]) if found else None}

    async def shown(request: Request) -> dict[str, Any]:
        return _in_full(await directory.get(word(request, "uid")))

    async def banned(request: Request) -> dict[str, Any]:
        body = await call_body(request, _Ban)
        return {"ended": await life.ban(word(request, "uid"), doer(), reason=body.reason, until=body.until)}

    async def unbanned(request: Request) -> dict[str, Any]:
        await life.unban(word(request, "uid"), doer())
        return {}

    async def closed(request: Request) -> dict[str, Any]:
        body = await call_body(request, _Close)
        return {"ended": await life.close(word(request, "uid"), doer(), reason=body.reason)}

    async def merged(request: Request) -> dict[str, Any]:
        body = await call_body(request, _Merge)
        return asdict(await life.merge(word(request, "uid"), body.into, doer()))

    async def metadata(request: Request) -> dict[str, Any]:
        changes = await call_body(request, dict[str, Any])
        return {"metadata": await life.set_metadata(word(request, "uid"), changes, doer())}

    async def claims(request: Request) -> dict[str, Any]:
        changes = await call_body(request, dict[str, str | None])
        return {"claims": await life.set_claims(word(request, "uid"), changes, doer())}

    return [
        Route("/v1/users", guarded(listed), methods=["GET"]),
        Route("/v1/users/{uid}", guarded(shown), methods=["GET"]),
        Route("/v1/users/{uid}/ban", guarded(banned), methods=["POST"]),
        Route("/v1/users/{uid}/unban", guarded(unbanned), methods=["POST"]),
        Route("/v1/users/{uid}/close", guarded(closed), methods=["POST"]),
        Route("/v1/users/{uid}/merge", guarded(merged), methods=["POST"]),
        Route("/v1/users/{uid}/metadata", guarded(metadata), methods=["PATCH"]),
        Route("/v1/users/{uid}/claims", guarded(claims), methods=["PATCH"]),
    ]


def _in_list(user: UserRow, standing: Standing) -> dict[str, Any]:
    return {
        "uid": user.uid,
        "status": standing,
        "status_reason": user.status_reason if standing == user.status else "",
        "banned_until": user.banned_until if standing == "banned" else 0,
        "merged_into": user.merged_into,
        "nickname": user.nickname,
        "created_at": user.created_at,
        "last_login_at": user.last_login_at,
        "logins": user.logins,
    }


def _in_full(found: Found) -> dict[str, Any]:
    """Everything but session_keys, passwords and the digits of a phone number."""
    bound = found.bound
    account, phone = bound.account, bound.phone
    return {
        **_in_list(found.user, found.standing),
        "status_at": found.user.status_at,
        "avatar": found.user.avatar,
        "profile": found.user.profile,
        "claims": found.user.claims,
        "metadata": found.user.metadata,
        "identities": [asdict(identity) for identity in bound.identities],
        "account": None if account is None else {"source": account.source, "name": account.shown},
        "phone": None if phone is None else {"tail": phone.tail, "bound_at": phone.bound_at},
    }
