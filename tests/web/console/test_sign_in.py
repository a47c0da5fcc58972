"""Setting up, signing in, signing out: with real operators, in browsers that keep their cookies."""

from __future__ import annotations

import asyncio

import pytest

from menshen.operators.roles import Role
from menshen.storage.database import sqlite_url
from menshen.web.console.door import SESSION_COOKIE, csrf_token, local_path
from tests.operators.desk import PASSWORD, WRONG
from tests.web.console.desk_browser import At, at_console, csrf_of


@pytest.fixture
def url(tmp_path) -> str:
    return sqlite_url(tmp_path)


def test_who_runs_the_node_makes_the_first_owner_and_is_in(database_url: str) -> None:
    async def work(at: At) -> None:
        token = await at.desk.service.setup.begin()
        assert token is not None
        browser = at.browser()
        assert (await browser.get("/console/login")).location == "/console/setup"
        form = {"name": "Alice", "password": PASSWORD.reveal(), "again": PASSWORD.reveal()}
        got = await browser.post("/console/setup", token=f" {token.reveal()} ", **form)
        assert (got.status, got.location) == (303, "/console/")
        assert (await browser.get("/console/login")).location == "/console/"
        for late in (browser, at.browser()):
            assert (await late.get("/console/setup")).location.startswith("/console/login")
        assert [row.name for row in await at.desk.service.accounts.all()] == ["alice"]

    at_console(database_url, work)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"token": "wrong"}, "The set-up token is wrong"),
        ({"token": ""}, "The set-up token is wrong"),
        ({"again": "something else"}, "It is not the same."),
        ({"password": "short", "again": "short"}, "too short"),
        ({"name": "admin"}, "another name"),
        ({"name": "<script>alert(1)</script>"}, "3 to 64"),
    ],
)
def test_what_cannot_be_is_said_and_makes_nobody(changed: dict[str, str], said: str, url: str) -> None:
    async def work(at: At) -> None:
        token = await at.desk.service.setup.begin()
        assert token is not None
        form = {"token": token.reveal(), "name": "alice", "password": PASSWORD.reveal(), "again": PASSWORD.reveal()}
        browser = at.browser()
        got = await browser.post("/console/setup", **{**form, **changed})
        assert got.status == 422
        assert said.lower() in got.words().lower()
        assert "<script>alert" not in got.text
        assert PASSWORD.reveal() not in got.text
        assert token.reveal() not in got.text
        assert await at.desk.service.accounts.all() == []
        browser.language = "zh-CN"
        got = await browser.post("/console/setup", **{**form, **changed})
        assert any("\u4e00" <= letter <= "\u9fff" for letter in got.words())

    at_console(url, work)


def test_a_set_up_token_is_used_once_and_two_who_race_make_one(url: str) -> None:
    async def work(at: At) -> None:
        token = await at.desk.service.setup.begin()
        assert token is not None
        browsers = [at.browser() for _ in range(6)]
        tries = [
            browser.post(
                "/console/setup",
                token=token.reveal(),
                name=f"owner-{number}",
                password=PASSWORD.reveal(),
                again=PASSWORD.reveal(),
            )
            for number, browser in enumerate(browsers)
        ]
        answers = await asyncio.gather(*tries)
        assert sorted(got.status for got in answers) == [303, *[409] * 5]
        assert [SESSION_COOKIE in browser.cookies for browser in browsers].count(True) == 1
        assert len(await at.desk.service.accounts.all()) == 1

    at_console(url, work)


def test_signing_in_gives_a_cookie_that_scripts_and_other_sites_do_not_get(url: str) -> None:
    async def work(at: At) -> None:
        browser = await at.signed_in("alice", Role.OWNER)
        [cookie] = [morsel for morsel in browser.given if morsel.key == SESSION_COOKIE]
        assert cookie["httponly"]
        assert cookie["samesite"].lower() == "strict"
        assert cookie["path"] == "/console"
        assert not cookie["domain"]
        assert not cookie["secure"]
        assert not cookie["max-age"]
        assert len(cookie.value) == 43

    at_console(url, work)


@pytest.mark.parametrize("how", ["origin", "proxy"])
def test_over_tls_the_cookie_goes_over_nothing_else(how: str, url: str) -> None:
    origin = "https://console.example.com" if how == "origin" else ""

    async def work(at: At) -> None:
        await at.desk.add("alice", Role.OWNER)
        browser = at.browser()
        page = await browser.get("/console/login", x_forwarded_proto="https")
        fields = [("name", "alice"), ("password", PASSWORD.reveal()), ("csrf", csrf_of(page.text))]
        headers = {"origin": origin or browser.origin, "x_forwarded_proto": "https"}
        assert (await browser.ask("POST", "/console/login", fields, headers)).status == 303
        assert browser.given
        assert all(morsel["secure"] for morsel in browser.given)

    at_console(url, work, origin)


def test_class_27_signing_in_ends_the_session_that_the_browser_came_with(url: str) -> None:
    """Nor can anybody be made to sign in to a session that somebody else has chosen."""

    async def work(at: At) -> None:
        browser = await at.signed_in("alice", Role.OWNER)
        old = browser.cookies[SESSION_COOKIE]
        page = await browser.get("/console/setup")  # any page that a signed-in browser can load
        assert page.status == 303
        chosen = "f" * 43
        for cookie in (old, chosen):
            browser.cookies[SESSION_COOKIE] = cookie
            fields = [("name", "alice"), ("password", PASSWORD.reveal()), ("csrf", csrf_token(cookie))]
            assert (await browser.ask("POST", "/console/login", fields)).status == 303
            assert browser.cookies[SESSION_COOKIE] not in (old, chosen)
            assert await at.desk.service.access.visit(cookie) is None

    at_console(url, work)


