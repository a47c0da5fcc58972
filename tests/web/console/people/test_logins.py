"""The login log at the console: filters, why a login failed and who must act, the live tail."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from menshen.storage.login_log import LoginRow, write_logins
from tests.web.console.people.visiting import Stage, visiting


async def write(stage: Stage, *rows: LoginRow) -> None:
    async with stage.people.database.writing() as connection:
        await write_logins(connection, rows)


async def requests(stage: Stage, query: str) -> list[str]:
    page = await stage.browser.get(f"/console/logins?{query}")
    assert page.status == 200
    return re.findall(r'class="mono">(\w+)</dd>', page.text)


def test_logins_are_filtered_and_paged(database_url: str, tmp_path: Path) -> None:
    now = int(time.time())

    async def work(stage: Stage) -> None:
        await write(
            stage,
            LoginRow(now - 90_000, "ok", "code", "u1", True, "wechat", "shop", "10.0.0.1", "M", "r1"),
            LoginRow(now - 4000, "code_used", "code", "", False, "wechat", "shop", "10.0.0.2", "curl", "r2"),
            LoginRow(now - 5, "account_refused", "password", "", False, "", "", "10.0.0.2", "curl", "r3"),
            LoginRow(now, "ok", "sms", "u2", False, "qq", "game", "10.0.0.1", "", "r4"),
        )
        cases = {
            "": ["r4", "r3", "r2", "r1"],
            "user=u1": ["r1"],
            "app=shop": ["r2", "r1"],
            "ip=10.0.0.2": ["r3", "r2"],
            "outcome=failed": ["r3", "r2"],
            "outcome=ok": ["r4", "r1"],
            "outcome=code_used": ["r2"],
            "how=code": ["r2", "r1"],
            "how=password": ["r3"],
            "since=1h": ["r4", "r3"],
            "since=1d&outcome=failed&ip=10.0.0.2&how=password": ["r3"],
            "app=shop&outcome=failed&how=sms": [],
            "ip=10.0.0.1&app=game&outcome=ok": ["r4"],
            "outcome=nonsense&how=nonsense&since=nonsense&below=x": ["r4", "r3", "r2", "r1"],
        }
        for query, expected in cases.items():
            assert await requests(stage, query) == expected, query
        for start in range(0, 120, 20):
            await write(stage, *(LoginRow(now, "ok", "code", "u5", request_id=f"n{start + n}") for n in range(20)))
        page = await stage.browser.get("/console/logins?user=u5")
        found = re.search(r'<a href="/console/logins\?([^"]+)" rel="next">', page.text)
        assert found
        second = await requests(stage, found.group(1).replace("&amp;", "&"))
        assert (second[0], second[-1], len(second)) == ("n69", "n20", 50)

    visiting(database_url, tmp_path, work)


@pytest.mark.parametrize(
    ("language", "sentence", "who"),
    [("en", "The username or the password is wrong.", "The mini program"), ("zh-CN", "用户名或密码错误。", "小程序")],
)
def test_why_a_login_failed_and_who_must_act_is_said(
    database_url: str, tmp_path: Path, language: str, sentence: str, who: str
) -> None:
    async def work(stage: Stage) -> None:
        await write(stage, LoginRow(int(time.time()), "account_refused", "password", detail="of an older version"))
        stage.browser.language = language
        page = (await stage.browser.get("/console/logins")).text
        rows = page[page.index("<tbody") :]
        assert sentence in rows
        assert who in rows
        assert "of an older version" in rows

    visiting(database_url, tmp_path, work)


def test_the_live_tail_gets_what_is_newer_and_never_more_than_a_page(database_url: str, tmp_path: Path) -> None:
    now = int(time.time())

    async def work(stage: Stage) -> None:
        assert "hx-get" not in (await stage.browser.get("/console/logins")).text
        live = (await stage.browser.get("/console/logins?tail=on&app=shop")).text
        path = re.search(r'hx-get="([^"]+)"', live)
        assert path
        assert 'hx-trigger="every 2s"' in live
        poll = path.group(1).replace("&amp;", "&")
        assert (await stage.browser.get(poll)).status == 204
        await write(stage, LoginRow(now, "ok", "code", app="game", request_id="other"))
        assert (await stage.browser.get(poll)).status == 204
        await write(stage, *(LoginRow(now, "ok", "code", app="shop", request_id=f"r{n}") for n in range(80)))
        got = await stage.browser.get(poll)
        shown = re.findall(r'class="mono">(\w+)</dd>', got.text)
        assert (shown[0], len(shown)) == ("r79", 50)
        after = re.search(r'hx-get="([^"]+)"', got.text)
        assert after
        assert (await stage.browser.get(after.group(1).replace("&amp;", "&"))).status == 204
        assert (await stage.browser.get("/console/logins/newer?after=nonsense&app=shop")).status == 200

    visiting(database_url, tmp_path, work)
