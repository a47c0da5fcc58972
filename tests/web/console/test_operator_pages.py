"""Operators, API tokens, one's own account and the audit log at the console."""

from __future__ import annotations

import re

import pytest

from menshen.operators.roles import SCOPES_OF, Principal, Role, Scope
from menshen.storage.audit import AuditRow, write_audit
from menshen.storage.database import sqlite_url
from menshen.web.console.door import SESSION_COOKIE, csrf_token
from menshen.web.console.tokens import MEANINGS
from menshen.web.console.view import View
from tests.operators.desk import OTHER, PASSWORD, WRONG
from tests.web.console.desk_browser import At, at_console, views_of

HOSTILE = "\"><script>alert(1)</script>'{{7*7}}<img src=x onerror=alert(1)>"


@pytest.fixture
def url(tmp_path) -> str:
    return sqlite_url(tmp_path)


def path_of(view: View) -> str:
    return view.path.replace("{name}", "olivia")


def test_class_50_every_page_is_for_the_roles_it_says(url: str) -> None:
    """Every view there is, by nobody and by every role: who may not is told so, and changes nothing."""

    async def work(at: At) -> None:
        await at.desk.add("olivia", Role.OWNER)
        browsers = {role: await at.signed_in(f"a-{role}", role) for role in Role}
        views = [view for view in views_of(at.desk) if view.needs is not None]
        assert len(views) >= 15
        before = await at.desk.audit()
        for view in views:
            stranger = at.browser()
            await stranger.get("/console/login")
            form = [("csrf", csrf_token(stranger.cookies["menshen_visit"]))] if view.method == "POST" else None
            got = await stranger.ask(view.method, path_of(view), form)
            assert (got.status, got.location.partition("?")[0]) == (303, "/console/login"), view
            for role, browser in browsers.items():
                assert view.needs is not None
                if view.needs in SCOPES_OF[role]:
                    continue
                form = [("csrf", csrf_token(browser.cookies[SESSION_COOKIE]))] if view.method == "POST" else None
                got = await browser.ask(view.method, path_of(view), form)
                assert got.status == 403, (view, role)
                assert "Your role does not let you do this" in got.words()
        assert await at.desk.audit() == before

    at_console(url, work)


def test_class_50_no_form_works_from_elsewhere(url: str) -> None:
    """Every POST there is: without a token, with a wrong one, with another session's, from another site, as a GET."""

    async def work(at: At) -> None:
        browser = await at.signed_in("olivia", Role.OWNER)
        other = await at.signed_in("oscar", Role.OWNER)
        mine = csrf_token(browser.cookies[SESSION_COOKIE])
        theirs = csrf_token(other.cookies[SESSION_COOKIE])
        posts = [view for view in views_of(at.desk) if view.method == "POST"]
        gets = {view.path for view in views_of(at.desk) if view.method == "GET"}
        assert len(posts) >= 14
        before = await at.desk.audit()
        for view in posts:
            fields = [("name", "mallory"), ("role", "owner"), ("password", PASSWORD.reveal()), ("days", "30")]
            fields += [("scope", "config:read"), ("old", PASSWORD.reveal()), ("again", PASSWORD.reveal())]
            for token, headers in (
                ("", {}),
                ("0" * 64, {}),
                (theirs, {}),
                (mine, {"origin": "https://evil.example"}),
                (mine, {"origin": "null"}),
                (mine, {"origin": browser.origin.replace("127.0.0.1", "127.0.0.1.evil.example")}),
                (mine, {"sec_fetch_site": "cross-site"}),
                (mine, {"sec_fetch_site": "same-site"}),
            ):
                got = await browser.ask("POST", path_of(view), [*fields, ("csrf", token)], headers)
                assert got.status == 403, (view, token, headers)
            if view.path not in gets:
                assert (await browser.ask("GET", path_of(view))).status == 405, view
        assert await at.desk.audit() == before
        assert await at.desk.service.access.visit(browser.cookies[SESSION_COOKIE]) is not None

    at_console(url, work)


