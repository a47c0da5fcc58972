"""Where a sign-in link leads: the token is behind ``#``, so that neither a log nor a history nor a preview has it.

Opening the page does nothing; its script takes the token out of the address and sends the form, which the door guards
as every other.
"""

from __future__ import annotations

from typing import Final, Protocol

from starlette.responses import Response

from menshen.errors import AccountRefused
from menshen.secret import Secret
from menshen.web.console.door import SESSION_COOKIE, local_path
from menshen.web.console.view import View, Visit

__all__ = ["LINK_PATH", "UseLink", "link_views"]

LINK_PATH: Final = "/console/enter"


class UseLink(Protocol):
    """The cookie of a new session for the token of a link. Raises ``AccountRefused``."""

    async def __call__(self, token: str, *, ip: str, user_agent: str) -> Secret: ...


def link_views(use: UseLink, *, secure: bool = False) -> list[View]:
    """``secure``: operators open the console over https only."""

    async def shown(visit: Visit) -> Response:
        return visit.page("sign_in_link.html", next=local_path(visit.query.get("next", "")))

    async def used(visit: Visit) -> Response:
        token = visit.form.get("token", "")
        try:
            cookie = await use(token if isinstance(token, str) else "", ip=visit.address, user_agent=visit.user_agent)
        except AccountRefused:
            return visit.trouble(403, "This link was used before, or is older than five minutes")
        answer = visit.go(local_path(str(visit.form.get("next", ""))))
        answer.set_cookie(
            SESSION_COOKIE, cookie.reveal(), path="/console", httponly=True, samesite="strict", secure=secure
        )
        return answer

    return [View("GET", LINK_PATH, None, shown), View("POST", LINK_PATH, None, used)]
