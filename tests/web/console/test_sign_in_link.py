"""A sign-in link: opening the page does nothing, the form signs in, and leads nowhere else."""

from __future__ import annotations

import pytest

from menshen.errors import AccountRefused
from menshen.secret import Secret
from menshen.web.console.door import SESSION_COOKIE
from menshen.web.console.sign_in_link import link_views
from tests.web.console.browsing import Browser, browsing


class Links:
    def __init__(self) -> None:
        self.used: list[str] = []

    async def use(self, token: str, *, ip: str, user_agent: str) -> Secret:
        assert ip == "127.0.0.1"
        self.used.append(token)
        if token != "good":
            raise AccountRefused
        return Secret("planted-cookie")


async def posted(browser: Browser, **fields: str) -> tuple[int, str, str]:
    page = await browser.get("/console/enter")
    token = page.text.split('name="csrf" value="')[1].split('"')[0]
    visit = page.cookies["menshen_visit"]
    got = await browser.ask(
        "POST", "/console/enter", [*fields.items(), ("csrf", token)], {"cookie": f"menshen_visit={visit}"}
    )
    return got.status, got.location, got.cookies.get(SESSION_COOKIE, "")


def test_the_form_signs_in_and_the_page_alone_does_not() -> None:
    links = Links()

    async def work(browser: Browser) -> None:
        assert (await browser.get("/console/enter?next=/console/try")).status == 200
        assert links.used == []
        assert await posted(browser, token="good", next="/console/try") == (303, "/console/try", "planted-cookie")

    browsing(link_views(links.use), work, role=None)


@pytest.mark.parametrize("token", ["", "used", "<script>"])
def test_a_link_that_is_good_no_more_says_so(token: str) -> None:
    async def work(browser: Browser) -> None:
        assert await posted(browser, token=token, next="/console/try") == (403, "", "")

    browsing(link_views(Links().use), work, role=None)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/console/../x", "/elsewhere", ""])
def test_class_51_a_link_leads_into_the_console_only(target: str) -> None:
    """Attack class 51: an open redirect."""

    async def work(browser: Browser) -> None:
        assert await posted(browser, token="good", next=target) == (303, "/console/", "planted-cookie")

    browsing(link_views(Links().use), work, role=None)


def test_a_page_elsewhere_cannot_sign_anybody_in() -> None:
    """Login CSRF: somebody else's session in the operator's browser."""
    links = Links()

    async def work(browser: Browser) -> None:
        got = await browser.ask("POST", "/console/enter", [("token", "good")], {"origin": "http://evil.example"})
        assert got.status == 403
        assert links.used == []

    browsing(link_views(links.use), work, role=None)
