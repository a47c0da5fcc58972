"""Operators in Chromium: from the set-up token to a token for a program, in both languages, on a phone too."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright, expect

from menshen.operators.roles import Role
from menshen.storage.database import sqlite_url
from tests.operators.desk import OTHER, PASSWORD, desk_at
from tests.web.console.desk_browser import At, console_at

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""

CUT = """() => [...document.querySelectorAll('main *')]
  .filter((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0)
  .filter((each) => getComputedStyle(each).display !== 'inline')
  .filter((each) => !each.closest('svg, .unseen, .stack thead, input, select'))
  .filter((each) => !each.classList.contains('scroll'))
  .map((each) => each.outerHTML.slice(0, 80))"""
"""Whatever is wider than its place. A table may be moved sideways in its frame; on a phone its head is only heard."""

WORDS = {
    "en": {"signed out": "You are signed out.", "once": "Copy it now: it is not shown again", "good": "Good"},
    "zh-CN": {"signed out": "已退出登录。", "once": "请立即复制，令牌不会再次显示", "good": "有效"},
}

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")


class Looked:
    """Looks at a page: nothing cut, nothing that axe finds serious. Keeps a picture where a folder is named."""

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self._name = name
        self._pictures = os.environ.get("MENSHEN_PICTURES", "")

    async def at(self, what: str) -> None:
        if self._pictures:
            path = Path(self._pictures) / f"operators-{what}-{self._name}.png"
            await self.page.screenshot(path=path, full_page=True)
        found = (await Axe().run(self.page)).response["violations"]
        serious = [
            (each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in ("serious", "critical")
        ]
        assert serious == [], what
        assert await self.page.evaluate(CUT) == [], what
        assert await self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), what


@pytest.mark.parametrize("locale", ["en", "zh-CN"])
@pytest.mark.parametrize(("width", "colours"), [(1280, "light"), (360, "dark")])
def test_from_the_set_up_token_to_a_token_for_a_program(
    locale: str, width: int, colours: Literal["light", "dark"], tmp_path: Path
) -> None:
    async def work(at: At) -> None:
        setup_token = await at.desk.service.setup.begin()
        assert setup_token is not None
        async with async_playwright() as playwright:
            chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            context = await chromium.new_context(
                locale=locale, viewport={"width": width, "height": 800}, color_scheme=colours
            )
            page = await context.new_page()
            complaints: list[str] = []
            elsewhere: list[str] = []
            page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
            page.on("dialog", lambda dialog: dialog.accept())
            page.on("request", lambda asked: None if asked.url.startswith(at.origin) else elsewhere.append(asked.url))
            looked = Looked(page, f"{locale}-{width}")
            words = WORDS[locale]

            await page.goto(f"{at.origin}/console/me")
            await page.wait_for_url("**/console/setup")
            await looked.at("setup")
            await page.fill("[name=token]", setup_token.reveal())
            await page.fill("[name=name]", "Olivia")
            await page.fill("[name=password]", PASSWORD.reveal())
            await page.fill("[name=again]", PASSWORD.reveal())
            await page.click("main button.primary")
            # The overview is not among these pages: what there is, is reached by its address.
            await page.goto(f"{at.origin}/console/operators")
            await page.fill("[name=name]", "victor")
            await page.fill("main [name=password]", PASSWORD.reveal())
            await page.click("main button.primary")
            await expect(page.locator(".said")).to_be_visible()
            await looked.at("operators")
            await page.click("main a[href$='/victor']")
            await page.select_option("[name=role]", "operator")
            await page.click("form[action$='/role'] button")
            await expect(page.locator(".said")).to_be_visible()
            await looked.at("operator")
            await page.click("form[action$='/disable'] button")
            await expect(page.locator("form[action$='/enable']")).to_be_visible()

            await page.goto(f"{at.origin}/console/tokens")
            await page.fill("[name=name]", "deploy")
            await page.check("[name=scope][value='config:read']")
            await page.click("main button.primary")
            await expect(page.get_by_text(words["once"])).to_be_visible()
            token = await page.locator("#token").inner_text()
            principal = await at.desk.service.access.principal_of_bearer(token)
            assert principal is not None
            assert principal.name == "olivia/deploy"
            await looked.at("tokens")
            await expect(page.locator("td .badge.good")).to_have_text(words["good"])
            await page.click("form[action$='/revoke'] button")
            await expect(page.locator("td .badge.bad")).to_be_visible()

            await page.goto(f"{at.origin}/console/audit")
            await page.select_option("[name=action]", "token.add")
            await page.click("main form button")
            await expect(page.locator("tbody tr")).to_have_count(1)
            await page.goto(f"{at.origin}/console/audit")
            await looked.at("audit")

            await page.goto(f"{at.origin}/console/me")
            await looked.at("me")
            await page.fill("[name=old]", PASSWORD.reveal())
            await page.fill("[name=password]", OTHER.reveal())
            await page.fill("[name=again]", OTHER.reveal())
            await page.click("form[action$='/password'] button")
            await expect(page.locator(".said")).to_be_visible()

            await page.click("details.me summary")
            await page.click("form[action='/console/logout'] button")
            await expect(page.get_by_text(words["signed out"])).to_be_visible()
            await page.goto(f"{at.origin}/console/tokens")
            await page.wait_for_url("**/console/login?next=**")
            await page.fill("[name=name]", "olivia")
            await page.fill("[name=password]", PASSWORD.reveal())
            await page.click("main button.primary")
            await expect(page.locator(".problems")).to_be_visible()
            await looked.at("login")
            await page.fill("[name=password]", OTHER.reveal())
            await page.click("main button.primary")
            await page.wait_for_url("**/console/tokens")
            # The one complaint is Chromium's own, of the answer to the wrong password.
            assert [each for each in complaints if "403" not in each and "404" not in each] == []
            assert elsewhere == []
            await chromium.close()
        assert (await at.desk.service.accounts.get("victor")).role == Role.OPERATOR

    async def main() -> None:
        async with desk_at(sqlite_url(tmp_path)) as desk, console_at(desk) as at:
            await work(at)

    asyncio.run(main())
