"""Webhooks over HTTP, on the admin address: what was sent, what came of it, and the test button."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from menshen.config.user_rules import WebhookRules
from menshen.errors import WebhookUnknown
from menshen.storage.webhook_deliveries import Attempted, Delivery, Status
from menshen.users.deliveries import Deliveries
from menshen.web.admin_api.guard import BadCall, Guard, number, page_limit, word

__all__ = ["webhook_routes"]

_STATUSES: dict[str, Status | None] = {"": None, "waiting": "waiting", "delivered": "delivered", "failed": "failed"}


def webhook_routes(
    deliveries: Deliveries,
    webhooks: Callable[[], Sequence[WebhookRules]],
    test: Callable[[str], Awaitable[Attempted]],
    guarded: Guard,
) -> list[Route]:
    """``/v1/webhooks``. ``webhooks`` gives those of the running revision; ``test`` raises ``WebhookUnknown``."""

    async def listed(_: Request) -> dict[str, Any]:
        return {"webhooks": [{"name": each.name, "url": each.url, "events": each.events} for each in webhooks()]}

    async def sent(request: Request) -> dict[str, Any]:
        status, below = word(request, "status"), word(request, "below")
        if status not in _STATUSES:
            raise BadCall("status must be waiting, delivered or failed")
        found = await deliveries.list(
            word(request, "name"),
            status=_STATUSES[status],
            limit=page_limit(request),
            below=number(below, "below") if below else None,
        )
        return {"deliveries": [_shown(each) for each in found], "below": found[-1].id if found else None}

    async def tested(request: Request) -> dict[str, Any]:
        outcome = await test(word(request, "name"))
        return {
            "delivered": outcome.status == "delivered",
            "response_status": outcome.response_status,
            "error": outcome.error,
        }

    async def again(request: Request) -> dict[str, Any]:
        delivery = word(request, "delivery")
        if not await deliveries.send_again(word(request, "name"), delivery):
            raise WebhookUnknown("no such delivery, or it is still on its way")
        return {"delivery": delivery}

    return [
        Route("/v1/webhooks", guarded(listed), methods=["GET"]),
        Route("/v1/webhooks/{name}/deliveries", guarded(sent), methods=["GET"]),
        Route("/v1/webhooks/{name}/test", guarded(tested), methods=["POST"]),
        Route("/v1/webhooks/{name}/deliveries/{delivery}/send-again", guarded(again), methods=["POST"]),
    ]


def _shown(delivery: Delivery) -> dict[str, Any]:
    values = asdict(delivery)
    return {"cursor": values.pop("id"), **values}
