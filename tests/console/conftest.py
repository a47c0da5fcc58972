"""The console of a running node in a real browser: the owner made with the set-up token, and signed in as people do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, StorageState, expect

from tests.console.browser import Language, Watched, chromium, watched
from tests.edge.conftest import Stack, running_stack
from tests.edge.processes import Running

OWNER, PASSWORD = "owner.li", "a sentence that nobody would guess"
EMPTY = "version: 1\n"


@dataclass(frozen=True)
class Console:
    """A node whose owner has signed in; ``kept`` is what his browser keeps of it."""

    stack: Stack
    browser: Browser
    kept: StorageState

    @property
    def origin(self) -> str:
        return self.stack.admin.origin


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """No longer than a module: while Playwright runs, no other test of the same thread can run a loop."""
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def console(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A node with nothing in it, for tests that fill it."""
    with running_console(browser, tmp_path_factory.mktemp("console"), EMPTY) as made:
        yield made


@contextmanager
def running_console(browser: Browser, directory: Path, document: str) -> Iterator[Console]:
    with running_stack(directory, document) as stack:
        yield Console(stack, browser, signed_in(browser, stack))


def signed_in(browser: Browser, stack: Stack) -> StorageState:
    """Make the owner with the token that serve printed, sign out, and sign in again by the page for that."""
    with watched(browser, stack.admin.origin) as watch:
        page = watch.page
        assert watch.open("/console/login") == 200
        page.get_by_label("Set-up token").fill(_setup_token(stack.serve))
        page.get_by_label("Name").fill(OWNER)
        page.locator("input[name=password]").fill(PASSWORD)
        page.get_by_label("Password once more").fill(PASSWORD)
        page.get_by_role("button", name="Make the owner and sign in").click()
        page.wait_for_url("**/console/")
        watch.open("/console/users")
        page.locator(".me summary").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in to the console")).to_be_visible()
        page.get_by_label("Name").fill(OWNER)
        page.locator("input[name=password]").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/console/")
        watch.open("/console/users")
        expect(page.locator(".me summary")).to_have_text(OWNER)
        return page.context.storage_state()


def _setup_token(serve: Running) -> str:
    """It is printed behind the line that says that the node is ready."""
    assert serve.process.stdout is not None
    line = serve.process.stdout.readline().decode()
    assert "set-up token" in line, line
    return line.split()[-1]


@pytest.fixture(params=["en", "zh-CN"])
def language(request: pytest.FixtureRequest) -> Language:
    found: Language = request.param
    return found


@pytest.fixture
def watch(console: Console, language: Language) -> Iterator[Watched]:
    """A page of the signed-in owner, once in each language."""
    with watched(console.browser, console.origin, console.kept, language=language) as page:
        yield page
