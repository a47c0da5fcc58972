"""Sessions at the console: listed, and ended one by one, ticked, or all of an app."""

from __future__ import annotations

import time
from pathlib import Path

from tests.web.console.people.visiting import Stage, visiting


def test_sessions_are_filtered_and_the_ticked_ones_are_ended(database_url: str, tmp_path: Path) -> None:
    async def work(stage: Stage) -> None:
        people = stage.people
        people.now = time.time()
        for uid in ("ua", "ua", "ub"):
            await people.log_in(uid)
        await people.log_in("uc", app=("qq", "qq1"))
        every = (await stage.browser.get("/console/sessions")).words()
        assert [uid for uid in ("ua", "ub", "uc") if uid in every] == ["ua", "ub", "uc"]
        mine = (await stage.browser.get("/console/sessions?user=ua&app=shop")).words()
        assert "ub" not in mine
        form = [("sid", "s1"), ("sid", "s3"), ("next", "/console/sessions?user=ua")]
        got = await stage.browser.post("/console/sessions/end", form)
        assert (got.status, got.location) == (303, "/console/sessions?user=ua")
        assert [each.sid for each in await people.records.list()] == ["s4", "s2"]
        over = (await stage.browser.get("/console/sessions?live=all")).words()
        assert over.count("Ended by an operator") == 2
        assert await stage.done() == [("li", "sessions.end", "")]
        away = await stage.browser.post("/console/sessions/end", {"next": "//evil.example"})
        assert away.location == "/console/"
        assert len(await stage.done()) == 1

    visiting(database_url, tmp_path, work)


def test_all_sessions_of_an_app_are_ended_and_of_no_other(database_url: str, tmp_path: Path) -> None:
    async def work(stage: Stage) -> None:
        people = stage.people
        people.now = time.time()
        await people.log_in("ua")
        await people.log_in("uc", app=("qq", "qq1"))
        assert "There is no such app" in (await stage.browser.get("/console/sessions?app=Shop")).words()
        assert (await stage.browser.post("/console/sessions/end-app", {"app": "Shop"})).status == 404
        assert (await stage.browser.post("/console/sessions/end-app", {"app": ""})).status == 404
        got = await stage.browser.post("/console/sessions/end-app", {"app": "shop"})
        assert got.location == "/console/sessions?app=shop"
        assert [each.uid for each in await people.records.list()] == ["uc"]
        assert await stage.done() == [("li", "sessions.end", "")]

    visiting(database_url, tmp_path, work)
