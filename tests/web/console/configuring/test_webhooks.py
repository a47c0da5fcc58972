"""Webhooks are made, changed and taken away in the console; their secrets are written and never read."""

from __future__ import annotations

from pathlib import Path

from menshen.documents.configuration import Configuration
from tests.web.console.browsing import Browser
from tests.web.console.configuring.stage import configuring, etag, fields_in, wrong_fields

SECRET = "planted-webhook-secret-0123456789"


def test_a_webhook_from_its_form_to_its_end(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        new, edit = "/console/webhooks/-/new", "/console/webhooks/crm/edit"
        filled = fields_in(await browser.get(new)) | {"name": "crm", "url": "https://crm.example.com/hook"}
        assert "secret" in wrong_fields(await browser.post(new, filled))
        got = await browser.post(new, filled | {"secret": SECRET})
        assert got.location == f"{edit}?revision=1"
        (webhook,) = (await configuration.current()).document["webhooks"]
        assert webhook["url"] == "https://crm.example.com/hook"
        shown = await browser.get(edit)
        assert SECRET not in shown.text

        moved = fields_in(shown) | {"url": "https://elsewhere.example.com/hook"}
        assert "secret" in wrong_fields(await browser.post(edit, moved)), "a kept secret does not go elsewhere"
        described = fields_in(shown) | {"description": "CRM"}
        assert (await browser.post(edit, described)).location == f"{edit}?revision=2"

        gone = "/console/webhooks/crm/delete"
        asked = {"etag": etag(await browser.get(gone))}
        assert (await browser.post(gone, asked)).location == "/console/webhooks?revision=3"
        assert not (await configuration.current()).document.get("webhooks")
        assert (await browser.get(edit)).status == 404

    configuring(tmp_path, work, document={})
