"""Webhooks over the admin address: the delivery log, the test button, sending again."""

from __future__ import annotations

import json
from pathlib import Path

from menshen.config.user_rules import EVENTS, WebhookRules
from menshen.secret import Secret
from menshen.users.outbox import UserEvent, emit
from tests.node.receivers import Receiver
from tests.web.admin_api.operating import Operator, operating


def test_the_test_button_tells_what_the_receiver_said(database_url: str, tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        async with Receiver(204, 500).listening() as receiver:
            operator.webhooks.append(WebhookRules("crm", receiver.origin, Secret("canary-secret"), EVENTS))
            assert await operator.call("POST", "/v1/webhooks/crm/test") == (
                200,
                {"delivered": True, "response_status": 204, "error": ""},
            )
            assert json.loads(receiver.received[0].body)["type"] == "test"
            assert await operator.call("POST", "/v1/webhooks/crm/test") == (
                200,
                {"delivered": False, "response_status": 500, "error": "HTTP 500"},
            )
            log = await operator.get("/v1/webhooks/crm/deliveries")
            assert [(each["event"], each["status"]) for each in log["deliveries"]] == [
                ("test", "failed"),
                ("test", "delivered"),
            ]
            listed = await operator.get("/v1/webhooks")
            assert listed == {"webhooks": [{"name": "crm", "url": receiver.origin, "events": list(EVENTS)}]}
            assert "canary" not in json.dumps(log) + json.dumps(listed)

    operating(database_url, tmp_path, work)


def test_the_delivery_log_is_filtered_and_paged_and_a_message_goes_out_again(database_url: str, tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        async with Receiver(500).listening() as receiver:
            rules = WebhookRules("crm", receiver.origin, Secret("s"), EVENTS)
            operator.webhooks.append(rules)
            await operator.call("POST", "/v1/webhooks/crm/test")
            async with operator.people.database.writing() as connection:
                await emit(connection, [UserEvent("login", "u1", int(operator.people.now))], [rules])
            path = "/v1/webhooks/crm/deliveries"
            page = await operator.get(f"{path}?limit=1")
            assert [each["status"] for each in page["deliveries"]] == ["waiting"]
            rest = await operator.get(f"{path}?below={page['below']}")
            assert [each["status"] for each in rest["deliveries"]] == ["failed"]
            [failed] = (await operator.get(f"{path}?status=failed"))["deliveries"]
            again = f"{path}/{failed['delivery']}/send-again"
            assert (await operator.call("POST", again))[0] == 200
            assert (await operator.call("POST", again))[0] == 404
            assert len((await operator.get(f"{path}?status=waiting"))["deliveries"]) == 2

    operating(database_url, tmp_path, work)
