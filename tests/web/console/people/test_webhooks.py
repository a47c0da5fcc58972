"""Webhooks at the console: the delivery log, the test button with its result, sending again."""

from __future__ import annotations

import re
from pathlib import Path

from menshen.config.user_rules import EVENTS, WebhookRules
from menshen.operators.roles import Role
from menshen.secret import Secret
from menshen.users.outbox import UserEvent, emit
from tests.node.receivers import Receiver
from tests.web.console.people.visiting import Stage, visiting


def test_a_test_tells_what_the_receiver_said_and_a_message_goes_out_again(database_url: str, tmp_path: Path) -> None:
    async def work(stage: Stage) -> None:
        assert "No webhook" in (await stage.browser.get("/console/webhooks")).words()
        async with Receiver(204, 500).listening() as receiver:
            rules = WebhookRules("crm", receiver.origin, Secret("canary-webhook-secret"), EVENTS)
            stage.webhooks.append(rules)
            listed = await stage.browser.get("/console/webhooks")
            assert receiver.origin in listed.text
            good = await stage.browser.post("/console/webhooks/crm/test")
            assert "The test was delivered. HTTP 204" in good.words(), good.words()[300:900]
            bad = await stage.browser.post("/console/webhooks/crm/test")
            assert "The test was not delivered. HTTP 500" in bad.words()
            assert "canary" not in listed.text + good.text + bad.text
            async with stage.people.database.writing() as connection:
                await emit(connection, [UserEvent("ban", "u1", int(stage.people.now), reason="<script>x")], [rules])
            log = await stage.browser.get("/console/webhooks/crm")
            assert "<script>x" not in log.text
            assert "On its way" in log.words()
            failed = await stage.browser.get("/console/webhooks/crm?status=failed")
            [delivery] = re.findall(r'name="delivery" value="(\w+)"', failed.text)
            again = await stage.browser.post("/console/webhooks/crm/again", {"delivery": delivery})
            assert again.location == "/console/webhooks/crm"
            none = await stage.browser.get("/console/webhooks/crm?status=failed")
            assert "No message is like that" in none.words()
            assert await stage.done() == [
                ("li", "webhook.test", ""),
                ("li", "webhook.test", ""),
                ("li", "webhook.again", ""),
            ]
            for path in ("/console/webhooks/none", "/console/webhooks/%3Cscript%3E"):
                assert (await stage.browser.get(path)).status == 404
            assert (await stage.browser.post("/console/webhooks/none/test")).status == 404

    visiting(database_url, tmp_path, work)


def test_who_may_only_read_sends_nothing(database_url: str, tmp_path: Path) -> None:
    async def work(stage: Stage) -> None:
        stage.webhooks.append(WebhookRules("crm", "http://127.0.0.1:9/", Secret("s"), EVENTS))
        assert "Send a test" not in (await stage.browser.get("/console/webhooks/crm")).text
        assert (await stage.browser.post("/console/webhooks/crm/test")).status == 403
        assert (await stage.browser.post("/console/webhooks/crm/again", {"delivery": "d"})).status == 403
        assert await stage.done() == []

    visiting(database_url, tmp_path, work, Role.VIEWER)
