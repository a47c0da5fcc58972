"""The overview in Chromium: it counts on by itself, and nothing of it is cut or hard to use."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright, expect

from menshen.figures.readings import Readings, Span
from menshen.operators.roles import Role
from menshen.web.console.door import SESSION_COOKIE
from menshen.web.console.overview import overview_views
from menshen.web.figures import FigureDesk
from tests.web.console.browsing import Browser, in_loop
from tests.web.console.test_overview import DAY, READINGS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""

CUT = """() => [...document.querySelectorAll('main *')]
  .filter((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0)
  .filter((each) => getComputedStyle(each).display !== 'inline' && !each.closest('svg, .unseen'))
  .map((each) => each.outerHTML.slice(0, 80))"""
"""Whatever is wider than its place."""

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")


@pytest.mark.parametrize("locale", ["en", "zh-CN"])
@pytest.mark.parametrize(("width", "colours"), [(1280, "light"), (360, "dark")])
def test_it_counts_on_and_can_be_read(locale: str, width: int, colours: Literal["light", "dark"]) -> None:
    current = [READINGS]

    async def spans() -> Sequence[Span]:
        return [Span(600 * number, DAY if number % 7 else {}) for number in range(144)]

    async def work(browser: Browser) -> None:
        async with async_playwright() as playwright:
            chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            context = await chromium.new_context(
                locale=locale, viewport={"width": width, "height": 800}, color_scheme=colours
            )
            cookie = {"name": SESSION_COOKIE, "value": browser.cookie, "url": f"{browser.origin}/console/"}
            await context.add_cookies([cookie])  # type: ignore[list-item]
            page = await context.new_page()
            complaints: list[str] = []
            elsewhere: list[str] = []
            page.on("console", lambda message: complaints.append(message.text))
            page.on(
                "request",
                lambda asked: None if asked.url.startswith(browser.origin) else elsewhere.append(asked.url),
            )
            await page.goto(f"{browser.origin}/console/")
            await expect(page.locator("#figure-requests")).to_have_text("2.0")
            found = (await Axe().run(page)).response["violations"]
            assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []
            assert await page.evaluate(CUT) == []
            current[0] = Readings(lately={"requests": {"2xx": 3000}}, seconds=60.0, envoy_up=True, workers=1)
            await expect(page.locator("#figure-requests")).to_have_text("50.0", timeout=30_000)
            assert complaints == elsewhere == []
            await chromium.close()

    desk = FigureDesk(lambda: current[0], spans, lambda: 0.0)
    asyncio.run(in_loop(overview_views(desk, lambda: 1), work, Role.OWNER))
