"""A canary in a browser: a weight is moved, asked about before it is saved, saved, and taken back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, expect

from tests.console.browser import Language, Theme, watched
from tests.console.conftest import Console, running_console
from tests.edge.desk import admin_call

DOCUMENT: Final = """\
version: 1
apps:
  - {{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{emulator}/wechat"}}
upstreams:
  - name: orders
    endpoints: ["{backend}"]
    versions: [{{name: v2, endpoints: ["{backend}"]}}, {{name: v3, endpoints: ["{backend}"]}}]
groups:
  - {{name: mall, prefix: /mall, upstream: orders, apis: [{{name: all, path: /*, access: public}}]}}
plugins:
  - {{name: from-query, type: Tag, tags: [{{in: query, name: channel}}, {{in: cookie, name: tier}}]}}
  - name: orders-v2
    type: Canary
    description: The new orders, 新版订单
    rules:
      - name: testers
        priority: 1
        relation: OR
        when: [{{tag: channel, values: [beta]}}, {{tag: tier, op: IN, values: [gold, 金牌]}}]
        to: [{{version: v3}}]
      - {{name: some, priority: 2, to: [{{version: v2, weight: 5}}]}}
bindings:
  - {{plugin: from-query, group: mall}}
  - {{plugin: orders-v2, group: mall}}
"""
PAGE: Final = "/console/canary/orders-v2"
LOOKS: Final[list[tuple[Theme, int]]] = [("light", 1280), ("dark", 390)]


@pytest.fixture(scope="module")
def greyed(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with running_console(browser, tmp_path_factory.mktemp("greyed"), DOCUMENT) as console:
        yield console


def weight(console: Console) -> int:
    plugin = json.loads(admin_call(console.stack, "GET", "/v1/config/plugins/orders-v2").raw)
    return int(plugin["rules"][1]["to"][0]["weight"])


def test_a_weight_is_moved_asked_about_saved_and_taken_back(greyed: Console) -> None:
    with watched(greyed.browser, greyed.origin, greyed.kept) as watch:
        page = watch.page
        watch.open("/console/canary")
        page.get_by_role("link", name="orders-v2").first.click()
        watch.settle()
        some = page.locator("fieldset", has=page.locator("legend", has_text="some"))
        some.get_by_role("slider").fill("100")
        expect(some.get_by_role("spinbutton")).to_have_value("100")
        expect(some.locator("[data-bar]")).to_have_attribute("width", "100")
        expect(some.locator("[data-left]")).to_have_text("0")

        page.get_by_label("Path").fill("/mall/orders/1")
        page.get_by_role("button", name="Ask").click()
        expect(page.locator(".verdict")).to_have_text("Version v2 of orders")
        expect(page.locator("#way")).to_contain_text("With the values of this page, not saved")
        page.get_by_label("Query").fill("channel=beta")
        page.get_by_label("Query").press("Enter")
        expect(page.locator(".verdict")).to_have_text("Version v3 of orders")
        expect(page.locator("#way")).to_contain_text('canary: orders-v2/testers fits: channel EQUAL "beta": yes')
        assert weight(greyed) == 5

        some.get_by_role("spinbutton").fill("40")
        expect(some.get_by_role("slider")).to_have_value("40")
        page.get_by_label("Comment").fill("more of them")
        page.get_by_role("button", name="Save as a new revision").click()
        expect(page.locator(".said")).to_have_text("Saved.")
        assert weight(greyed) == 40

        watch.open("/console/revisions")
        row = page.locator("tbody tr").first
        expect(row).to_contain_text("more of them")
        expect(row).to_contain_text("plugins/orders-v2")
        page.get_by_role("link", name=re.compile("^Roll back")).first.click()
        expect(page.locator("del")).to_contain_text("40")
        page.get_by_label("Comment").fill("too many")
        page.get_by_role("button", name=re.compile("^Roll back to revision")).click()
        expect(page.locator(".said")).to_have_text("Rolled back. It runs now.")
        assert weight(greyed) == 5
        page.get_by_role("link", name="What happened").click()
        expect(page.locator(".events li").first).to_contain_text("too many")
        assert watch.complaints == []


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_pages_look_right(greyed: Console, language: Language) -> None:
    wrong: list[str] = []
    ask = "Ask" if language == "en" else "试算"
    with watched(greyed.browser, greyed.origin, greyed.kept, language=language) as watch:
        for path in ("/console/canary", PAGE, "/console/revisions/1", "/console/revisions/activity"):
            watch.look(*LOOKS[0])
            assert watch.open(path) == 200
            if "canary" in path:
                watch.page.locator("#f-ask-path").fill("/mall/orders/1")
                watch.page.get_by_role("button", name=ask).click()
                expect(watch.page.locator(".verdict")).to_be_visible()
                watch.page.locator("main details").click()
            for theme, width in LOOKS:
                watch.look(theme, width)
                found = [*watch.faults(), *watch.barriers()]
                name = path.removeprefix("/console/").replace("/", "-")
                watch.picture(f"rollout-{name}.{language}.{theme}.{width}")
                wrong += [f"{path} {theme} {width}: {each}" for each in found]
                watch.complaints.clear()
    assert wrong == []
