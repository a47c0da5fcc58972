"""Nobody comes in, changes anything or is sent anywhere by a page that is not ours."""

from __future__ import annotations

import io

import pytest
from starlette.responses import PlainTextResponse, Response

from menshen.errors import DatabaseUnavailable, UserUnknown
from menshen.operators.roles import Role, Scope
from menshen.web.console.door import SESSION_COOKIE, csrf_token, local_path
from menshen.web.console.preferences import preference_views
from menshen.web.console.view import View, Visit
from tests.web.console.browsing import Browser, browsing


class Pages:
    def __init__(self) -> None:
        self.changed: list[dict[str, object]] = []

    def views(self) -> list[View]:
        async def shown(visit: Visit) -> Response:
            return visit.trouble(200, "Overview")

        async def changed(visit: Visit) -> Response:
            self.changed.append(dict(visit.form))
            return visit.go("/console/", "Saved.")

        async def gone(_: Visit) -> Response:
            raise UserUnknown("there is no user <b>x</b>")

        async def down(_: Visit) -> Response:
            raise DatabaseUnavailable("planted-dsn")

        async def anybody(_: Visit) -> Response:
            return PlainTextResponse("hello")

        return [
            View("GET", "/console/", Scope.FIGURES_READ, shown),
            View("POST", "/console/change", Scope.CONFIG_WRITE, changed),
            View("GET", "/console/gone", Scope.USERS_READ, gone),
            View("GET", "/console/down", Scope.USERS_READ, down),
            View("GET", "/console/login", None, anybody),
            View("POST", "/console/login", None, changed),
            *preference_views(),
        ]


def test_a_page_may_load_and_be_framed_by_nothing_else() -> None:
    async def work(browser: Browser) -> None:
        for path in ("/console/", "/console/gone", "/console/static/console.css", "/console/static/htmx.min.js"):
            got = await browser.get(path)
            policy = got.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert got.headers["x-content-type-options"] == "nosniff"
            assert got.headers["x-frame-options"] == "DENY"
            assert got.headers["cache-control"] == ("no-cache" if "static" in path else "no-store")

    browsing(Pages().views(), work)


def test_who_has_not_signed_in_is_sent_to_the_login_and_back() -> None:
    async def work(browser: Browser) -> None:
        got = await browser.get("/console/?x=1")
        assert (got.status, got.location) == (303, "/console/login?next=/console/%3Fx%3D1")
        assert (await browser.get("/console/", hx_request="true")).location == "/console/login?next=/console/"
        forged = await browser.get("/console/", cookie=f"{SESSION_COOKIE}=forged")
        assert forged.status == 303

    browsing(Pages().views(), work, role=None)


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, ""),
        ({}, "0" * 64),
        ({}, csrf_token("of another session")),
        ({}, csrf_token("")),
        ({"origin": "https://evil.example"}, None),
        ({"origin": "null"}, None),
        ({"sec_fetch_site": "cross-site"}, None),
        ({"sec_fetch_site": "same-site"}, None),
    ],
)
def test_class_50_a_form_of_another_page_changes_nothing(headers: dict[str, str], token: str | None) -> None:
    pages = Pages()

    async def work(browser: Browser) -> None:
        fields = [] if token == "" else [("csrf", csrf_token(browser.cookie) if token is None else token)]
        got = await browser.ask("POST", "/console/change", fields, headers)
        assert got.status == 403
        assert pages.changed == []

    browsing(pages.views(), work)


def test_class_50_signing_somebody_in_needs_the_token_of_the_login_page() -> None:
    pages = Pages()

    async def work(browser: Browser) -> None:
        assert (await browser.ask("POST", "/console/login", [("csrf", csrf_token(""))], {})).status == 403
        first = await browser.get("/console/login")
        cookie = first.cookies["menshen_visit"]
        form = [("csrf", csrf_token(cookie)), ("name", "li")]
        assert (await browser.ask("POST", "/console/login", form, {"cookie": f"menshen_visit={cookie}"})).status == 303
        assert [each["name"] for each in pages.changed] == ["li"]

    browsing(pages.views(), work, role=None)


def test_a_form_of_ours_works_by_field_and_by_header() -> None:
    pages = Pages()

    async def work(browser: Browser) -> None:
        got = await browser.post("/console/change", {"name": "x"}, origin=browser.origin, sec_fetch_site="same-origin")
        assert (got.status, got.location) == (303, "/console/")
        by_htmx = await browser.ask(
            "POST", "/console/change", [("a", "b")], {"x_csrf_token": csrf_token(browser.cookie), "hx_request": "true"}
        )
        assert (by_htmx.status, by_htmx.location) == (204, "/console/")
        assert len(pages.changed) == 2
        after = await browser.get(
            "/console/", cookie=f"{SESSION_COOKIE}={browser.cookie}; menshen_said={got.cookies['menshen_said']}"
        )
        assert "Saved." in after.words()

    browsing(pages.views(), work)


