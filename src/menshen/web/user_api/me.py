"""``me``: what the user is and says of himself, his password, the end of it all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Literal

import msgspec

from menshen.errors import (
    AccountLocked,
    AccountRefused,
    CallMalformed,
    NotBound,
    Overloaded,
    PasswordWeak,
    SessionRevoked,
    UserBanned,
    UserInvalid,
    UserUnknown,
)
from menshen.gateway.account_check import AccountCheck
from menshen.gateway.answer import Answer, answer_json
from menshen.gateway.binding import Bindings
from menshen.gateway.returning import cleared
from menshen.gateway.shown_user import ShownUsers
from menshen.secret import Secret
from menshen.users.accounts import OwnAccounts
from menshen.users.audit import BY_USER
from menshen.users.life import Doer, UserLife
from menshen.users.profiles import Profiles
from menshen.web.user_api.call import Body, Call
from menshen.web.user_api.endpoint import Ended, Endpoint

__all__ = ["Closed", "Me", "me_endpoints"]

Short = Annotated[str, msgspec.Meta(max_length=64)]
Gender = Literal[0, 1, 2]


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """The user. ``avatar`` is a path at this host, ``phone`` is masked; "" is nothing. Times in Unix seconds.

    ``gender`` is 0 unknown, 1 male, 2 female. The profile is the user's own word and proves nothing.
    """

    uid: str
    nickname: str
    gender: int
    language: str
    city: str
    province: str
    country: str
    avatar: str
    account: str
    phone: str
    created_at: int
    last_login_at: int


class ProfileBody(Body, frozen=True):
    """What is to change; "" takes a field back. What is left out stays."""

    nickname: Short | msgspec.UnsetType = msgspec.UNSET
    gender: Gender | msgspec.UnsetType = msgspec.UNSET
    language: Annotated[str, msgspec.Meta(max_length=16)] | msgspec.UnsetType = msgspec.UNSET
    city: Short | msgspec.UnsetType = msgspec.UNSET
    province: Short | msgspec.UnsetType = msgspec.UNSET
    country: Short | msgspec.UnsetType = msgspec.UNSET


class PasswordBody(Body, frozen=True):
    """The password of one's own account, as it is and as it is to be."""

    password: Secret
    new_password: Secret


class CloseBody(Body, frozen=True):
    """``confirm`` must be true: what is erased does not come back."""

    confirm: bool


class PasswordChanged(msgspec.Struct, frozen=True):
    """How many other sessions ended with the old password."""

    ended: int


class Closed(msgspec.Struct, frozen=True):
    """The account is closed."""

    closed: bool = True


def me_endpoints(
    bindings: Bindings,
    profiles: Profiles,
    users: ShownUsers,
    accounts: OwnAccounts,
    account_check: AccountCheck,
    life: UserLife,
    ended: Ended,
) -> tuple[Endpoint, ...]:
    async def me(call: Call, _: None) -> Answer:
        return await shown(call)

    async def change(call: Call, body: ProfileBody) -> Answer:
        uid = call.bearer.claims.sub
        await bindings.user(uid)
        changes: Mapping[str, object] = msgspec.to_builtins(body)
        if changes:
            await profiles.change(uid, changes)
        return await shown(call)

    async def shown(call: Call) -> Answer:
        uid = call.bearer.claims.sub
        user = await users.find(uid, call.snapshot.listener.client_api)
        return answer_json(Me(uid=uid, **asdict(user)), [])

    async def password(call: Call, body: PasswordBody) -> Answer:
        claims, rules = call.bearer.claims, call.snapshot.users.accounts
        await bindings.user(claims.sub)
        account = await accounts.of(claims.sub)
        await account_check.check_own(rules, account.name, body.password, call.now)
        return answer_json(
            PasswordChanged(await accounts.set_password(rules, account, body.new_password, keep_sid=claims.sid)), []
        )

    async def close(call: Call, body: CloseBody) -> Answer:
        if not body.confirm:
            raise CallMalformed("not confirmed")
        doer = Doer(BY_USER, call.snapshot.webhooks, call.caller.request_id)
        await bindings.user(call.bearer.claims.sub)
        try:
            await life.close(call.bearer.claims.sub, doer)
        except (UserUnknown, UserInvalid):
            raise SessionRevoked("closed a moment ago") from None
        ended(call.bearer.claims)
        return answer_json(Closed(), cleared(call.bearer.readers))

    standing = (UserBanned, SessionRevoked)
    return (
        Endpoint("GET", "me", "The user", me, "state", None, Me, standing),
        Endpoint("PATCH", "me", "Change the profile", change, "state", ProfileBody, Me, standing),
        # wx.request and its likes cannot send PATCH.
        Endpoint(
            "POST", "me", "The same, for mini programs: none can send PATCH", change, "state", ProfileBody, Me, standing
        ),
        Endpoint(
            "POST",
            "me/password",
            "Change the password of one's own account; other sessions end",
            password,
            "state",
            PasswordBody,
            PasswordChanged,
            (*standing, NotBound, AccountRefused, AccountLocked, PasswordWeak, Overloaded),
        ),
        Endpoint(
            "POST",
            "me/close",
            "Close the account: everything personal is erased, every session ends",
            close,
            "state",
            CloseBody,
            Closed,
            standing,
        ),
    )