def test_an_owner_adds_changes_and_locks_out(database_url: str) -> None:
    async def work(at: At) -> None:
        owner = await at.signed_in("olivia", Role.OWNER)
        got = await owner.post("/console/operators", name="Bob", role="viewer", password=PASSWORD.reveal())
        assert (got.status, got.location) == (303, "/console/operators")
        page = await owner.get("/console/operators")
        assert "The operator can sign in." in page.words()
        assert "Bob" in page.words()
        bob = at.browser()
        assert (await bob.sign_in("bob")).status == 303
        one = "/console/operators/bob"
        assert "192" not in (await owner.get(one)).words()  # loopback
        assert "127.0.0.1" in (await owner.get(one)).words()
        assert (await owner.post(one, f"{one}/role", role="operator")).location == one
        assert (await bob.get("/console/me")).status == 303
        await bob.sign_in("bob")
        assert (await owner.post(one, f"{one}/password", password=OTHER.reveal())).location == one
        assert (await bob.get("/console/me")).status == 303
        await bob.sign_in("bob", OTHER.reveal())
        [session] = await at.desk.service.sessions.of("bob")
        assert (await owner.post(one, f"{one}/end", session=session.id)).location == one
        assert (await bob.get("/console/me")).status == 303
        await bob.sign_in("bob", OTHER.reveal())
        assert (await owner.post(one, f"{one}/disable")).location == one
        assert (await bob.get("/console/me")).status == 303
        assert (await bob.sign_in("bob", OTHER.reveal())).status == 403
        assert "Locked out" in (await owner.get(one)).words()
        assert (await owner.post(one, f"{one}/enable")).location == one
        assert (await bob.sign_in("bob", OTHER.reveal())).status == 303
        assert {
            row.actor for row in await at.desk.audit() if row.action.startswith("operator.") and "olivia" in row.actor
        }
        log = (await owner.get("/console/audit?actor=olivia&action=operator.role")).words()
        assert "operator.role" in log
        assert "bob" in log

    at_console(database_url, work)


@pytest.mark.parametrize(
    ("to", "fields", "status", "said"),
    [
        ("", {"name": "olivia", "role": "viewer", "password": PASSWORD.reveal()}, 409, "taken"),
        ("", {"name": HOSTILE, "role": "viewer", "password": PASSWORD.reveal()}, 422, "3 to 64"),
        ("", {"name": "carol", "role": HOSTILE, "password": PASSWORD.reveal()}, 422, "viewer, operator, owner"),
        ("", {"name": "carol", "role": "viewer", "password": "short"}, 422, "too short"),
        ("/olivia/disable", {}, 409, "last owner"),
        ("/olivia/role", {"role": "viewer"}, 409, "last owner"),
        ("/olivia/role", {"role": "root"}, 422, "viewer, operator, owner"),
        ("/olivia/password", {"password": "short"}, 422, "too short"),
        ("/olivia/end", {"session": HOSTILE}, 404, "no such thing"),
        ("/nobody/disable", {}, 404, "no such thing"),
        ("/nobody/password", {"password": PASSWORD.reveal()}, 404, "no such thing"),
    ],
)
def test_what_cannot_be_is_said_on_the_page(to: str, fields: dict[str, str], status: int, said: str, url: str) -> None:
    async def work(at: At) -> None:
        owner = await at.signed_in("olivia", Role.OWNER)
        before = await at.desk.service.accounts.all()
        for language in ("en", "zh-CN"):
            owner.language = language
            got = await owner.post("/console/operators", f"/console/operators{to}", **fields)
            assert got.status == status
            assert "<script>alert" not in got.text
            assert "<img src=x" not in got.text
            assert PASSWORD.reveal() not in got.text
            if language == "en":
                assert said in got.words()
            else:
                assert any("\u4e00" <= letter <= "\u9fff" for letter in got.words())
        assert await at.desk.service.accounts.all() == before

    at_console(url, work)


