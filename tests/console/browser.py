"""The system's Chromium, and pages that are watched: what they ask for, what they complain of, what is cut in them."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, Route, StorageState, sync_playwright

from tests.edge.processes import REPOSITORY

__all__ = ["SCREENSHOTS", "Language", "Theme", "Watched", "chromium", "watched"]

Language = Literal["en", "zh-CN"]
Theme = Literal["light", "dark"]

SCREENSHOTS: Final = REPOSITORY / "var" / "screenshots"

_QUIET: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-domain-reliability",
)

_GRAVE: Final = ("serious", "critical")

_CUT: Final = (Path(__file__).parent / "cut.js").read_text(encoding="utf-8")
_OVERLAPS: Final = (Path(__file__).parent / "overlaps.js").read_text(encoding="utf-8")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise FileNotFoundError("chromium: install it (apt-get install chromium fonts-noto-cjk); .ci/run does")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(_QUIET))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watched:
    """A page, and all that went wrong on it. ``strayed`` are requests that would have left the console's origin."""

    page: Page
    origin: str
    strayed: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> int:
        """Go there, and wait until it is quiet; the status of the answer."""
        answer = self.page.goto(self.origin + path)
        self.settle()
        return answer.status if answer is not None else 0

    def settle(self) -> None:
        """Whatever is under way is over, and in its place. A page that is live has a request open for ever."""
        self.page.wait_for_load_state("load")
        self.page.wait_for_function("() => !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')")

    def look(self, theme: Theme, width: int) -> None:
        """The same page to a visitor of other tastes, on another device."""
        self.page.emulate_media(color_scheme=theme)
        self.page.set_viewport_size({"width": width, "height": 844})

    def faults(self) -> list[str]:
        """What is wrong with how the page looks, and what it said."""
        width, room = self.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        found = [f"{width} px wide where there are {room}"] if width > room else []
        found += self.page.evaluate(_CUT)
        found += self.page.evaluate(_OVERLAPS)
        return [*found, *self.complaints, *self.strayed]

    def barriers(self) -> list[str]:
        """Grave findings of axe, each with where it is."""
        result: dict[str, Any] = Axe().run(self.page).response
        return [
            f"{each['impact']} {each['id']}: {node['html'][:120]} {node.get('failureSummary', '')[:200]}"
            for each in result["violations"]
            if each["impact"] in _GRAVE
            for node in each["nodes"][:3]
        ]

    def picture(self, name: str) -> Path:
        """The whole page as it is, in a folder that is looked at."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path, full_page=True)
        return path


@contextlib.contextmanager
def watched(
    browser: Browser,
    origin: str,
    kept: StorageState | None = None,
    *,
    language: Language = "en",
    theme: Theme = "light",
    width: int = 1280,
) -> Iterator[Watched]:
    """A page of a browser that keeps to itself; ``kept`` are the cookies that it comes with.

    At the end of the block no request has gone anywhere but to ``origin``.
    """
    context = browser.new_context(
        storage_state=kept,
        locale="en-GB" if language == "en" else language,
        color_scheme=theme,
        viewport={"width": width, "height": 844},
        reduced_motion="reduce",
    )
    context.set_default_timeout(60_000)
    page = context.new_page()
    found = Watched(page, origin)

    def route(route: Route, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("data", "blob") or f"{parts.scheme}://{parts.netloc}" == origin:
            route.continue_()
        else:
            found.strayed.append(f"asked {parts.scheme}://{parts.netloc} for something")
            route.abort()

    context.route("**/*", route)
    page.on("pageerror", lambda error: found.complaints.append(f"script: {error}"))
    page.on("console", lambda said: found.complaints.append(said.text) if said.type == "error" else None)
    try:
        yield found
        assert found.strayed == []
    finally:
        context.close()
