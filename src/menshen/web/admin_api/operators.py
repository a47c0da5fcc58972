"""Operators over HTTP, on the admin address: the first owner, roles, passwords, sessions at the console; who one is.

A password may be sent and is never told.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from menshen.operators.accounts import role_of
from menshen.operators.roles import Scope
from menshen.operators.service import OperatorService
from menshen.secret import Secret
from menshen.storage.operators import OperatorRow
from menshen.web.admin_api.endpoint import Call, Endpoint

__all__ = ["operator_account_endpoints"]

RoleName = Annotated[str, Meta(description="viewer, operator or owner", examples=["viewer"], max_length=20)]
Name = Annotated[str, Meta(description="3 to 64 of a-z, 0-9 and ._@+-; case makes no difference", max_length=200)]


class FirstOwner(msgspec.Struct, forbid_unknown_fields=True):
    """``token`` is the set-up token that the node printed at its start."""

    token: Secret
    name: Name
    password: Secret


class NewOperator(msgspec.Struct, forbid_unknown_fields=True):
    name: Name
    role: RoleName
    password: Secret


class NewRole(msgspec.Struct, forbid_unknown_fields=True):
    role: RoleName


class NewPassword(msgspec.Struct, forbid_unknown_fields=True):
    password: Secret


class Operator(msgspec.Struct):
    """Times in Unix seconds; ``last_login_at`` 0: never."""

    name: str
    role: str
    disabled: bool
    created_at: int
    password_changed_at: int
    last_login_at: int


class Operators(msgspec.Struct):
    operators: list[Operator]


class Ended(msgspec.Struct):
    """How many sessions at the console were ended."""

    ended: int


class ConsoleSession(msgspec.Struct):
    """Times in Unix seconds."""

    id: str
    created_at: int
    last_seen_at: int
    expires_at: int
    ip: str
    user_agent: str


class OpenSessions(msgspec.Struct):
    """Those of one operator that are open, the newest first."""

    sessions: list[ConsoleSession]


class Me(msgspec.Struct):
    """``via`` is file for the node's own token, token for an API token."""

    name: str
    via: str
    scopes: list[str]


def operator_account_endpoints(operators: OperatorService) -> list[Endpoint]:
    """``/v1/me``, ``/v1/setup``, ``/v1/operators`` and below it what is done to one."""
    accounts, sessions = operators.accounts, operators.sessions

    async def me(call: Call) -> Me:
        who = call.principal
        return Me(who.name, who.via, sorted(who.scopes))

    async def set_up(call: Call) -> Operator:
        body: FirstOwner = call.body
        return _shown(await operators.setup.first_owner(body.token.reveal(), body.name, body.password))

    async def listed(_: Call) -> Operators:
        return Operators([_shown(row) for row in await accounts.all()])

    async def added(call: Call) -> Operator:
        body: NewOperator = call.body
        return _shown(await accounts.add(body.name, role_of(body.role), body.password, by=call.principal.name))

    async def shown(call: Call) -> Operator:
        return _shown(await accounts.get(call.path["name"]))

    async def role(call: Call) -> Ended:
        body: NewRole = call.body
        return Ended(await accounts.set_role(call.path["name"], role_of(body.role), by=call.principal.name))

    async def password(call: Call) -> Ended:
        body: NewPassword = call.body
        return Ended(await accounts.set_password(call.path["name"], body.password, by=call.principal.name))

    async def disabled(call: Call) -> Ended:
        return Ended(await accounts.disable(call.path["name"], by=call.principal.name))

    async def enabled(call: Call) -> Operator:
        await accounts.enable(call.path["name"], by=call.principal.name)
        return _shown(await accounts.get(call.path["name"]))

    async def opened(call: Call) -> OpenSessions:
        found = await sessions.of(call.path["name"])
        return OpenSessions([msgspec.convert(row, ConsoleSession, from_attributes=True) for row in found])

    async def ended(call: Call) -> Ended:
        await sessions.end(call.path["name"], call.path["session"], by=call.principal.name)
        return Ended(1)

    needs, one = Scope.OPERATORS_WRITE, "/v1/operators/{name}"
    gone, refused = (404,), (404, 409)
    return [
        Endpoint("GET", "/v1/me", "Whose token this is, and its scopes", None, me, answer=Me, known=True),
        Endpoint(
            "POST",
            "/v1/setup",
            "Make the first owner",
            None,
            set_up,
            body=FirstOwner,
            answer=Operator,
            refuses=(409,),
            status=201,
        ),
        Endpoint("GET", "/v1/operators", "All operators, by name", needs, listed, answer=Operators),
        Endpoint(
            "POST",
            "/v1/operators",
            "Make an operator",
            needs,
            added,
            body=NewOperator,
            answer=Operator,
            refuses=(409,),
            status=201,
        ),
        Endpoint("GET", one, "One operator", needs, shown, answer=Operator, refuses=gone),
        Endpoint(
            "POST",
            f"{one}/role",
            "Give another role; sessions end",
            needs,
            role,
            body=NewRole,
            answer=Ended,
            refuses=refused,
        ),
        Endpoint(
            "POST",
            f"{one}/password",
            "Set a password; sessions end",
            needs,
            password,
            body=NewPassword,
            answer=Ended,
            refuses=gone,
        ),
        Endpoint("POST", f"{one}/disable", "Lock out; tokens are dead", needs, disabled, answer=Ended, refuses=refused),
        Endpoint("POST", f"{one}/enable", "Let in again", needs, enabled, answer=Operator, refuses=gone),
        Endpoint(
            "GET", f"{one}/sessions", "Open sessions at the console", needs, opened, answer=OpenSessions, refuses=gone
        ),
        Endpoint("DELETE", f"{one}/sessions/{{session}}", "End a session", needs, ended, answer=Ended, refuses=gone),
    ]


def _shown(row: OperatorRow) -> Operator:
    """Everything but the hash."""
    return Operator(row.name, row.role, row.disabled, row.created_at, row.password_changed_at, row.last_login_at)
