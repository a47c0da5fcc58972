"""The operator's side of the user pool over HTTP, on the admin address: find users, ban, close and merge them.

What changes a user is a POST or PATCH, and is written to the audit log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Literal

import msgspec

from menshen.config.user_rules import WebhookRules
from menshen.operators.roles import Principal, Scope
from menshen.storage.user_rows import Standing, UserRow
from menshen.users.directory import Found, UserDirectory, page_after, page_of
from menshen.users.life import Doer, UserLife
from menshen.web.admin_api.endpoint import MOST, Call, Endpoint, Limit, Word

__all__ = ["user_endpoints"]


class UserQuery(msgspec.Struct, forbid_unknown_fields=True):
    """``phone`` is a number or its last four digits. All conditions hold together."""

    uid: Word = ""
    openid: Word = ""
    account: Word = ""
    phone: Word = ""
    status: Literal["", "active", "banned", "closed"] = ""
    limit: Limit = 50
    below: Word = ""


class _Ban(msgspec.Struct, forbid_unknown_fields=True):
    reason: str = ""
    until: int = 0


class _Close(msgspec.Struct, forbid_unknown_fields=True):
    confirm: Literal[True]
    """Nothing brings a closed user back: a call that was meant for another path must not do it."""
    reason: str = ""


class _Merge(msgspec.Struct, forbid_unknown_fields=True):
    into: str


def user_endpoints(
    directory: UserDirectory, life: UserLife, webhooks: Callable[[], Sequence[WebhookRules]]
) -> list[Endpoint]:
    """``/v1/users``, below it what is done to one user. ``webhooks`` gives those of the running revision."""

    def doer(principal: Principal) -> Doer:
        return Doer(principal.name, webhooks())

    async def listed(call: Call) -> dict[str, Any]:
        query: UserQuery = call.query
        found = await directory.search(
            uid=query.uid,
            openid=query.openid,
            account=query.account,
            phone=query.phone,
            status=query.status or None,
            below=page_of(query.below) if query.below else None,
            limit=min(query.limit, MOST),
        )
        users = [_in_list(user, standing) for user, standing in found]
        return {"users": users, "below": page_after(found[-1][0]) if found else None}

    async def shown(call: Call) -> dict[str, Any]:
        return _in_full(await directory.get(call.path["uid"]))

    async def banned(call: Call) -> dict[str, Any]:
        body: _Ban = call.body
        by = doer(call.principal)
        return {"ended": await life.ban(call.path["uid"], by, reason=body.reason, until=body.until)}

    async def unbanned(call: Call) -> dict[str, Any]:
        await life.unban(call.path["uid"], doer(call.principal))
        return {}

    async def closed(call: Call) -> dict[str, Any]:
        body: _Close = call.body
        return {"ended": await life.close(call.path["uid"], doer(call.principal), reason=body.reason)}

    async def merged(call: Call) -> dict[str, Any]:
        body: _Merge = call.body
        return asdict(await life.merge(call.path["uid"], body.into, doer(call.principal)))

    async def metadata(call: Call) -> dict[str, Any]:
        return {"metadata": await life.set_metadata(call.path["uid"], call.body, doer(call.principal))}

    async def claims(call: Call) -> dict[str, Any]:
        return {"claims": await life.set_claims(call.path["uid"], call.body, doer(call.principal))}

    one, read, write = "/v1/users/{uid}", Scope.USERS_READ, Scope.USERS_WRITE
    return [
        Endpoint("GET", "/v1/users", "Find users, newest first", read, listed, UserQuery),
        Endpoint("GET", one, "One user", read, shown, refuses=(404,)),
        Endpoint("POST", f"{one}/ban", "Ban a user and end the sessions", write, banned, body=_Ban, refuses=(404,)),
        Endpoint("POST", f"{one}/unban", "Lift a ban", write, unbanned, refuses=(404,)),
        Endpoint("POST", f"{one}/close", "Close a user for ever", write, closed, body=_Close, refuses=(404,)),
        Endpoint("POST", f"{one}/merge", "Merge a user into another", write, merged, body=_Merge, refuses=(404,)),
        Endpoint("PATCH", f"{one}/metadata", "Change metadata", write, metadata, body=dict[str, Any], refuses=(404,)),
        Endpoint("PATCH", f"{one}/claims", "Change claims", write, claims, body=dict[str, str | None], refuses=(404,)),
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
