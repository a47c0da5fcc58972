"""API tokens over HTTP, on the admin address. A token is told once, in the answer to the call that makes it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from menshen.operators.roles import Scope
from menshen.operators.service import OperatorService
from menshen.operators.tokens import MOST_DAYS
from menshen.storage.api_tokens import ApiTokenRow
from menshen.web.admin_api.endpoint import Call, Endpoint, Word

__all__ = ["token_endpoints"]


class TokenQuery(msgspec.Struct, forbid_unknown_fields=True):
    """``owner`` "": everybody's."""

    owner: Word = ""


class NewToken(msgspec.Struct, forbid_unknown_fields=True):
    """``owner`` is asked of the node's own token alone: any other is its own operator's."""

    name: Annotated[str, Meta(min_length=1, max_length=40)]
    scopes: Annotated[list[str], Meta(min_length=1, max_length=30)]
    expires_in_days: Annotated[int, Meta(ge=1, le=MOST_DAYS)]
    owner: Word = ""


class ApiToken(msgspec.Struct):
    """Times in Unix seconds; 0: never used, not revoked."""

    id: str
    name: str
    owner: str
    scopes: list[str]
    created_at: int
    expires_at: int
    last_used_at: int
    revoked_at: int


class Tokens(msgspec.Struct):
    """The newest first, those that are good no more too."""

    tokens: list[ApiToken]


class Made(msgspec.Struct):
    """``token`` cannot be read again."""

    token: str
    made: ApiToken

    def __repr__(self) -> str:
        return "Made(***)"


def token_endpoints(operators: OperatorService) -> list[Endpoint]:
    """``/v1/tokens``."""
    tokens = operators.tokens

    async def listed(call: Call) -> Tokens:
        query: TokenQuery = call.query
        return Tokens([_shown(row) for row in await tokens.of(query.owner)])

    async def made(call: Call) -> Made:
        body: NewToken = call.body
        token, row = await tokens.make(call.principal, body.name, body.scopes, body.expires_in_days, body.owner)
        return Made(token.reveal(), _shown(row))

    async def revoked(call: Call) -> ApiToken:
        return _shown(await tokens.revoke(call.path["id"], call.principal))

    needs = Scope.OPERATORS_WRITE
    return [
        Endpoint("GET", "/v1/tokens", "API tokens, newest first", needs, listed, TokenQuery, answer=Tokens),
        Endpoint(
            "POST",
            "/v1/tokens",
            "Make an API token",
            needs,
            made,
            body=NewToken,
            answer=Made,
            refuses=(404, 409),
            status=201,
        ),
        Endpoint("DELETE", "/v1/tokens/{id}", "Revoke a token", needs, revoked, answer=ApiToken, refuses=(404,)),
    ]


def _shown(row: ApiTokenRow) -> ApiToken:
    return msgspec.convert(row, ApiToken, from_attributes=True)
