"""Webhooks over HTTP, on the admin address: what was sent, what came of it, and the test button."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Any, Literal

import msgspec

from menshen.config.user_rules import WebhookRules
from menshen.errors import WebhookUnknown
from menshen.operators.roles import Scope
from menshen.storage.webhook_deliveries import Attempted, Delivery
from menshen.users.deliveries import Deliveries
from menshen.web.admin_api.endpoint import MOST, Below, Call, Endpoint, Limit

__all__ = ["webhook_endpoints"]


class DeliveryQuery(msgspec.Struct, forbid_unknown_fields=True):
    status: Literal["", "waiting", "delivered", "failed"] = ""
    limit: Limit = 50
    below: Below | None = None


def webhook_endpoints(
    deliveries: Deliveries,
    webhooks: Callable[[], Sequence[WebhookRules]],
    test: Callable[[str], Awaitable[Attempted]],
) -> list[Endpoint]:
    """``/v1/webhooks``. ``webhooks`` gives those of the running revision; ``test`` raises ``WebhookUnknown``."""

    async def listed(_: Call) -> dict[str, Any]:
        return {"webhooks": [{"name": each.name, "url": each.url, "events": each.events} for each in webhooks()]}

    async def sent(call: Call) -> dict[str, Any]:
        query: DeliveryQuery = call.query
        found = await deliveries.list(
            call.path["name"], status=query.status or None, limit=min(query.limit, MOST), below=query.below
        )
        return {"deliveries": [_shown(each) for each in found], "below": found[-1].id if found else None}

    async def tested(call: Call) -> dict[str, Any]:
        outcome = await test(call.path["name"])
        return {
            "delivered": outcome.status == "delivered",
            "response_status": outcome.response_status,
            "error": outcome.error,
        }

    async def again(call: Call) -> dict[str, Any]:
        delivery = call.path["delivery"]
        if not await deliveries.send_again(call.path["name"], delivery):
            raise WebhookUnknown("no such delivery, or it is still on its way")
        return {"delivery": delivery}

    one, read, write = "/v1/webhooks/{name}", Scope.WEBHOOKS_READ, Scope.WEBHOOKS_WRITE
    again_path = f"{one}/deliveries/{{delivery}}/send-again"
    return [
        Endpoint("GET", "/v1/webhooks", "Webhooks of the running revision", read, listed),
        Endpoint("GET", f"{one}/deliveries", "What was sent, newest first", read, sent, DeliveryQuery),
        Endpoint("POST", f"{one}/test", "Send a test event now", write, tested, refuses=(404,)),
        Endpoint("POST", again_path, "Send a delivery again", write, again, refuses=(404,)),
    ]


def _shown(delivery: Delivery) -> dict[str, Any]:
    values = asdict(delivery)
    return {"cursor": values.pop("id"), **values}