def test_a_token_is_shown_once_and_works(database_url: str) -> None:
    async def work(at: At) -> None:
        browser = await at.signed_in("otto", Role.OPERATOR)
        form = (("scope", "config:read"), ("scope", "config:write"))
        got = await browser.post("/console/tokens", "", *form, name="deploy", days="30")
        assert got.status == 200
        assert got.headers["cache-control"] == "no-store"
        [token] = re.findall(r"mst_[\w-]{43}", got.text)
        assert await at.desk.service.access.principal_of_bearer(token) == Principal(
            "otto/deploy", frozenset({Scope.CONFIG_READ, Scope.CONFIG_WRITE}), "token"
        )
        page = await browser.get("/console/tokens")
        assert "mst_" not in page.text
        assert "deploy" in page.words()
        [row] = await at.desk.service.tokens.of()
        got = await browser.post("/console/tokens", "/console/tokens/revoke", token=row.id)
        assert got.location == "/console/tokens"
        assert await at.desk.service.access.principal_of_bearer(token) is None
        assert "Revoked" in (await browser.get("/console/tokens")).words()

    at_console(database_url, work)


def test_class_50_nobody_gets_a_token_that_may_more_or_sees_anothers(url: str) -> None:
    async def work(at: At) -> None:
        viewer = await at.signed_in("victor", Role.VIEWER)
        otto = Principal("otto", SCOPES_OF[Role.OPERATOR], "console")
        await at.desk.add("otto", Role.OPERATOR)
        _, row = await at.desk.service.tokens.make(otto, "ottos-own", [Scope.CONFIG_READ], 1)
        page = await viewer.get("/console/tokens")
        assert "ottos-own" not in page.text
        assert "config:write" not in page.text
        got = await viewer.post("/console/tokens", "", ("scope", "config:write"), name="more", days="30")
        assert got.status == 422
        assert "mst_" not in got.text
        got = await viewer.post("/console/tokens", "/console/tokens/revoke", token=row.id)
        assert got.status == 404
        assert len(await at.desk.service.tokens.of()) == 1
        owner = await at.signed_in("olivia", Role.OWNER)
        assert "ottos-own" in (await owner.get("/console/tokens")).words()
        assert (await owner.post("/console/tokens", "/console/tokens/revoke", token=row.id)).status == 303

    at_console(url, work)


@pytest.mark.parametrize("days", ["", "0", "-1", "367", "1000000", "३०", "30 ", "30.5", "x"])
def test_a_token_lasts_as_long_as_is_offered(days: str, url: str) -> None:
    async def work(at: At) -> None:
        browser = await at.signed_in("olivia", Role.OWNER)
        got = await browser.post("/console/tokens", "", ("scope", "config:read"), name="x", days=days)
        assert got.status == 422
        assert "1 to 366 days" in got.words()

    at_console(url, work)


def test_one_changes_ones_own_password_and_stays_in_with_a_new_cookie(database_url: str) -> None:
    async def work(at: At) -> None:
        here, there = await at.signed_in("victor", Role.VIEWER), at.browser()
        await there.sign_in("victor")
        old = here.cookies[SESSION_COOKIE]
        change = {"old": PASSWORD.reveal(), "password": OTHER.reveal(), "again": OTHER.reveal()}
        for wrong, said in (
            ({"old": WRONG.reveal()}, "The old password is wrong."),
            ({"again": "x"}, "It is not the same."),
            ({"password": "short", "again": "short"}, "too short"),
        ):
            got = await here.post("/console/me", "/console/me/password", **{**change, **wrong})
            assert got.status in (400, 422)
            assert said in got.words()
            assert OTHER.reveal() not in got.text
        got = await here.post("/console/me", "/console/me/password", **change)
        assert (got.status, got.location) == (303, "/console/me")
        assert here.cookies[SESSION_COOKIE] != old
        assert await at.desk.service.access.visit(old) is None
        page = await here.get("/console/me")
        assert page.status == 200
        assert "This browser" in page.words()
        assert (await there.get("/console/me")).status == 303
        assert (await there.sign_in("victor", OTHER.reveal())).status == 303

    at_console(database_url, work)


