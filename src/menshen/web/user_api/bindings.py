"""``me/identities``, ``me/bind``, ``me/unbind``: the user's ways in.

Who binds or unbinds gets a new session in place of the one he came with.
"""

from __future__ import annotations

import msgspec

from menshen.errors import (
    AccountTaken,
    AlreadyBound,
    CallMalformed,
    CaptchaRequired,
    CaptchaUnavailable,
    IdentityConflict,
    LastWayIn,
    LoginLimit,
    NotBound,
    SessionRevoked,
    UserBanned,
)
from menshen.gateway.account_binding import AccountBinding
from menshen.gateway.answer import Answer, answer_json
from menshen.gateway.binding import Bindings
from menshen.secret import Secret
from menshen.users.phones import PhoneNumbers
from menshen.web.user_api.call import Body, Call
from menshen.web.user_api.endpoint import Endpoint
from menshen.web.user_api.given import Given
from menshen.web.user_api.login import ACCOUNT_REFUSALS, CODE_REFUSALS, Captcha, Code, Line
from menshen.web.user_api.rebinding import Rebinding

__all__ = ["binding_endpoints"]


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """An identity at a platform. ``app`` is the app's name, or its appid where it is gone from the document."""

    id: int
    app: str
    platform: str
    created_at: int
    last_login_at: int


class WaysIn(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is bound to the user. ``phone`` is masked; "" is nothing."""

    identities: list[Identity]
    account: str
    phone: str


class BindBody(Body, frozen=True):
    """``code`` and ``app``: another identity. ``username`` and ``password``: the business account."""

    code: Code = ""
    app: Line = ""
    username: Line = ""
    password: Secret = msgspec.field(default_factory=lambda: Secret(""))
    captcha: Captcha = ""


class UnbindBody(Body, frozen=True):
    """One of them: the id of an identity, or ``true``."""

    identity: int | None = None
    account: bool = False
    phone: bool = False


def binding_endpoints(
    bindings: Bindings, account_binding: AccountBinding, phones: PhoneNumbers, rebinding: Rebinding
) -> tuple[Endpoint, ...]:
    async def identities(call: Call, _body: None) -> Answer:
        _, bound = await bindings.user(call.bearer.claims.sub)
        names = {(plugin.app.platform, plugin.app.appid): plugin.app.name for plugin in call.plugins}
        listed = [
            Identity(
                id=identity.id,
                app=names.get((identity.platform, identity.appid), identity.appid),
                platform=identity.platform,
                created_at=identity.created_at,
                last_login_at=identity.last_login_at,
            )
            for identity in bound.identities
        ]
        phone = phones.reveal(bound.phone.sealed_number, bound.phone.digest).masked if bound.phone else ""
        account = bound.account.shown if bound.account else ""
        return answer_json(WaysIn(identities=listed, account=account, phone=phone), [])

    async def bind(call: Call, body: BindBody) -> Answer:
        match bool(body.code), bool(body.username), bool(body.password):
            case True, False, False:
                plugin, asking = call.plugin(body.app), await rebinding.asking(call)
                bound = await bindings.bind_identity(asking, plugin, body.code, call.request.received)
            case False, True, True:
                asking = await rebinding.asking(call)
                bound = await account_binding.bind(asking, body.username, body.password, body.captcha)
            case _:
                raise CallMalformed("bind takes a code, or a username and a password")
        return rebinding.answer(call, asking, bound)

    async def unbind(call: Call, body: UnbindBody) -> Answer:
        asking = await rebinding.asking(call)
        match body.identity, body.account, body.phone:
            case int() as id_, False, False:
                left = await bindings.unbind_identity(asking, id_)
            case None, True, False:
                left = await bindings.unbind_account(asking)
            case None, False, True:
                left = await bindings.unbind_phone(asking)
            case _:
                raise CallMalformed("unbind takes one of identity, account, phone")
        return rebinding.answer(call, asking, left)

    standing = (UserBanned, SessionRevoked)
    return (
        Endpoint(
            "GET", "me/identities", "Everything that is bound to the user", identities, "state", None, WaysIn, standing
        ),
        Endpoint(
            "POST",
            "me/bind",
            "Bind another identity, or the business account",
            bind,
            "state",
            BindBody,
            Given,
            (
                *standing,
                *CODE_REFUSALS,
                *ACCOUNT_REFUSALS,
                IdentityConflict,
                AccountTaken,
                AlreadyBound,
                LoginLimit,
                CaptchaRequired,
                CaptchaUnavailable,
            ),
        ),
        Endpoint(
            "POST",
            "me/unbind",
            "Unbind an identity, the account or the phone number; never the last way in",
            unbind,
            "state",
            UnbindBody,
            Given,
            (*standing, NotBound, LastWayIn),
        ),
    )
