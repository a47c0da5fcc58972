"""The forms in Chromium: items come and go in place, a typed secret stays, keys work, everything can be read."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright, expect

from menshen.documents.configuration import Configuration
from menshen.web.console.door import SESSION_COOKIE
from tests.documents.samples import CANARY
from tests.web.console.browsing import Browser
from tests.web.console.configuring.stage import configuring

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""


@asynccontextmanager
async def opened_page(
    browser: Browser, width: int = 1280, locale: str = "en", colours: Literal["light", "dark"] = "light"
) -> AsyncIterator[Page]:
    """Nothing of the page may complain, but for answers that say that something is wrong, or ask anybody else."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        context = await chromium.new_context(
            locale=locale, viewport={"width": width, "height": 900}, color_scheme=colours
        )
        cookie = {"name": SESSION_COOKIE, "value": browser.cookie, "url": f"{browser.origin}/console/"}
        await context.add_cookies([cookie])  # type: ignore[list-item]
        page = await context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda told: complaints.append(told.text) if told.type == "error" and "422" not in told.text else None,
        )
        page.on(
            "request",
            lambda asked: None if asked.url.startswith(browser.origin) else complaints.append(asked.url),
        )
        yield page
        assert complaints == []
        await chromium.close()


def test_items_come_and_go_in_place_and_what_was_typed_stays(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        async with opened_page(browser) as page:
            await page.goto(f"{browser.origin}/console/plugins/partner-keys")
            await page.get_by_role("button", name="+ Add").click()
            await expect(page.locator('[name="keys[1000].id"]')).to_be_focused()
            await page.fill('[name="keys[1000].id"]', "pos")
            await page.fill('[name="keys[1000].secret"]', f"{CANARY}-of-the-tills")
            await page.fill('[name="window"]', "soon")
            await page.get_by_role("button", name="Save").last.click()
            await expect(page.locator('[name="window"]')).to_be_focused()
            await expect(page.locator('[name="keys[1000].secret"]')).to_have_value(f"{CANARY}-of-the-tills")
            await page.fill('[name="window"]', "")
            await page.locator('button[value="remove keys 1"]').click()
            await expect(page.locator('[name="keys[1].id"]')).to_have_count(0)
            await page.locator('[name="keys[1000].id"]').press("Enter")
            await page.wait_for_url("**revision=2")
        plugin = (await configuration.current()).document["plugins"][1]
        assert [key["id"] for key in plugin["keys"]] == ["erp", "pos"]

    configuring(tmp_path, work)


def test_a_plugin_is_bound_in_a_dialog_that_tells_first_and_control_enter_submits(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        async with opened_page(browser, locale="zh-CN") as page:
            await page.goto(f"{browser.origin}/console/plugins")
            await page.locator("tr", has_text="shop-login").get_by_role("link", name="绑定对象").click()
            dialog = page.get_by_role("dialog")
            await dialog.locator('[value="partners"]').check()
            await expect(dialog.locator("#bind-changes")).to_contain_text("将绑定： partners")
            await dialog.get_by_role("link", name="取消").click()
            await expect(dialog).to_have_count(0)
            assert (await configuration.current()).revision == 1
            await page.locator("tr", has_text="shop-login").get_by_role("link", name="绑定对象").click()
            await dialog.locator('[value="partners"]').check()
            await expect(dialog.locator("#bind-changes")).to_contain_text("partners")
            await dialog.locator('[value="partners"]').press("Control+Enter")
            await page.wait_for_url("**/shop-login?revision=2")
            await expect(page.get_by_role("status")).to_contain_text("配置版本 2")

    configuring(tmp_path, work)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("width", "locale", "colours"), [(1280, "zh-CN", "dark"), (390, "en", "light")])
def test_nothing_is_wider_than_the_screen_or_hard_to_use(
    tmp_path: Path, width: int, locale: str, colours: Literal["light", "dark"]
) -> None:
    paths = (
        "apps",
        "apps/shop",
        "upstreams",
        "groups/mall",
        "groups/mall/apis/order",
        "plugins",
        "plugins/-/new",
        "plugins/-/new/WeChatMpLogin",
        "plugins/-/new/Canary",
        "plugins/partner-keys",
        "plugins/shop-login/bindings",
        "settings/users",
        "document",
        "document/edit",
    )

    async def work(browser: Browser, _: Configuration) -> None:
        async with opened_page(browser, width, locale, colours) as page:
            for path in paths:
                await page.goto(f"{browser.origin}/console/{path}")
                await page.evaluate(
                    "document.querySelectorAll('details.fold').forEach((each) => { each.open = true; })"
                )
                wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
                assert not await page.evaluate(wide), path
                found = (await Axe().run(page)).response["violations"]
                assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == [], path

    configuring(tmp_path, work)
