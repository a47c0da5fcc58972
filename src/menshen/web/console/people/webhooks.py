"""Webhooks at the console: which there are, what was sent and what came of it, a test, and sending again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from menshen.config.user_rules import WebhookRules
from menshen.errors import WebhookUnknown
from menshen.operators.roles import Scope
from menshen.storage.webhook_deliveries import Attempted, Status
from menshen.users.deliveries import Deliveries
from menshen.web.console.language import sentence
from menshen.web.console.people.asked import ROWS, address, clean, number
from menshen.web.console.people.users import user_path
from menshen.web.console.view import View, Visit

__all__ = ["WEBHOOKS", "webhook_views"]

WEBHOOKS = "/console/webhooks"

_STATUSES: Final[Mapping[Status, tuple[str, str]]] = {
    "waiting": (sentence("On its way"), "info"),
    "delivered": (sentence("Delivered"), "good"),
    "failed": (sentence("Given up"), "bad"),
}


def webhook_views(
    deliveries: Deliveries,
    webhooks: Callable[[], Sequence[WebhookRules]],
    test: Callable[[str], Awaitable[Attempted]],
) -> list[View]:
    """``webhooks`` gives those of the running revision. Bodies say of a user the uid and no more."""

    async def listed(visit: Visit) -> Response:
        return visit.page("people/webhooks.html", webhooks=webhooks(), path_of=_path)

    async def log(visit: Visit, outcome: Attempted | None = None) -> Response:
        name = clean(visit.words["name"])
        status = next((each for each in _STATUSES if each == visit.query.get("status")), None)
        found = await deliveries.page(name, status=status, limit=ROWS, below=number(visit.query.get("below")))
        rules = next((each for each in webhooks() if each.name == name), None)
        if rules is None and not found.rows and status is None:
            raise WebhookUnknown(name)
        asked = {"status": status or ""}
        return visit.page(
            "people/webhook.html",
            name=name,
            rules=rules,
            found=found,
            asked=asked,
            statuses=_STATUSES,
            outcome=outcome,
            path=_path(name),
            path_of=user_path,
            next=None if found.below is None else address(_path(name), {**asked, "below": found.below}),
            first=address(_path(name), asked),
            later="below" in visit.query,
        )

    async def tested(visit: Visit) -> Response:
        name = clean(visit.words["name"])
        if name not in {each.name for each in webhooks()}:
            raise WebhookUnknown(name)
        await deliveries.note_test(name, visit.who.name)
        return await log(visit, await test(name))

    async def again(visit: Visit) -> Response:
        name = clean(visit.words["name"])
        if not await deliveries.send_again(name, clean(visit.form.get("delivery")), visit.who.name):
            return visit.go(_path(name), sentence("It is on its way already."))
        return visit.go(_path(name), sentence("It is sent again."))

    one, read, write = f"{WEBHOOKS}/{{name}}", Scope.WEBHOOKS_READ, Scope.WEBHOOKS_WRITE
    return [
        View("GET", WEBHOOKS, read, listed),
        View("GET", one, read, log),
        View("POST", f"{one}/test", write, tested),
        View("POST", f"{one}/again", write, again),
    ]


def _path(name: str) -> str:
    return f"{WEBHOOKS}/{quote(name, safe='')}"