def test_signing_out_ends_the_session_and_takes_the_cookie(url: str) -> None:
    async def work(at: At) -> None:
        browser = await at.signed_in("alice", Role.OWNER)
        cookie = browser.cookies[SESSION_COOKIE]
        token = csrf_token(cookie)
        assert (await browser.ask("GET", "/console/logout")).status == 405
        assert (await browser.ask("POST", "/console/logout", [])).status == 403
        assert await at.desk.service.access.visit(cookie) is not None
        got = await browser.ask("POST", "/console/logout", [("csrf", token)])
        assert (got.status, got.location) == (303, "/console/login")
        assert SESSION_COOKIE not in browser.cookies
        assert await at.desk.service.access.visit(cookie) is None
        assert "You are signed out." in (await browser.get("/console/login")).words()

    at_console(url, work)


def test_class_50_wrong_names_and_passwords_are_one_answer(url: str) -> None:
    async def work(at: At) -> None:
        await at.desk.add("alice", Role.OWNER)
        await at.desk.add("carol", Role.OPERATOR)
        await at.desk.service.accounts.disable("carol", by="test")
        stories = []
        for name, password in (("alice", WRONG), ("carol", PASSWORD), ("nobody", WRONG)):
            browser = at.browser()
            story = []
            for _ in range(6):
                got = await browser.sign_in(name, password.reveal())
                assert SESSION_COOKIE not in browser.cookies
                story.append((got.status, got.words(), got.headers.get("retry-after")))
            stories.append(story)
        assert stories[0] == stories[1] == stories[2]
        assert [status for status, _, _ in stories[0]] == [403] * 5 + [429]
        assert "The username or the password is wrong." in stories[0][0][1]

    at_console(url, work)


HOSTILE_NAMES = [
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    "{{ 7*7 }}",
    "{% raw %}",
    "%(count)s",
    "\u202egnp.exe",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "a\r\nset-cookie: x=y",
    "\x00",
    "门神" * 200,
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_class_50_a_hostile_name_comes_back_as_text(name: str, url: str) -> None:
    async def work(at: At) -> None:
        await at.desk.add("alice", Role.OWNER)
        got = await at.browser().sign_in(name, WRONG.reveal())
        assert got.status == 403
        assert "<script>" not in got.text.replace('<script src="/console/', "")
        assert "<img src=x" not in got.text
        assert "' onmouseover='" not in got.text
        assert "x" not in got.cookies
        assert WRONG.reveal() not in got.text

    at_console(url, work)


def _elsewhere() -> list[str]:
    """Ways to write another site as a path: each with and without what should make it look local."""
    hosts = ["evil.example", "evil.example/console/", "evil.example%2fconsole", "127.0.0.1@evil.example", "[::1]"]
    starts = [
        "//", "///", "////", "/\\", "\\\\", "\\/", "/%09/", "/\t/", "/%0a/", "/\n/", "/%5c", "/%2f%2f", "http://",
        "https://", "HTTPS:", "https:/", "https:", "http:\\\\", "javascript:alert(1)//", "data:text/html,", "ftp://",
        "/console//", "/console/\\", "/console/..//", "/console/../..//", "/console/%2e%2e//", "/console\\..\\..//",
        "/console@", "/consolex/", "/console/../v1/", "/console/./../x/", " //", "\u00a0//", "\u2028//", "\x00//",
        "/;/", "/.//", "//console/", "/console/\r\nlocation: //", "?next=//", "#//", "〱//", "／／", "/／",
    ]  # fmt: skip
    inside = ["/console/%2e%2e/v1/x", "/console/%2E./v1/x", "/console/../v1/x", "/console/x/../../v1", "/console", ""]
    return [*(start + host for start in starts for host in hosts), *inside]


def test_class_51_no_next_leads_out_of_the_console() -> None:
    escaped = []
    for text in _elsewhere():
        target = local_path(text)
        if target != "/console/":
            # What is left may stand below /console/ alone, whatever a browser makes of it.
            plain = target.startswith("/console/") and "//" not in target and "\\" not in target
            clean = target.isprintable() and ".." not in target.split("?")[0].split("/")
            if not plain or not clean or "%2e" in target.lower().split("?")[0]:
                escaped.append((text, target))
    assert escaped == []
    for own in ("/console/", "/console/users", "/console/users?uid=a&below=1.b", "/console/operators/alice"):
        assert local_path(own) == own


def test_class_51_who_signs_in_goes_where_the_page_was_and_nowhere_else(url: str) -> None:
    async def work(at: At) -> None:
        await at.desk.add("alice", Role.OWNER)
        browser = at.browser()
        there = "/console/users?uid=a"
        for text in [*_elsewhere()[::7], there]:
            at.desk.time += 120
            got = await browser.sign_in("alice", next=text)
            expected = there if text == there else local_path(text)
            assert (got.status, got.location) == (303, expected)
            assert got.location.startswith("/console/")
            assert not got.location.startswith("//")
            browser.cookies.clear()

    at_console(url, work)
