"""The listener, tracing and the user pool are set in the console, and go back to what they are by default."""

from __future__ import annotations

from pathlib import Path

import pytest

from menshen.documents.configuration import Configuration
from tests.documents.samples import CANARY
from tests.web.console.browsing import Browser
from tests.web.console.configuring.stage import configuring, fields_in, wrong_fields


@pytest.mark.parametrize("section", ["listener", "tracing", "users"])
def test_a_form_that_nobody_touched_changes_nothing(tmp_path: Path, section: str) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        page = await browser.get(f"/console/settings/{section}")
        got = await browser.post(f"/console/settings/{section}", fields_in(page))
        assert got.location == f"/console/settings/{section}?revision=1"
        assert (await configuration.current()).revision == 1
        assert CANARY not in page.text
        assert section in (await browser.get("/console/settings")).text

    configuring(tmp_path, work)


def test_tracing_is_switched_on_and_off(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        path = "/console/settings/tracing"
        on = fields_in(await browser.get(path)) | {"tracing:on": "on", "tracing.sample": "12.5"}
        assert (await browser.post(path, on)).status == 303
        assert (await configuration.current()).document["tracing"] == {"sample": 12.5}
        off = fields_in(await browser.get(path))
        del off["tracing:on"]
        assert (await browser.post(path, off)).status == 303
        assert "tracing" not in (await configuration.current()).document

    configuring(tmp_path, work)


def test_problems_inside_parts_are_at_their_fields(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        path = "/console/settings/users"
        fields = fields_in(await browser.get(path)) | {
            "users.accounts.lock_after": "many",
            "users.limits.ip:on": "on",
            "users.limits.ip.seconds": "60",
            "users.sms.url": "ftp://team.example.com",
        }
        got = await browser.post(path, fields)
        assert got.status == 422
        assert set(wrong_fields(got)) == {
            "users.accounts.lock_after",
            "users.limits.ip.count",
            "users.sms.secret",
            "users.sms.url",
        }
        assert "must be a whole number" in got.words()
        assert (await configuration.current()).revision == 1

    configuring(tmp_path, work)
