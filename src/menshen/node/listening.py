"""Which webhooks want to be told of which events, for commands that run where the node's environment is not.

A ban typed in a shell without ``${WEBHOOK_SECRET}`` must take effect, and the webhooks must hear of it: to write a
message down takes their names and events alone. The node, which has the secrets, sends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from menshen.config.user_rules import EVENTS, WebhookRules
from menshen.documents.documents import Documents, as_written
from menshen.errors import ConfigInvalid
from menshen.secret import Secret

__all__ = ["listening_webhooks"]


async def listening_webhooks(documents: Documents) -> tuple[WebhookRules, ...]:
    """Those of the active revision; where it does not hold here, without their URLs and secrets."""
    active = await documents.revisions.active()
    if active is None:
        return ()
    try:
        return documents.load(active).snapshot.webhooks
    except ConfigInvalid:
        written = as_written(active)
    webhooks = written.get("webhooks") if isinstance(written, Mapping) else None
    return tuple(_listening(each) for each in webhooks or () if isinstance(each, Mapping) and "name" in each)


def _listening(written: Mapping[str, Any]) -> WebhookRules:
    wanted = written.get("events") or EVENTS
    return WebhookRules(str(written["name"]), "", Secret(""), tuple(event for event in EVENTS if event in wanted))
