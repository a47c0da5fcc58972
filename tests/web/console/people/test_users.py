"""Users at the console: found, looked at, changed, and what attackers call themselves."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from menshen.operators.roles import Role
from menshen.storage.login_log import LoginRow, write_logins
from tests.web.console.people.visiting import HOSTILE, Stage, visiting

NUMBER = "+8613580006666"


async def fill(stage: Stage) -> None:
    people = stage.people
    people.now = time.time()
    await stage.add_with_phone("u0", "13580006666")
    people.now += 1
    await people.add("u1", openids=("openid-one",), account="anna", nickname="Anna", claims='{"role":"vip"}')
    people.now += 1
    await people.add("u2", openids=("openid-two",), status="banned", status_reason="spam")


def test_a_user_is_found_by_whatever_is_known(database_url: str, tmp_path: Path) -> None:
    async def work(stage: Stage) -> None:
        await fill(stage)
        everybody = (await stage.browser.get("/console/users")).words()
        assert [each for each in ("u2", "u1", "u0") if each in everybody] == ["u2", "u1", "u0"]
        for text in ("u1", "openid-one", "ANNA", " anna "):
            got = await stage.browser.post("/console/users/search", {"q": text})
            assert (got.status, got.location) == (303, "/console/users/u1"), text
        for text in ("6666", "13580006666", NUMBER):
            got = await stage.browser.post("/console/users/search", {"q": text})
            assert got.location == "/console/users/u0", text
        got = await stage.browser.post("/console/users/search", {"q": "union", "status": "banned"})
        assert got.location == "/console/users/u2"
        banned = (await stage.browser.get("/console/users?status=banned")).words()
        assert "u2" in banned
        assert "u1" not in banned
        assert "No user is like that" in (await stage.browser.get("/console/users?q=nobody")).words()

    visiting(database_url, tmp_path, work)


def test_a_whole_number_never_stands_in_an_address(database_url: str, tmp_path: Path) -> None:
    async def work(stage: Stage) -> None:
        await fill(stage)
        for text in ("13580006667", "+86 135 8000 6667", "+8613580006667"):
            got = await stage.browser.post("/console/users/search", {"q": text})
            assert got.location == "/console/users?nobody=1", text
        assert "Nobody has this phone number" in (await stage.browser.get("/console/users?nobody=1")).words()

    visiting(database_url, tmp_path, work)


def test_users_come_page_by_page(database_url: str, tmp_path: Path) -> None:
    async def work(stage: Stage) -> None:
        for number in range(120):
            stage.people.now += 1
            await stage.people.add(f"user{number:03}")
        path, seen = "/console/users", []
        while path:
            page = await stage.browser.get(path)
            seen += re.findall(r'<a class="mono" href="/console/users/(\w+)"', page.text)
            found = re.search(r'<a href="([^"]+)" rel="next">', page.text)
            path = found.group(1).replace("&amp;", "&") if found else ""
        assert seen == [f"user{number:03}" for number in reversed(range(120))]
        for below in ("x", "1", "99999999999.u", "1.%00"):
            assert (await stage.browser.get(f"/console/users?below={below}")).status == 200

    visiting(database_url, tmp_path, work)


def test_one_user_is_shown_with_all_that_is_his(database_url: str, tmp_path: Path) -> None:
    async def work(stage: Stage) -> None:
        await fill(stage)
        await stage.people.log_in("u1", ip="10.1.2.3", user_agent="MicroMessenger/8")
        await stage.people.log("u1", ip="10.9.9.9")
        page = await stage.browser.get("/console/users/u1")
        for shown in ("Anna", "wechat/wx1", "openid-one", "role=vip", "10.1.2.3", "MicroMessenger/8", "10.9.9.9"):
            assert shown in page.words(), shown
        assert "sealed-key" not in page.text
        assert (await stage.browser.get("/console/users/u9")).status == 404
        assert (await stage.browser.get("/console/users/%00")).status == 404
        stage.browser.language = "zh-CN"
        assert "踢下线" in (await stage.browser.get("/console/users/u1")).words()

    visiting(database_url, tmp_path, work)


def test_a_phone_number_is_shown_in_full_when_asked_for_and_that_is_written_down(
    database_url: str, tmp_path: Path
) -> None:
    async def work(stage: Stage) -> None:
        await fill(stage)
        page = await stage.browser.get("/console/users/u0")
        assert "*6666" in page.words()
        assert "135" not in page.words()
        assert (await stage.browser.get("/console/users/u0/phone")).status == 405
        whole = await stage.browser.post("/console/users/u0/phone")
        assert NUMBER in whole.words()
        part = await stage.browser.post("/console/users/u0/phone", hx_request="true")
        assert part.text.startswith('<span id="phone"')
        assert await stage.done() == [("li", "phone.shown", "u0")] * 2
        assert NUMBER not in (await stage.browser.get("/console/users/u0")).text
        assert "No phone number" in (await stage.browser.post("/console/users/u1/phone", hx_request="true")).words()

    visiting(database_url, tmp_path, work)


def test_who_may_only_read_changes_nothing_and_sees_no_number(database_url: str, tmp_path: Path) -> None:
    async def work(stage: Stage) -> None:
        await fill(stage)
        page = await stage.browser.get("/console/users/u0")
        assert "Show in full" not in page.text
        assert "/console/users/u0/ban" not in page.text
        assert "Audit log" not in page.words()
        for verb in ("ban", "unban", "kick", "close", "merge", "claims", "metadata", "phone"):
            got = await stage.browser.post(f"/console/users/u0/{verb}", {"confirm": "u0", "into": "u1"})
            assert got.status == 403, verb
        for path in ("/console/sessions/end", "/console/sessions/end-app"):
            assert (await stage.browser.post(path, {"sid": "s1", "app": "shop"})).status == 403
        assert await stage.done() == []

    visiting(database_url, tmp_path, work, Role.VIEWER)


def test_a_user_is_banned_let_in_again_kicked_out_merged_and_closed(database_url: str, tmp_path: Path) -> None:
    async def work(stage: Stage) -> None:
        await fill(stage)
        post, people = stage.browser.post, stage.people
        await people.log_in("u1")
        got = await post("/console/users/u1/ban", {"reason": "刷单", "span": "day"})
        assert (got.status, got.location) == (303, "/console/users/u1")
        user = await people.user("u1")
        assert (user["status"], user["status_reason"]) == ("banned", "刷单")
        assert abs(user["banned_until"] - time.time() - 86_400) < 60
        page = (await stage.browser.get("/console/users/u1")).words()
        assert "Banned until" in page
        assert "The user was banned" in page
        await post("/console/users/u1/ban", {"span": "date", "until": "2099-01-01T00:00"})
        assert (await people.user("u1"))["banned_until"] == 4_070_908_800
        assert (await post("/console/users/u1/unban")).status == 303
        await people.log_in("u1")
        await post("/console/users/u1/kick")
        assert await people.records.list(uid="u1") == []
        assert (await post("/console/users/u1/merge", {"into": "u0"})).status == 303
        assert (await people.user("u1"))["merged_into"] == "u0"
        assert (await post("/console/users/u0/close", {"confirm": "u0", "closing-reason": "asked"})).status == 303
        assert (await people.user("u0"))["status"] == "closed"
        assert "erased" in (await stage.browser.get("/console/users/u0")).words()
        actions = [action for _, action, _ in await stage.done()]
        assert actions == [
            "user.ban",
            "user.ban",
            "user.unban",
            "sessions.end",
            "user.merge",
            "user.merge",
            "user.close",
        ]
        assert {actor for actor, _, _ in await stage.done()} == {"li"}

    visiting(database_url, tmp_path, work)


@pytest.mark.parametrize(
    ("path", "form", "said"),
    [
        ("u1/ban", {"reason": "x" * 201}, "too long"),
        ("u1/ban", {"reason": "a\u2028b"}, "cannot be done"),
        ("u1/ban", {"span": "date", "until": "soon"}, "not a date"),
        ("u1/ban", {"span": "date", "until": "1999-01-01T00:00"}, "cannot be done"),
        ("u1/unban", {}, "cannot be done"),
        ("u1/close", {"confirm": "u0"}, "to confirm"),
        ("u1/close", {}, "to confirm"),
        ("u1/merge", {"into": ""}, "the user that stays"),
        ("u1/merge", {"into": "u1"}, "cannot be done"),
        ("u1/merge", {"into": "u2"}, "cannot be done"),
        ("u1/claims", {"claims": "no equals"}, "name=value"),
        ("u1/claims", {"claims": "Role=x"}, "cannot be done"),
        ("u1/metadata", {"metadata": "[1]"}, "JSON object"),
        ("u1/metadata", {"metadata": "{"}, "JSON object"),
    ],
)
def test_what_cannot_be_done_is_said_and_not_done(
    database_url: str, tmp_path: Path, path: str, form: dict[str, str], said: str
) -> None:
    async def work(stage: Stage) -> None:
        await fill(stage)
        got = await stage.browser.post(f"/console/users/{path}", form)
        assert (got.status, said in got.words()) == (422, True), got.words()[:400]
        assert await stage.done() == []
        assert (await stage.people.user("u1"))["status"] == "active"

    visiting(database_url, tmp_path, work)


def test_claims_and_metadata_are_changed_and_what_somebody_else_added_stays(database_url: str, tmp_path: Path) -> None:
    async def work(stage: Stage) -> None:
        await fill(stage)
        await stage.browser.post("/console/users/u1/claims", [("claims", "role=vip\nlevel=3"), ("had", "role")])
        await stage.browser.post("/console/users/u1/claims", [("claims", "plan=a"), ("had", "role")])
        page = (await stage.browser.get("/console/users/u1")).words()
        assert "plan=a" in page
        assert "level=3" in page  # the second form had not seen it
        assert "role=vip" not in page
        await stage.browser.post("/console/users/u1/metadata", {"metadata": '{"note": {"vip": true}}'})
        await stage.browser.post("/console/users/u1/metadata", [("metadata", "{}"), ("had", "note")])
        assert (await stage.people.user("u1"))["metadata"] == "{}"
        assert [action for _, action, _ in await stage.done()] == ["user.claims"] * 2 + ["user.metadata"] * 2

    visiting(database_url, tmp_path, work)


def test_class_50_what_attackers_call_themselves_is_text_on_every_page(database_url: str, tmp_path: Path) -> None:
    async def work(stage: Stage) -> None:
        people = stage.people
        people.now = time.time()
        evil = HOSTILE[:64]
        await people.add("u1", openids=(HOSTILE,), nickname=evil, profile='{"city": "<script>alert(3)</script>"}')
        await people.log_in("u1", user_agent=HOSTILE, ip="<b>1</b>", app=("wechat", "<script>wx</script>"))
        rows = [
            LoginRow(
                int(people.now), "ok", "code", "u1", False, "wechat", "<i>a", "<b>1</b>", HOSTILE, "<script>r", HOSTILE
            ),
            LoginRow(
                int(people.now),
                "<script>o",
                "<i>h",
                "<b>u",
                False,
                "p",
                "a",
                "i",
                HOSTILE,
                "r",
                "<img src=x onerror=1>",
            ),
        ]
        async with people.database.writing() as connection:
            await write_logins(connection, rows)
        pages = (
            "/console/users",
            "/console/users/u1",
            "/console/sessions?live=all",
            "/console/logins",
            "/console/logins/newer",
        )
        asked = HOSTILE.replace(" ", "%20").replace("#", "%23")
        pages += (f"/console/users?q={asked}", f"/console/sessions?user={asked}", f"/console/logins?ip={asked}")
        for language in ("en", "zh-CN"):
            stage.browser.language = language
            for path in pages:
                page = await stage.browser.get(path)
                assert page.status == 200, path
                for tag in ("<script>", "<img src=x", "<b>", "<i>", "onerror=alert(1)>"):
                    assert tag not in page.text, (path, tag)
                assert "49" not in page.words() or "{{7*7}}" in page.words(), path
        got = await stage.browser.post("/console/users/u1/claims", {"claims": HOSTILE})
        assert got.status == 422
        assert "<script>" not in got.text

    visiting(database_url, tmp_path, work)
