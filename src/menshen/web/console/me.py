"""One's own account: password, and the browsers that one is signed in with."""

from __future__ import annotations

from starlette.responses import Response

from menshen.errors import AccountRefused, Refusal
from menshen.operators.accounts import SHORTEST_PASSWORD
from menshen.operators.roles import Scope
from menshen.operators.service import OperatorService
from menshen.secret import Secret
from menshen.web.console.door import signed_in
from menshen.web.console.language import sentence
from menshen.web.console.operators import ROLES
from menshen.web.console.telling import told
from menshen.web.console.view import View, Visit

__all__ = ["me_views"]

_ME = "/console/me"


def me_views(operators: OperatorService) -> list[View]:
    """``/console/me`` and below it what one does to oneself. Every role may."""
    accounts, sessions = operators.accounts, operators.sessions

    async def page(
        visit: Visit, status: int = 200, why: str = "", *, again: bool = False, old: bool = False
    ) -> Response:
        here = await operators.access.visit(visit.cookie)
        return visit.page(
            "me.html",
            status,
            operator=await accounts.get(visit.who.operator),
            sessions=await sessions.of(visit.who.operator),
            roles=ROLES,
            here=here.session if here is not None else "",
            why=why,
            again=again,
            old=old,
            shortest=SHORTEST_PASSWORD,
        )

    async def shown(visit: Visit) -> Response:
        return await page(visit)

    async def password(visit: Visit) -> Response:
        new = Secret(visit.text("password"))
        if new != Secret(visit.text("again")):
            return await page(visit, 422, again=True)
        name = visit.who.operator
        try:
            await accounts.change_own_password(name, Secret(visit.text("old")), new)
        except AccountRefused:
            return await page(visit, 422, old=True)
        except Refusal as refusal:
            return await page(visit, refusal.status, told(visit, refusal))
        # All sessions are ended, this one too: whoever had its cookie has it no more.
        row = await accounts.get(name)
        cookie = await sessions.open(row, ip=visit.address, user_agent=visit.user_agent)
        return signed_in(
            visit.go(_ME, sentence("Your password is changed; you are signed out elsewhere.")), visit, cookie
        )

    async def ended(visit: Visit) -> Response:
        name = visit.who.operator
        await sessions.end(name, visit.text("session"), by=name)
        return visit.go(_ME, sentence("That session is ended."))

    return [
        View("GET", _ME, Scope.FIGURES_READ, shown),
        View("POST", f"{_ME}/password", Scope.FIGURES_READ, password),
        View("POST", f"{_ME}/sessions/end", Scope.FIGURES_READ, ended),
    ]
