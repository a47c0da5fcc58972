"""The operator's side of the user pool over HTTP, on the admin address: find users, ban, close and merge them.

What changes a user is a POST or PATCH, and is written to the audit log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Literal

import msgspec

from menshen.config.user_rules import WebhookRules
from menshen.errors import KeyRingInvalid
from menshen.operators.roles import Principal, Scope
from menshen.storage.user_rows import Standing, UserRow
from menshen.users.directory import Found, UserDirectory, page_of, word_of
from menshen.users.life import Doer, UserLife
from menshen.users.personal import PersonalData
from menshen.web.admin_api.endpoint import MOST, BadCall, Call, Endpoint, Limit, Line, Word, Work

__all__ = ["user_endpoints"]


class UserQuery(msgspec.Struct, forbid_unknown_fields=True):
    """``phone`` is a number or its last four digits; ``find`` any of the others. All conditions hold together."""

    uid: Word = ""
    openid: Word = ""
    account: Word = ""
    phone: Word = ""
    find: Word = ""
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
    into: Line


class UserEntry(msgspec.Struct):
    """Times are Unix seconds; ``banned_until`` 0 is for ever, ``last_login_at`` 0 never."""

    uid: str
    status: Standing
    status_reason: str
    banned_until: int
    merged_into: str
    nickname: str
    created_at: int
    last_login_at: int
    logins: int


class Users(msgspec.Struct):
    """``below`` is where the next page goes on, null at the end. A page may have fewer rows than its limit, or none."""

    users: list[UserEntry]
    below: str | None


class Identity(msgspec.Struct):
    id: int
    platform: str
    appid: str
    openid: str
    created_at: int
    last_login_at: int


class Account(msgspec.Struct):
    """``source`` is `own` or `verifier`."""

    source: str
    name: str


class PhoneTail(msgspec.Struct):
    """The last four digits."""

    tail: str
    bound_at: int


class OneUser(UserEntry):
    """Everything but session_keys, passwords and the digits of a phone number."""

    status_at: int
    avatar: str
    profile: dict[str, str]
    claims: dict[str, str]
    metadata: dict[str, Any]
    identities: list[Identity]
    account: Account | None
    phone: PhoneTail | None


class Ended(msgspec.Struct):
    """How many sessions were live."""

    ended: int


class Nothing(msgspec.Struct):
    """Done, and no more to say."""


class Merged(msgspec.Struct):
    """How many of each went from the one user to the other."""

    identities: int
    accounts: int
    phones: int
    sessions: int
    ended: int


class Metadata(msgspec.Struct):
    """All of it, as it is now."""

    metadata: dict[str, Any]


class Claims(msgspec.Struct):
    """All of them, as they are now."""

    claims: dict[str, str]


class Phone(msgspec.Struct):
    """The whole number, E.164."""

    phone: str


def user_endpoints(
    directory: UserDirectory, life: UserLife, personal: PersonalData, webhooks: Callable[[], Sequence[WebhookRules]]
) -> list[Endpoint]:
    """``/v1/users``, below it what is done to one user. ``webhooks`` gives those of the running revision."""

    def doer(principal: Principal) -> Doer:
        return Doer(principal.name, webhooks())

    async def listed(call: Call) -> Users:
        query: UserQuery = call.query
        found = await directory.page(
            uid=query.uid,
            openid=query.openid,
            account=query.account,
            phone=query.phone,
            anything=query.find,
            status=query.status or None,
            below=page_of(query.below) if query.below else None,
            limit=min(query.limit, MOST),
        )
        users = [UserEntry(**_in_list(user, standing)) for user, standing in found.rows]
        return Users(users, None if found.below is None else word_of(found.below))

    async def shown(call: Call) -> OneUser:
        return _in_full(await directory.get(call.path["uid"]))

    async def phone(call: Call) -> Phone:
        try:
            number = await personal.phone(call.path["uid"], call.principal.name)
        except KeyRingInvalid as error:
            raise BadCall(str(error), 409) from None
        if number is None:
            raise BadCall("this user has no phone number", 404)
        return Phone(number)

    async def banned(call: Call) -> Ended:
        body: _Ban = call.body
        by = doer(call.principal)
        return Ended(await life.ban(call.path["uid"], by, reason=body.reason, until=body.until))

    async def unbanned(call: Call) -> Nothing:
        await life.unban(call.path["uid"], doer(call.principal))
        return Nothing()

    async def closed(call: Call) -> Ended:
        body: _Close = call.body
        return Ended(await life.close(call.path["uid"], doer(call.principal), reason=body.reason))

    async def merged(call: Call) -> Merged:
        body: _Merge = call.body
        return Merged(**asdict(await life.merge(call.path["uid"], body.into, doer(call.principal))))

    async def metadata(call: Call) -> Metadata:
        return Metadata(await life.set_metadata(call.path["uid"], call.body, doer(call.principal)))

    async def claims(call: Call) -> Claims:
        return Claims(await life.set_claims(call.path["uid"], call.body, doer(call.principal)))

    one, read, write, no = "/v1/users/{uid}", Scope.USERS_READ, Scope.USERS_WRITE, (404,)

    def done(path: str, summary: str, work: Work, body: Any, answer: Any) -> Endpoint:
        return Endpoint("POST", f"{one}/{path}", summary, write, work, body=body, answer=answer, refuses=no)

    def changed(path: str, summary: str, work: Work, body: Any, answer: Any) -> Endpoint:
        return Endpoint("PATCH", f"{one}/{path}", summary, write, work, body=body, answer=answer, refuses=no)

    whole = Endpoint(
        "GET",
        f"{one}/phone",
        "A phone number in full; it is written to the audit log",
        Scope.PERSONAL_READ,
        phone,
        answer=Phone,
        refuses=(404, 409),
    )
    return [
        Endpoint("GET", "/v1/users", "Find users, newest first", read, listed, UserQuery, answer=Users),
        Endpoint("GET", one, "One user", read, shown, answer=OneUser, refuses=no),
        whole,
        done("ban", "Ban a user and end the sessions", banned, _Ban, Ended),
        done("unban", "Lift a ban", unbanned, None, Nothing),
        done("close", "Close a user for ever", closed, _Close, Ended),
        done("merge", "Merge a user into another", merged, _Merge, Merged),
        changed("metadata", "Change metadata", metadata, dict[str, Any], Metadata),
        changed("claims", "Change claims", claims, dict[str, str | None], Claims),
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


def _in_full(found: Found) -> OneUser:
    bound = found.bound
    account, phone = bound.account, bound.phone
    return OneUser(
        **_in_list(found.user, found.standing),
        status_at=found.user.status_at,
        avatar=found.user.avatar,
        profile=dict(found.user.profile),
        claims=dict(found.user.claims),
        metadata=dict(found.user.metadata),
        identities=[Identity(**asdict(identity)) for identity in bound.identities],
        account=None if account is None else Account(account.source, account.shown),
        phone=None if phone is None else PhoneTail(phone.tail, phone.bound_at),
    )
