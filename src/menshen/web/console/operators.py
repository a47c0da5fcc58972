"""Operators: who may come in, with which role; what can be done to one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from menshen.errors import OperatorConflict, OperatorInvalid, PasswordWeak
from menshen.operators.accounts import SHORTEST_PASSWORD, role_of
from menshen.operators.roles import SCOPES_OF, Role, Scope
from menshen.operators.service import OperatorService
from menshen.secret import Secret
from menshen.web.console.language import sentence
from menshen.web.console.telling import told
from menshen.web.console.view import View, Visit

__all__ = ["ROLES", "operator_views"]

ROLES = {
    Role.VIEWER: sentence("Viewer"),
    Role.OPERATOR: sentence("Operator"),
    Role.OWNER: sentence("Owner"),
}

_ALL = "/console/operators"
_ONE = "/console/operators/{name}"
_SAID = {
    "role": sentence("The role is changed; the operator is signed out."),
    "password": sentence("The password is set; the operator is signed out."),
    "disable": sentence("The operator is locked out."),
    "enable": sentence("The operator can sign in again."),
    "end": sentence("That session is ended."),
}


def operator_views(operators: OperatorService) -> list[View]:
    """``/console/operators``, and below it a page for each."""
    accounts, sessions = operators.accounts, operators.sessions

    async def list_page(visit: Visit, status: int = 200, why: str = "") -> Response:
        return visit.page(
            "operators.html",
            status,
            operators=await accounts.all(),
            roles=ROLES,
            scopes=SCOPES_OF,
            why=why,
            shortest=SHORTEST_PASSWORD,
        )

    async def listed(visit: Visit) -> Response:
        return await list_page(visit)

    async def added(visit: Visit) -> Response:
        try:
            role, password = role_of(visit.text("role")), Secret(visit.text("password"))
            await accounts.add(visit.text("name"), role, password, by=visit.who.name)
        except OperatorConflict as error:
            return await list_page(visit, 409, told(visit, error))
        except (OperatorInvalid, PasswordWeak) as error:
            return await list_page(visit, 422, told(visit, error))
        return visit.go(_ALL, sentence("The operator can sign in."))

    async def page(visit: Visit, status: int = 200, why: str = "") -> Response:
        row = await accounts.get(visit.words["name"])
        return visit.page(
            "operator.html",
            status,
            operator=row,
            roles=ROLES,
            sessions=await sessions.of(row.name),
            why=why,
            shortest=SHORTEST_PASSWORD,
        )

    async def shown(visit: Visit) -> Response:
        return await page(visit)

    async def role(visit: Visit) -> None:
        await accounts.set_role(visit.words["name"], role_of(visit.text("role")), by=visit.who.name)

    async def password(visit: Visit) -> None:
        await accounts.set_password(visit.words["name"], Secret(visit.text("password")), by=visit.who.name)

    async def disable(visit: Visit) -> None:
        await accounts.disable(visit.words["name"], by=visit.who.name)

    async def enable(visit: Visit) -> None:
        await accounts.enable(visit.words["name"], by=visit.who.name)

    async def end(visit: Visit) -> None:
        await sessions.end(visit.words["name"], visit.text("session"), by=visit.who.name)

    def doing(what: str, work: Callable[[Visit], Awaitable[None]]) -> View:
        async def done(visit: Visit) -> Response:
            try:
                await work(visit)
            except OperatorConflict as error:
                return await page(visit, 409, told(visit, error))
            except (OperatorInvalid, PasswordWeak) as error:
                return await page(visit, 422, told(visit, error))
            return visit.go(f"{_ALL}/{(await accounts.get(visit.words['name'])).name}", _SAID[what])

        return View("POST", f"{_ONE}/{what}", Scope.OPERATORS_WRITE, done)

    return [
        View("GET", _ALL, Scope.OPERATORS_WRITE, listed),
        View("POST", _ALL, Scope.OPERATORS_WRITE, added),
        View("GET", _ONE, Scope.OPERATORS_WRITE, shown),
        doing("role", role),
        doing("password", password),
        doing("disable", disable),
        doing("enable", enable),
        doing("end", end),
    ]
