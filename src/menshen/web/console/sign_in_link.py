"""Where a sign-in link leads: the token is behind ``#``, so that neither a log nor a history nor a preview has it.

Opening the page does nothing; its script takes the token out of the address and sends the form, which the door guards
as every other.
"""

from __future__ import annotations

from typing import Final, Protocol

from starlette.responses import Response

from menshen.errors import AccountRefused
from menshen.secret import Secret
from menshen.web.console.door import local_path, signed_in
from menshen.web.console.language import sentence
from menshen.web.console.view import View, Visit

__all__ = ["LINK_PATH", "UseLink", "link_views"]

LINK_PATH: Final = "/console/enter"


class UseLink(Protocol):
    """The cookie of a new session for the token of a link. Raises ``AccountRefused``."""

    async def __call__(self, token: str, *, ip: str, user_agent: str) -> Secret: ...


def link_views(use: UseLink) -> list[View]:
    """The page, and its form."""

    async def shown(visit: Visit) -> Response:
        return visit.page("sign_in_link.html", next=local_path(visit.query.get("next", "")))

    async def used(visit: Visit) -> Response:
        try:
            cookie = await use(visit.text("token"), ip=visit.address, user_agent=visit.user_agent)
        except AccountRefused:
            return visit.trouble(403, sentence("This link was used before, or is older than five minutes"))
        return signed_in(visit.go(local_path(visit.text("next"))), visit, cookie)

    return [View("GET", LINK_PATH, None, shown), View("POST", LINK_PATH, None, used)]
