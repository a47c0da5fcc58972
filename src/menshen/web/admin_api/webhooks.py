"""Webhooks over HTTP, on the admin address: what was sent, what came of it, and the test button."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Literal

import msgspec

from menshen.config.user_rules import WebhookRules
from menshen.errors import WebhookUnknown
from menshen.operators.roles import Scope
from menshen.storage.webhook_deliveries import Attempted, Delivery, Status
from menshen.users.deliveries import Deliveries
from menshen.web.admin_api.endpoint import MOST, Below, Call, Endpoint, Limit

__all__ = ["webhook_endpoints"]


class DeliveryQuery(msgspec.Struct, forbid_unknown_fields=True):
    status: Literal["", "waiting", "delivered", "failed"] = ""
    limit: Limit = 50
    below: Below | None = None


class Webhook(msgspec.Struct):
    name: str
    url: str
    events: list[str]


class Webhooks(msgspec.Struct):
    webhooks: list[Webhook]


class Sent(msgspec.Struct):
    """Times are Unix seconds. ``response_status`` 0: no answer; ``finished_at`` 0: not done with."""

    cursor: int
    delivery: str
    webhook: str
    event: str
    body: str
    created_at: int
    status: Status
    attempts: int
    next_at: float | None
    response_status: int
    error: str
    finished_at: int


class DeliveryLog(msgspec.Struct):
    """``below`` is where the next page goes on, null at the end. A page may have fewer rows than its limit, or none."""

    deliveries: list[Sent]
    below: int | None


class Tested(msgspec.Struct):
    """What the receiver said; ``response_status`` 0: no answer."""

    delivered: bool
    response_status: int
    error: str


class Again(msgspec.Struct):
    """The id of what is sent again."""

    delivery: str


def webhook_endpoints(
    deliveries: Deliveries,
    webhooks: Callable[[], Sequence[WebhookRules]],
    test: Callable[[str], Awaitable[Attempted]],
) -> list[Endpoint]:
    """``/v1/webhooks``. ``webhooks`` gives those of the running revision; ``test`` raises ``WebhookUnknown``."""

    async def listed(_: Call) -> Webhooks:
        return Webhooks([Webhook(each.name, each.url, [*each.events]) for each in webhooks()])

    async def sent(call: Call) -> DeliveryLog:
        query: DeliveryQuery = call.query
        found = await deliveries.page(
            call.path["name"], status=query.status or None, limit=min(query.limit, MOST), below=query.below
        )
        return DeliveryLog([_shown(each) for each in found.rows], found.below)

    async def tested(call: Call) -> Tested:
        name = call.path["name"]
        if name not in {each.name for each in webhooks()}:
            raise WebhookUnknown(f"there is no webhook {name[:60]}")
        await deliveries.note_test(name, call.principal.name)
        outcome = await test(name)
        return Tested(outcome.status == "delivered", outcome.response_status, outcome.error)

    async def again(call: Call) -> Again:
        delivery = call.path["delivery"]
        if not await deliveries.send_again(call.path["name"], delivery, call.principal.name):
            raise WebhookUnknown("no such delivery, or it is still on its way")
        return Again(delivery)

    one, read, write = "/v1/webhooks/{name}", Scope.WEBHOOKS_READ, Scope.WEBHOOKS_WRITE
    log, again_path = f"{one}/deliveries", f"{one}/deliveries/{{delivery}}/send-again"
    return [
        Endpoint("GET", "/v1/webhooks", "Webhooks of the running revision", read, listed, answer=Webhooks),
        Endpoint("GET", log, "What was sent, newest first", read, sent, DeliveryQuery, answer=DeliveryLog),
        Endpoint("POST", f"{one}/test", "Send a test event now", write, tested, answer=Tested, refuses=(404,)),
        Endpoint("POST", again_path, "Send a delivery again", write, again, answer=Again, refuses=(404,)),
    ]


def _shown(delivery: Delivery) -> Sent:
    values = asdict(delivery)
    return Sent(values.pop("id"), **values)
