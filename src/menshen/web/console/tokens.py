"""API tokens: one's own, or everybody's for who may. A token is shown once, on the page that comes of making it."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from menshen.errors import OperatorConflict, OperatorInvalid
from menshen.operators.roles import Scope
from menshen.operators.service import OperatorService
from menshen.operators.tokens import MOST_DAYS
from menshen.web.console.language import sentence
from menshen.web.console.telling import told
from menshen.web.console.view import View, Visit

__all__ = ["DAYS", "MEANINGS", "token_views"]

DAYS = (7, 30, 90, 180, MOST_DAYS)
"""Offered; the form takes no other."""

MEANINGS = {
    Scope.FIGURES_READ: sentence("Figures of the overview"),
    Scope.CONFIG_READ: sentence("Read the configuration, without secrets"),
    Scope.CONFIG_WRITE: sentence("Change the configuration, roll back"),
    Scope.USERS_READ: sentence("Users, sessions, login log; phone numbers by their last digits"),
    Scope.USERS_WRITE: sentence("Ban, close and merge users, end sessions"),
    Scope.PERSONAL_READ: sentence("Personal data in full; each look is audited"),
    Scope.WEBHOOKS_READ: sentence("Deliveries of webhooks"),
    Scope.WEBHOOKS_WRITE: sentence("Test and repeat webhooks"),
    Scope.KEYS_READ: sentence("Which keys there are, and how old"),
    Scope.KEYS_WRITE: sentence("Rotate and retire keys"),
    Scope.AUDIT_READ: sentence("The audit log"),
    Scope.APPS_USE: sentence("Access tokens of apps at their platforms"),
    Scope.OPERATORS_WRITE: sentence("Operators and everybody's tokens: as good as everything"),
}

_TOKENS = "/console/tokens"


def token_views(operators: OperatorService) -> list[View]:
    """``/console/tokens``. Every role may have tokens, with scopes of its own."""
    tokens = operators.tokens

    async def page(
        visit: Visit, status: int = 200, why: str = "", *, token: str = "", chosen: Sequence[str] = ()
    ) -> Response:
        everybody = visit.may(Scope.OPERATORS_WRITE)
        return visit.page(
            "tokens.html",
            status,
            tokens=await tokens.of("" if everybody else visit.who.operator),
            everybody=everybody,
            now=operators.clock(),
            scopes={scope: MEANINGS[scope] for scope in Scope if visit.may(scope)},
            days=DAYS,
            name="" if token else visit.text("name"),
            chosen=chosen,
            token=token,
            why=why,
        )

    async def listed(visit: Visit) -> Response:
        return await page(visit)

    async def made(visit: Visit) -> Response:
        scopes, days = visit.texts("scope"), visit.text("days")
        lasts = int(days) if days in map(str, DAYS) else 0
        try:
            token, _ = await tokens.make(visit.who, visit.text("name").strip(), scopes, lasts)
        except (OperatorInvalid, OperatorConflict) as error:
            return await page(visit, 422, told(visit, error), chosen=scopes)
        return await page(visit, token=token.reveal())

    async def revoked(visit: Visit) -> Response:
        await tokens.revoke(visit.text("token"), visit.who)
        return visit.go(_TOKENS, sentence("The token is revoked."))

    return [
        View("GET", _TOKENS, Scope.FIGURES_READ, listed),
        View("POST", _TOKENS, Scope.FIGURES_READ, made),
        View("POST", f"{_TOKENS}/revoke", Scope.FIGURES_READ, revoked),
    ]
