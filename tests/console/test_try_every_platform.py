"""The phone of "Try it" logs in at every platform, and the diagram speaks of each in its own words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from menshen.platforms.registry import PLATFORMS
from menshen.platforms.words import words_of
from tests.console.browser import Language, Theme, watched
from tests.console.conftest import Console, running_console
from tests.edge.test_every_platform import document, register
from tests.platforms.rows import ROWS

LOG_IN = {"en": "Log in", "zh-CN": "登录"}
END = {"en": "End this user's login states", "zh-CN": "注销该用户的登录态"}
FOREIGN = ("wx.login", "AppSecret")
"""What is WeChat's, and may be others' as well."""


@pytest.fixture(scope="module")
def every(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """One node with an app on each platform, all of them emulated."""
    with running_console(browser, tmp_path_factory.mktemp("every-platform"), document()) as console:
        for name in ROWS:
            register(console.stack, name)
        yield console


@pytest.mark.parametrize("platform", ROWS)
def test_a_login_is_drawn_in_the_words_of_its_platform(every: Console, platform: str, language: Language) -> None:
    words, chinese = words_of(PLATFORMS[platform]), language == "zh-CN"
    with watched(every.browser, every.origin, every.kept, language=language) as watch:
        page = watch.page
        assert watch.open(f"/console/try?phone={platform}-login@{platform}") == 200
        page.get_by_role("button", name=LOG_IN[language], exact=True).click()
        expect(page.locator("[data-kind=login_state]")).to_be_visible(timeout=60_000)
        kinds = page.eval_on_selector_all("#steps [data-kind]", "all => all.map((each) => each.dataset.kind)")
        assert kinds[:5] == ["platform_login", "code", "request_with_code", "code2session", "identity"]

        def label(kind: str) -> str:
            return page.locator(f"[data-kind={kind}] .step-label").inner_text()

        assert words.login_call in label("platform_login")
        assert words.proof[chinese] in label("code2session")
        assert ("session_key" in label("identity")) == PLATFORMS[platform].session_keys
        drawn = page.locator("#steps").inner_text()
        own = f"{words.login_call} {words.proof} {words.secret}"
        assert [each for each in FOREIGN if each in drawn and each not in own] == []

        page.get_by_role("button", name=END[language]).click()
        expect(page.locator("[data-kind=ended]")).to_be_visible()
        assert watch.faults() == []


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)])
def test_the_pages_of_their_apps_and_plugins_have_room_for_their_words(
    every: Console, language: Language, theme: Theme, width: int
) -> None:
    types = [f"/console/plugins/-/new/{adapter.plugin_type}" for adapter in PLATFORMS.values()]
    apps = [f"/console/apps/{name}" for name in ROWS]
    with watched(every.browser, every.origin, every.kept, language=language, theme=theme, width=width) as watch:
        for path in ("/console/apps", "/console/plugins", "/console/plugins/-/new", *types, *apps):
            assert watch.open(path) == 200
            assert (path, watch.faults()) == (path, [])
