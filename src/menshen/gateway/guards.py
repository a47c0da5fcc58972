"""Guards that the brain asks before the login: a server's key pair, then the team's checker of tokens.

Both must be content where both are bound, and the login behind them as well. They come first, so that a login code is
never spent on a call that is refused anyway.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from menshen.callouts.calling import Callouts
from menshen.callouts.checker import checked_token
from menshen.config.route_rules import KeyPairRules, OAuthRules
from menshen.config.snapshot import Route
from menshen.errors import SignatureMissing, SignatureReplayed, TokenMissing, TokenRefused
from menshen.gateway.key_pair import proven_caller
from menshen.gateway.oauth import find_authorization, find_token, payload_value
from menshen.gateway.request import AuthRequest, RequestLine
from menshen.gateway.wire import BODY_LIMIT
from menshen.storage.database import Database
from menshen.storage.nonces import Nonce, claim_nonces

__all__ = ["Guards"]


class Guards:
    """``checkers`` calls the checkers, ``clock`` gives Unix seconds."""

    def __init__(self, database: Database, checkers: Callouts, clock: Callable[[], float]) -> None:
        self._database = database
        self._checkers = checkers
        self._clock = clock

    async def admit(self, route: Route, request: AuthRequest, line: RequestLine) -> AuthRequest:
        """The request as the login may see it, with what was found of the caller in ``found``.

        A caller who sends nothing passes where ``access`` is optional; whoever sends something wrong never does.
        Raises the refusals of :func:`proven_caller`, ``SignatureReplayed``, ``TokenMissing``, ``TokenRefused``,
        ``CheckerUnavailable`` and ``DatabaseUnavailable``.
        """
        optional = route.access == "optional"
        found: list[tuple[bytes, bytes]] = []
        if route.key_pair is not None:
            caller = await self._caller(route.key_pair, request, line, optional=optional)
            found.append((route.key_pair.caller.encode(), caller.encode()))
        if route.oauth is not None:
            payload = await self._payload(route.oauth, request, optional=optional)
            if route.oauth.payload:
                found.append((route.oauth.payload.encode(), payload))
        return replace(_for_login(route, request), found=tuple(found))

    async def _caller(self, rules: KeyPairRules, request: AuthRequest, line: RequestLine, *, optional: bool) -> str:
        signed = proven_caller(rules, request, line, self._clock())
        if signed is None:
            if optional:
                return ""
            raise SignatureMissing
        # Only now: a nonce that comes without a right signature is nobody's, and must not burn one or fill the table.
        nonce = Nonce(signed.key_id, signed.nonce, signed.until)
        if not await self._database.write(claim_nonces, nonce):
            raise SignatureReplayed(signed.key_id)
        return signed.key_id

    async def _payload(self, rules: OAuthRules, request: AuthRequest, *, optional: bool) -> bytes:
        token = find_token(request, rules.token)
        if token is None:
            if optional:
                return b""
            raise TokenMissing
        authorization = find_authorization(request) if rules.forward_authorization else None
        verdict = await checked_token(self._checkers, rules, token, authorization)
        if not verdict.result:
            raise TokenRefused(rules.plugin)
        return payload_value(verdict.payload or "") if rules.payload else b""


def _for_login(route: Route, request: AuthRequest) -> AuthRequest:
    """A login reads a body where its code lies in it, up to its own limit, however much was signed."""
    body = request.body
    if route.key_pair is None or body is None:
        return request
    if route.login is None or route.login.code.position != "body":
        return replace(request, body=None, body_partial=False)
    if len(body) > BODY_LIMIT:
        return replace(request, body=body[: BODY_LIMIT + 1], body_partial=True)
    return request
