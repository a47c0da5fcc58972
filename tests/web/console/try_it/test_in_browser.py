"""``menshen demo`` in a browser: from its link to a login, a checked request, and the ways to cheat.

Everything is real but the platform: the page's own code runs in Chromium, its requests go through Envoy.
"""

from __future__ import annotations

import itertools
import re
import shutil
import time
from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, StorageState, expect, sync_playwright

from tests.edge.processes import LATE, command

ColorScheme = Literal["light", "dark"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

CUT = """() => [...document.querySelectorAll('#try *, .try-choice *')]
  .filter((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0)
  .filter((each) => getComputedStyle(each).display !== 'inline' && !each.closest('pre, select, .unseen, #phone-toast'))
  .map((each) => each.outerHTML.slice(0, 80))"""
"""Whatever is wider than its place."""

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def link(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The sign-in link of a demo that runs."""
    log = tmp_path_factory.mktemp("demo") / "demo.log"
    with command(["-m", "menshen", "demo", "--no-browser"], log) as running:
        yield running.words[1].removeprefix("console=")


@pytest.fixture(scope="module")
def signed_in(link: str, browser: Browser) -> StorageState:
    """What a browser keeps that has followed the link."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    page.wait_for_url("**/console/try")
    assert "#" not in page.url
    return context.storage_state()


@pytest.fixture
def address(link: str) -> str:
    return link.partition("/console/")[0] + "/console/try"


class Phone:
    """The page, and what is drawn on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.acts = 0

    def tap(self, button: str) -> list[str]:
        """Press a button, and wait for what it brings about: the kinds of its steps."""
        self.page.get_by_role("button", name=button, exact=True).click()
        self.acts += 1
        expect(self.page.locator("#steps > .act")).to_have_count(self.acts)
        self.page.wait_for_function("() => !document.querySelector('#try').dataset.busy")
        return self.kinds()

    def kinds(self) -> list[str]:
        """Of the steps since the last button."""
        return self.page.evaluate(
            """() => {
              const all = [...document.querySelectorAll('#steps > li')];
              const last = all.findLastIndex((each) => each.classList.contains('act'));
              return all.slice(last + 1).map((each) => each.dataset.kind);
            }"""
        )

    def headers(self, kind: str) -> dict[str, str]:
        """Those of the newest step of a kind, opened as a visitor opens it."""
        step = self.page.locator(f"[data-kind={kind}]").last
        if step.locator("details[open]").count() == 0:
            step.locator("summary").click()
        rows = step.locator(".step-headers > div")
        expect(rows.first).to_be_visible()
        return {row.locator("dt").inner_text(): row.locator("dd").inner_text() for row in rows.all()}

    @property
    def text(self) -> str:
        return self.page.locator(".phone-text").inner_text()


def test_a_visitor_logs_in_asks_and_cheats(address: str, signed_in: StorageState, browser: Browser) -> None:
    context = browser.new_context(storage_state=signed_in, locale="en-GB", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    asked: set[str] = set()
    complaints: list[str] = []
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)

    page.goto(address)
    phone = Phone(page)
    expect(page.locator(".phone-text")).to_have_text("Not logged in")

    assert phone.tap("Get my order") == ["request_without", "refusal"]
    assert phone.text == "4001 session_missing"

    assert phone.tap("Log in") == [
        "platform_login",
        "code",
        "request_with_code",
        "code2session",
        "identity",
        "to_backend",
        "from_backend",
        "login_state",
    ]
    assert phone.text == "Logged in"
    code = phone.headers("request_with_code")["js_code"]
    assert re.fullmatch(r"[0-9A-Za-z]{8}… \(32\)", code)
    asked_platform = phone.headers("code2session")
    assert (asked_platform["?js_code"], asked_platform["?secret"]) == (code, "***")
    told = phone.headers("to_backend")
    openid, uid = told["x-menshen-openid"], told["x-menshen-user"]
    assert openid.startswith("o")
    assert uid
    assert "js_code" not in told
    state = str(page.evaluate("wx.getStorageSync('user_session')"))
    assert len(state) > 100
    assert phone.headers("login_state")["user_session"] == f"{state[:8]}… ({len(state)})"

    assert phone.tap("Get my order") == ["request", "to_backend", "from_backend", "answer"]
    assert phone.text == "Order 1: on its way"
    told = phone.headers("to_backend")
    assert (told["x-menshen-openid"], told["x-menshen-user"]) == (openid, uid)

    assert phone.tap("Forge a header") == ["request", "to_backend", "from_backend", "answer"]
    assert phone.headers("request")["X-Menshen-Openid"] == "forged"
    told = phone.headers("to_backend")
    assert (told["x-menshen-openid"], told["x-menshen-user"]) == (openid, uid)
    assert "forged" not in told.values()
    removed = page.locator("[data-kind=to_backend]").last.locator(".step-note code").all_inner_texts()
    assert {"user_session", "X-Menshen-Openid", "x_menshen_user"} <= set(removed)

    assert phone.tap("Use the code twice") == ["request_with_code", "refusal"]
    assert phone.text == "4022 code_used"
    assert phone.headers("refusal")["x-menshen-code"] == "4022"
    assert phone.tap("Get my order")[-1] == "answer", "the login state is as good as before"

    assert phone.tap("End this user's login states") == ["ended"]
    ended = time.monotonic()
    sent = ended
    while (seen := phone.tap("Get my order"))[-1] == "answer":  # a node follows within a second
        assert sent < ended + 1 + LATE  # however long the answer took to be drawn
        sent = time.monotonic()
    assert seen == ["request", "refusal"]
    assert phone.text == "4024 session_revoked"
    assert page.evaluate("wx.getStorageSync('user_session')") == ""

    assert state not in page.content()
    assert asked == {urlsplit(page.url).netloc}, "no request leaves the console's own origin"
    assert complaints == []


def test_a_link_signs_in_once(link: str, signed_in: StorageState, browser: Browser) -> None:
    assert signed_in["cookies"]
    page = browser.new_context(locale="en-GB").new_page()
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "This link was used before, or is older than five minutes"
    )


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_cut_or_overlaps(
    address: str, signed_in: StorageState, browser: Browser, language: str, theme: ColorScheme, width: int
) -> None:
    context = browser.new_context(
        storage_state=signed_in,
        locale=language,
        color_scheme=theme,
        viewport={"width": width, "height": 844},
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(address)
    assert page.locator("html").get_attribute("lang") == language
    page.locator("[data-tap=login]").click()
    expect(page.locator("[data-kind=login_state]")).to_be_visible()
    for summary in page.locator(".step summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CUT) == []
    boxes = [each.bounding_box() for each in page.locator("#phone-view button:visible").all()]
    found = [(box["y"], box["y"] + box["height"]) for box in boxes if box]
    assert len(found) == 5
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(found))
