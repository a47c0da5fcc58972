"""What webhooks are to be told, written where the thing happens: both are committed, or neither.

A message says who (``uid``), where and when. It carries nothing else of the person: it lies in the database in clear,
and goes to whatever URL an operator once wrote down.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.config.user_rules import WebhookEvent, WebhookRules
from menshen.storage.webhook_deliveries import NewDelivery, add_deliveries

__all__ = ["UserEvent", "emit", "message", "new_delivery", "test_message"]

_encode = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class UserEvent:
    """Something that happened to a user, ``at`` Unix seconds.

    ``app`` and ``platform`` are "" where no app had a part in it. ``reason``: what was bound or unbound (``identity``,
    ``account``, ``phone``), or why the operator banned the user.
    """

    type: WebhookEvent
    uid: str
    at: int
    app: str = ""
    platform: str = ""
    request_id: str = ""
    reason: str = ""


async def emit(
    connection: AsyncConnection,
    events: Sequence[UserEvent],
    webhooks: Sequence[WebhookRules],
    random: Callable[[int], bytes] = os.urandom,
) -> None:
    """Have each webhook told of the events that it wants, once the caller's transaction is committed."""
    if webhooks and events:
        rows = [
            new_delivery(webhook.name, event.type, message(event), event.at, random)
            for event in events
            for webhook in webhooks
            if event.type in webhook.events
        ]
        await add_deliveries(connection, rows)


def message(event: UserEvent) -> str:
    """The body that webhooks get: ``type``, ``timestamp`` and ``data``, as the Standard Webhooks have it."""
    data = {
        "uid": event.uid,
        "app": event.app,
        "platform": event.platform,
        "request_id": event.request_id,
        "reason": event.reason,
    }
    return _written(event.type, event.at, data)


def test_message(at: int) -> str:
    """The body of a test: as any other, of nobody."""
    return _written("test", at, {"uid": "", "app": "", "platform": "", "request_id": "", "reason": "test"})


def _written(kind: str, at: int, data: dict[str, str]) -> str:
    when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return _encode({"type": kind, "timestamp": when, "data": data}).decode()


def new_delivery(webhook: str, event: str, body: str, at: int, random: Callable[[int], bytes]) -> NewDelivery:
    """One message to one webhook, under an id of its own that no receiver can guess or has seen before."""
    return NewDelivery(random(13).hex(), webhook, event, body, at)
