"""Every page of the console, in both languages, wide and narrow, light and dark.

Pages are found as an operator finds them: by the navigation, and by the links on each page. So a new one cannot be
forgotten.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, Error

from menshen.web.console.navigation import SECTIONS
from tests.console.browser import Language, Theme, watched
from tests.console.conftest import Console, running_console
from tests.edge.conftest import DOCUMENT

HOSTILE: Final = "<img src=x onerror=alert(1)>\"'&{{7*7}} 极长的昵称" + "长" * 30
_LINKS: Final = "a[href]:not([download])"
FEW: Final = 2
"""Pages of one shape (one app's, one user's) that are looked at."""

LOOKS: Final[list[tuple[Theme, int]]] = [("light", 1280), ("dark", 390), ("light", 390), ("dark", 1280)]
PICTURED: Final = LOOKS[:2]
"""Between them they have both colours and both widths."""

BARRIERS: Final[dict[Language, tuple[Theme, int]]] = {"en": LOOKS[0], "zh-CN": LOOKS[1]}
"""How axe looks at the pages of each language: what it finds is a matter of colours and room, not of words."""


@pytest.fixture(scope="module")
def furnished(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A node with something on every page."""
    with running_console(browser, tmp_path_factory.mktemp("furnished"), DOCUMENT) as console:
        stack = console.stack
        for user in ("lin", "wang", "zhao"):
            stack.log_in(user)
        for path in ("/mall/login", "/other/x", "/nowhere"):
            stack.gateway(path, ("js_code", "no-such-code"), ("User-Agent", HOSTILE.encode().decode("latin-1")))
        yield console


@pytest.fixture(scope="module")
def paths(furnished: Console) -> list[str]:
    """Where links lead, beginning at any page: the navigation is on each. Files to download are no pages."""
    found, seen, shapes, files = ["/console/"], {"/console/"}, Counter[str](), set[str]()
    with watched(furnished.browser, furnished.origin, furnished.kept) as watch:
        for path in found:
            try:
                watch.open(path)
            except Error as error:
                if "Download is starting" not in error.message:
                    raise
                files.add(path)
            for link in watch.page.eval_on_selector_all(_LINKS, "all => all.map((each) => each.pathname)"):
                shape = "/".join(link.split("/")[:3]) + f"/{link.count('/')}"
                if link in seen or not link.startswith("/console/") or shapes[shape] >= FEW:
                    continue
                seen.add(link)
                shapes[shape] += link.count("/") > 2
                found.append(link)
    return [path for path in found if path not in files]


def test_the_navigation_leads_to_all_that_it_has(paths: list[str]) -> None:
    assert [entry.path for section in SECTIONS for entry in section.entries if entry.path not in paths] == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_nothing_is_wrong_with_any_page(furnished: Console, paths: list[str], language: Language) -> None:
    wrong: list[str] = []
    with watched(furnished.browser, furnished.origin, furnished.kept, language=language) as watch:
        for path in paths:
            watch.complaints.clear()
            watch.look("light", 1280)
            status = watch.open(path)
            lang = watch.page.locator("html").get_attribute("lang")
            if (status, lang) != (200, language):
                wrong.append(f"{path}: {status} {lang}")
                continue
            for theme, width in LOOKS:
                watch.look(theme, width)
                found = watch.faults()
                if (theme, width) in PICTURED:
                    watch.picture(f"{_name(path)}.{language}.{theme}.{width}")
                if (theme, width) == BARRIERS[language]:
                    found += watch.barriers()
                wrong += [f"{path} {theme} {width}: {each}" for each in found]
                watch.complaints.clear()
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def _name(path: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", path.removeprefix("/console/").lower()).strip("-") or "overview"