def test_one_ends_ones_own_other_sessions_and_nobody_elses(url: str) -> None:
    async def work(at: At) -> None:
        here, there = await at.signed_in("victor", Role.VIEWER), at.browser()
        await there.sign_in("victor")
        olivia = await at.signed_in("olivia", Role.OWNER)
        visitor = await at.desk.service.access.visit(there.cookies[SESSION_COOKIE])
        owner = await at.desk.service.access.visit(olivia.cookies[SESSION_COOKIE])
        assert visitor is not None
        assert owner is not None
        end = "/console/me/sessions/end"
        assert (await here.post("/console/me", end, session=owner.session)).status == 404
        assert (await olivia.get("/console/me")).status == 200
        assert (await here.post("/console/me", end, session=visitor.session)).status == 303
        assert (await there.get("/console/me")).status == 303
        assert (await here.get("/console/me")).status == 200

    at_console(url, work)


def test_class_50_what_others_wrote_is_text_on_every_page(url: str) -> None:
    """User agents, reasons of bans, names of tokens."""

    async def work(at: At) -> None:
        owner = await at.signed_in("olivia", Role.OWNER)
        page = await owner.get("/console/login")
        await at.desk.service.sessions.log_in("olivia", PASSWORD, ip=HOSTILE, user_agent=HOSTILE)
        olivia = Principal("olivia", SCOPES_OF[Role.OWNER], "console")
        await at.desk.service.tokens.make(olivia, '"><script>alert(1)</script>', [Scope.CONFIG_READ], 1)
        async with at.desk.database.writing() as connection:
            row = AuditRow(5, HOSTILE, "user.ban", HOSTILE[:40], {"reason": HOSTILE, HOSTILE: [HOSTILE]})
            await write_audit(connection, [row])
        for path in ("/console/me", "/console/operators/olivia", "/console/tokens", "/console/audit"):
            for language in ("en", "zh-CN"):
                owner.language = language
                page = await owner.get(path)
                assert page.status == 200
                assert "&lt;script&gt;alert(1)" in page.text
                assert "<script>alert" not in page.text
                assert "<img src=x" not in page.text
                assert path == "/console/tokens" or "{{7*7}}" in page.text

    at_console(url, work)


def test_the_audit_log_is_filtered_and_paged(database_url: str) -> None:
    async def work(at: At) -> None:
        owner = await at.signed_in("olivia", Role.OWNER)
        rows = [AuditRow(n, f"actor-{n % 2}", "user.ban", f"u{n % 3}", {"number": f"no-{n}"}) for n in range(120)]
        async with at.desk.database.writing() as connection:
            await write_audit(connection, rows)

        async def numbers(path: str) -> tuple[list[int], str]:
            page = await owner.get(path)
            assert page.status == 200
            after = re.findall(r'<a href="([^"]+)" rel="next">', page.text)
            return [int(n) for n in re.findall(r"no-(\d+)", page.text)], after[0].replace("&amp;", "&") if after else ""

        found, after = await numbers("/console/audit?actor=actor-1")
        assert found == list(range(119, 19, -2))
        more, end = await numbers(after)
        assert more == list(range(19, 0, -2))
        assert end == ""
        assert (await numbers("/console/audit?action=user.ban&user=u1&actor=actor-1"))[0] == list(range(115, 0, -6))
        assert (await numbers("/console/audit?action=user.unban"))[0] == []
        for odd in ("below=x", "below=" + "9" * 40, "actor=%00", "user=%0A", "action=%F0%9F", "below=-1"):
            assert (await owner.get(f"/console/audit?{odd}")).status == 200

    at_console(database_url, work)


def test_every_scope_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Scope)
