"""Setting up, signing in and signing out.

Whoever signs in gets a new cookie and the one that came is dead: nobody can be made to use a session that somebody else
knows. A wrong name, a wrong password and a disabled operator are one answer.
"""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response

from menshen.errors import AccountRefused, OperatorConflict, OperatorInvalid, PasswordWeak, Refusal
from menshen.operators.accounts import SHORTEST_PASSWORD
from menshen.operators.service import OperatorService
from menshen.secret import Secret
from menshen.web.console.door import local_path, signed_in, signed_out
from menshen.web.console.language import sentence
from menshen.web.console.telling import told
from menshen.web.console.view import HOME, View, Visit

__all__ = ["sign_in_views"]

_LOGIN = "/console/login"
_SETUP = "/console/setup"


def sign_in_views(operators: OperatorService) -> list[View]:
    """``/console/setup``, ``/console/login`` with ``next``, and ``POST /console/logout``."""

    async def login(visit: Visit) -> Response:
        target = local_path(visit.query.get("next", ""))
        if visit.principal is not None:
            return visit.go(target)
        if await operators.setup.open() and not await operators.accounts.all():
            return visit.go(_SETUP)
        return visit.page("sign_in.html", next=target, name="", why="", no_owner=await operators.setup.open())

    async def log_in(visit: Visit) -> Response:
        target, name = local_path(visit.text("next")), visit.text("name")
        try:
            password = Secret(visit.text("password"))
            cookie = await operators.sessions.log_in(name, password, ip=visit.address, user_agent=visit.user_agent)
        except Refusal as refusal:
            if refusal.retry_after is not None:
                visit.headers["retry-after"] = str(refusal.retry_after)
            return visit.page(
                "sign_in.html", refusal.status, next=target, name=name, why=told(visit, refusal), no_owner=False
            )
        await operators.sessions.log_out(visit.cookie)
        return signed_in(visit.go(target), visit, cookie)

    async def log_out(visit: Visit) -> Response:
        await operators.sessions.log_out(visit.cookie)
        return signed_out(visit.go(_LOGIN, sentence("You are signed out.")))

    async def setup(visit: Visit) -> Response:
        if not await operators.setup.open():
            return visit.go(f"{_LOGIN}?next={quote(HOME)}")
        return _setup_page(visit)

    async def set_up(visit: Visit) -> Response:
        password = Secret(visit.text("password"))
        if password != Secret(visit.text("again")):
            return _setup_page(visit, 422, again=True)
        try:
            owner = await operators.setup.first_owner(visit.text("token").strip(), visit.text("name"), password)
            cookie = await operators.sessions.open(owner, ip=visit.address, user_agent=visit.user_agent)
        except OperatorConflict as error:
            return _setup_page(visit, 409, told(visit, error))
        except (OperatorInvalid, PasswordWeak) as error:
            return _setup_page(visit, 422, told(visit, error))
        except AccountRefused:  # disabled between the two
            return visit.go(_LOGIN)
        return signed_in(visit.go(HOME), visit, cookie)

    return [
        View("GET", _LOGIN, None, login),
        View("POST", _LOGIN, None, log_in),
        View("POST", "/console/logout", None, log_out),
        View("GET", _SETUP, None, setup),
        View("POST", _SETUP, None, set_up),
    ]


def _setup_page(visit: Visit, status: int = 200, why: str = "", *, again: bool = False) -> Response:
    return visit.page("setup.html", status, why=why, again=again, name=visit.text("name"), shortest=SHORTEST_PASSWORD)
