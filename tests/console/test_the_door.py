"""What a visitor sees who has not signed in, in both languages, wide and narrow, light and dark."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.console.browser import Language, Theme, watched
from tests.console.conftest import EMPTY
from tests.edge.conftest import Stack, running_stack


@pytest.fixture(scope="module")
def new_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Nobody is its owner yet."""
    with running_stack(tmp_path_factory.mktemp("new"), EMPTY) as stack:
        yield stack


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_set_up(browser: Browser, new_node: Stack, language: Language, theme: Theme, width: int) -> None:
    with watched(browser, new_node.admin.origin, language=language, theme=theme, width=width) as watch:
        assert watch.open("/console/login") == 200
        assert watch.page.url.endswith("/console/setup")
        watch.picture(f"set-up.{language}.{theme}.{width}")
        assert watch.faults() == []
        assert watch.barriers() == []


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_set_up_that_goes_wrong_says_why(browser: Browser, new_node: Stack, language: Language) -> None:
    with watched(browser, new_node.admin.origin, language=language) as watch:
        watch.open("/console/setup")
        for name in ("token", "name", "password", "again"):
            watch.page.locator(f"input[name={name}]").fill("one-and-the-same-wrong-thing")
        watch.page.locator("main form button").click()
        watch.settle()
        expect(watch.page.locator("main")).to_contain_text("token" if language == "en" else "令牌")
        watch.picture(f"set-up-refused.{language}.light.1280")
        # The browser itself notes an answer that is no success.
        assert [each for each in watch.faults() if "Failed to load resource" not in each] == []
        assert watch.barriers() == []


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_sign_in(browser: Browser, console: Stack, language: Language, theme: Theme, width: int) -> None:
    with watched(browser, console.origin, language=language, theme=theme, width=width) as watch:
        assert watch.open("/console/login") == 200
        watch.picture(f"sign-in.{language}.{theme}.{width}")
        assert watch.faults() == []
        assert watch.barriers() == []
        watch.page.locator("input[name=name]").fill("owner.li")
        watch.page.locator("input[name=password]").fill("a wrong one")
        watch.page.locator("main form button").click()
        watch.settle()
        watch.picture(f"sign-in-refused.{language}.{theme}.{width}")
        assert [each for each in watch.faults() if "Failed to load resource" not in each] == []
        assert watch.barriers() == []