def test_a_get_and_a_head_change_nothing() -> None:
    pages = Pages()

    async def work(browser: Browser) -> None:
        assert (await browser.get("/console/change")).status == 405
        assert pages.changed == []

    browsing(pages.views(), work)


def test_a_role_opens_what_it_may_and_its_menu_has_no_more() -> None:
    pages = Pages()

    async def work(browser: Browser) -> None:
        assert (await browser.get("/console/")).status == 200
        assert (await browser.post("/console/change")).status == 403
        assert pages.changed == []

    browsing(pages.views(), work, role=Role.VIEWER)


def test_what_is_not_there_and_what_is_down_have_pages_that_tell_no_more() -> None:
    async def work(browser: Browser) -> None:
        gone, down = await browser.get("/console/gone"), await browser.get("/console/down")
        assert (gone.status, down.status) == (404, 503)
        assert "<b>" not in gone.text
        assert "planted" not in down.text

    browsing(Pages().views(), work)


def test_a_sentence_that_is_not_of_the_catalog_is_not_said() -> None:
    async def work(browser: Browser) -> None:
        said = "UGxlYXNlIGNhbGwgMTIz"  # Please call 123
        got = await browser.get("/console/", cookie=f"{SESSION_COOKIE}={browser.cookie}; menshen_said={said}")
        assert "call 123" not in got.text
        broken = await browser.get("/console/", cookie=f"{SESSION_COOKIE}={browser.cookie}; menshen_said=%%%")
        assert broken.status == 200

    browsing(Pages().views(), work)


def test_a_form_that_is_too_large_or_broken_is_refused() -> None:
    pages = Pages()

    async def work(browser: Browser) -> None:
        signed = {"cookie": f"{SESSION_COOKIE}={browser.cookie}", "x-csrf-token": csrf_token(browser.cookie)}
        large = io.BytesIO(b"name=" + b"x" * 1_100_000)
        kind = {"content-type": "application/x-www-form-urlencoded"}
        async with browser.session.post(
            browser.origin + "/console/change", data=large, headers=signed | kind
        ) as answer:
            assert answer.status == 413
        async with browser.session.post(
            browser.origin + "/console/change",
            data=b"--broken",
            headers=signed | {"content-type": "multipart/form-data"},
            allow_redirects=False,
        ) as answer:
            assert answer.status == 303
        assert pages.changed == [{}]

    browsing(pages.views(), work)


def test_language_and_colours_are_chosen_and_kept() -> None:
    async def work(browser: Browser) -> None:
        assert 'lang="en"' in (await browser.get("/console/")).text
        got = await browser.post("/console/preferences", {"language": "zh-CN", "next": "/console/gone"})
        assert (got.location, got.cookies["menshen_lang"]) == ("/console/gone", "zh-CN")
        chinese = await browser.get("/console/", cookie=f"{SESSION_COOKIE}={browser.cookie}; menshen_lang=zh-CN")
        assert 'lang="zh-CN"' in chinese.text
        assert "概览" in chinese.words()
        dark = await browser.get("/console/", cookie=f"{SESSION_COOKIE}={browser.cookie}; menshen_theme=dark")
        assert 'data-theme="dark"' in dark.text
        forged = await browser.post("/console/preferences", {"language": "x", "theme": '"><script>'})
        assert not forged.cookies.keys() & {"menshen_lang", "menshen_theme"}

    browsing(Pages().views(), work)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "//evil.example",
        "/console//evil.example",
        "https://evil.example/console/",
        "https:/console/",
        "/\\evil.example",
        "/console/\\evil.example",
        "/console/../../evil",
        "/console/..",
        "\t/console/",
        "/console/\r\nset-cookie: a=b",
        "/consoleevil",
        "javascript:alert(1)//console/",
        "/%09/evil.example",
        "///evil.example/console/",
        "http:console/",
        "/console/@evil.example//",
    ],
)
def test_class_51_only_pages_of_the_console_are_gone_back_to(text: str) -> None:
    assert local_path(text) == "/console/"


@pytest.mark.parametrize("text", ["/console/", "/console/users?uid=a%2Fb&x=1", "/console/users/01ABC#log"])
def test_pages_of_the_console_are_gone_back_to(text: str) -> None:
    assert local_path(text) == text


def test_behind_https_cookies_are_secure_and_the_origin_is_the_configured_one() -> None:
    pages = Pages()

    async def work(browser: Browser) -> None:
        assert (await browser.post("/console/change", origin=browser.origin)).status == 403
        assert (await browser.post("/console/change", origin="https://console.example.com")).status == 303

    browsing(pages.views(), work, origin="https://console.example.com")
