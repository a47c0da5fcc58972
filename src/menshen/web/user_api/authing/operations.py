"""``graphql/v2``: the operations that a page needs once it is logged in. Every other one is not offered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from menshen.errors import (
    CallMalformed,
    NotOffered,
    Refusal,
    SessionExpired,
    SessionInvalid,
    SessionMissing,
    SessionRevoked,
    UserBanned,
)
from menshen.gateway.answer import Answer, answer_json
from menshen.gateway.bearers import Bearer, Bearers
from menshen.users.avatars import Avatars
from menshen.users.profiles import Profiles
from menshen.web.user_api.authing.graphql import read_operation, selected
from menshen.web.user_api.authing.user import GENDERS, OK, AuthingUsers
from menshen.web.user_api.authing.wire import GRAPHQL, bearer_state, number_of
from menshen.web.user_api.call import Body, Call
from menshen.web.user_api.endpoint import Endpoint
from menshen.web.user_api.login import Line

__all__ = ["graphql_endpoint"]

Arguments = Mapping[str, Any]
Works = Mapping[tuple[str, str], Callable[[Call, Arguments], Awaitable[Mapping[str, Any]]]]
Text = str | None | msgspec.UnsetType


class GraphqlBody(Body, frozen=True):
    """As the package sends it. ``query`` is one of its own documents."""

    query: Annotated[str, msgspec.Meta(max_length=4096)]
    variables: dict[str, Any] | None = None
    operation_name: Line | None = msgspec.field(name="operationName", default=None)


class GraphqlData(msgspec.Struct, frozen=True):
    """``{operation: what was asked for of it}``."""

    data: dict[str, Any]


class CheckArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``token`` is looked at instead of the one in ``Authorization``."""

    token: str | None = None


class UserArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``id`` is the caller's own or nothing."""

    id: str | None = None


class ProfileInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of Authing's profile is kept here; null and "" take a field back. What is not kept is refused, not dropped.

    ``photo`` is the avatar that the user has uploaded, as he was told it: a picture of elsewhere is not shown as his.
    """

    nickname: Text = msgspec.UNSET
    gender: Literal["U", "M", "F", ""] | msgspec.UnsetType | None = msgspec.UNSET
    locale: Text = msgspec.UNSET
    city: Text = msgspec.UNSET
    province: Text = msgspec.UNSET
    country: Text = msgspec.UNSET
    photo: Text = msgspec.UNSET


class UpdateArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``id`` is the caller's own or nothing."""

    input: ProfileInput
    id: str | None = None


def graphql_endpoint(bearers: Bearers, users: AuthingUsers, profiles: Profiles, avatars: Avatars) -> Endpoint:
    async def graphql(call: Call, body: GraphqlBody) -> Answer:
        operation = read_operation(body.query)
        work = works.get((operation.kind, operation.field))
        if work is None:
            raise NotOffered("an operation of Authing's")
        variables = body.variables or {}
        arguments = {name: variables[of] for name, of in operation.arguments.items() if of in variables}
        value = await work(call, arguments)
        return answer_json(GraphqlData({operation.field: selected(value, operation.selection)}), [])

    async def check(call: Call, arguments: Arguments) -> Mapping[str, Any]:
        """Whether the token is good is the answer, not a refusal; that nobody can say so is one."""
        token = (_converted(arguments, CheckArguments).token or "").encode("utf-8", "replace")
        try:
            claims = (await held(call, token)).claims
            await users.avatar(claims.sub)  # the user stands
        except (SessionMissing, SessionInvalid, SessionExpired, SessionRevoked, UserBanned) as refusal:
            return _status(refusal)
        whose = {"id": claims.sub, "userPoolId": None, "arn": None}
        return {"code": 200, "message": OK, "status": True, "exp": claims.exp, "iat": claims.iat, "data": whose}

    async def user(call: Call, arguments: Arguments) -> Mapping[str, Any]:
        bearer = await held(call)
        _own(_converted(arguments, UserArguments).id, bearer)
        return await shown(call, bearer)

    async def update(call: Call, arguments: Arguments) -> Mapping[str, Any]:
        bearer = await held(call)
        given = _converted(arguments, UpdateArguments)
        _own(given.id, bearer)
        uid, avatar = bearer.claims.sub, await users.avatar(bearer.claims.sub)
        changes = _changes(given.input)
        if not changes and given.input.photo is msgspec.UNSET:
            # So does `updateAvatar` end whose upload was refused: it must not look as if it had been done.
            raise CallMalformed("nothing to change")
        photo = given.input.photo
        if isinstance(photo, str) and photo and not (avatar and photo.endswith(f"/avatars/{avatar}")):
            raise CallMalformed("a photo that was not uploaded here")
        if changes:
            await profiles.change(uid, changes)
        if photo is not msgspec.UNSET and not photo:
            await avatars.remove(uid)
        return await shown(call, bearer)

    async def shown(call: Call, bearer: Bearer) -> Mapping[str, Any]:
        # The package keeps the token of whichever user it was told last: without it, it would be logged out.
        _, token = bearer_state(call.request, call.plugins)
        user: Mapping[str, Any] = msgspec.to_builtins(await users.of(call, bearer.claims, token.decode("latin-1")))
        return user

    async def held(call: Call, also: bytes = b"") -> Bearer:
        return await bearers.valid(
            call.request,
            call.plugins,
            call.states,
            call.now,
            lambda request, plugins: bearer_state(request, plugins, also),
        )

    works: Works = {
        ("query", "checkLoginStatus"): check,
        ("query", "user"): user,
        ("mutation", "updateUser"): update,
    }
    return Endpoint(
        "POST",
        "authing/graphql/v2",
        "Authing's `checkLoginStatus`, `getCurrentUser` and `updateProfile`",
        graphql,
        "any state",
        GraphqlBody,
        GraphqlData,
        (UserBanned, NotOffered),
        GRAPHQL,
    )


def _changes(given: ProfileInput) -> dict[str, object]:
    """The changes to our profile."""
    said: dict[str, object] = msgspec.to_builtins(given)
    said.pop("photo", None)
    changes = {"language" if name == "locale" else name: value or "" for name, value in said.items()}
    if "gender" in changes:
        changes["gender"] = GENDERS.index(given.gender) if given.gender in GENDERS else 0
    return changes


def _own(id_: str | None, bearer: Bearer) -> None:
    if id_ and id_ != bearer.claims.sub:
        raise CallMalformed("of another user")


def _status(refusal: Refusal) -> Mapping[str, Any]:
    return {
        "code": number_of(refusal),
        "message": refusal.text(),
        "status": False,
        "exp": None,
        "iat": None,
        "data": None,
    }


S = TypeVar("S", bound=msgspec.Struct)


def _converted(arguments: Arguments, kind: type[S]) -> S:
    try:
        return msgspec.convert(arguments, kind)
    except msgspec.ValidationError:
        raise CallMalformed("not the arguments of this operation") from None
