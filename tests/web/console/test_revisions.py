"""Revisions at the console: what is seen of them, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from menshen.documents.configuration import ANY, Configuration
from menshen.documents.documents import Documents
from menshen.documents.dry_runs import DryRuns
from menshen.documents.editing import create, replace
from menshen.documents.history import History, Refused, Running
from menshen.envoy.dry_run import find_way
from menshen.errors import ChildFailed
from menshen.operators.roles import Role
from menshen.web.console.rollout.canary import canary_views
from menshen.web.console.rollout.revisions import revision_views
from menshen.web.console.view import View
from tests.documents.samples import CANARY, configured
from tests.web.console.browsing import Browser, Got, in_loop

STOCK = {"name": "stock", "endpoints": ["127.0.0.1:9002"]}


@dataclass
class Rolling:
    """A console over a configuration of the test's; ``runs`` is what the node says of itself."""

    browser: Browser
    configuration: Configuration
    documents: Documents
    runs: list[Running]

    async def ok(self, path: str) -> Got:
        got = await self.browser.get(path)
        assert got.status == 200, got.text
        assert CANARY not in got.text
        return got

    async def etag(self) -> str:
        return (await self.configuration.current()).etag


def rolling(
    where: str,
    work: Callable[[Rolling], Awaitable[None]],
    *,
    role: Role = Role.OWNER,
    language: str = "en",
    activate: Callable[[int], Awaitable[None]] | None = None,
) -> None:
    async def main() -> None:
        async with configured(where, activate) as (configuration, documents):
            runs = [Running(1)]
            views: list[View] = [
                *revision_views(configuration, History(documents.revisions), lambda: runs[-1]),
                *canary_views(configuration, DryRuns(configuration, find_way)),
            ]

            async def on(browser: Browser) -> None:
                browser.language = language
                await work(Rolling(browser, configuration, documents, runs))

            await in_loop(views, on, role)

    asyncio.run(main())


def test_the_list_says_who_changed_which_parts_and_what_runs(database_url: str) -> None:
    async def work(at: Rolling) -> None:
        await at.configuration.change(ANY, create(("upstreams",), STOCK), author="ann", comment="for <stock>")
        at.runs.append(Running(1, Refused(2, 1000.0, "Envoy refused the <listener>")))
        got = await at.ok("/console/revisions")
        words = got.words()
        assert "ann" in words
        assert "<code>upstreams/stock</code>" in got.text
        assert "for &lt;stock&gt;" in got.text
        assert "Revision 2 does not run here." in words
        assert "Envoy refused the &lt;listener&gt;" in got.text
        assert "This node runs revision 1, and 2 is the active one." in words
        assert "/console/revisions/1/rollback" in got.text
        assert "/console/revisions/2/rollback" not in got.text

    rolling(database_url, work)


def test_revisions_come_page_by_page(database_url: str) -> None:
    async def work(at: Rolling) -> None:
        for number in range(30):
            part = {"name": f"u{number}", "endpoints": ["127.0.0.1:9002"]}
            await at.configuration.change(ANY, create(("upstreams",), part), author="ann")
        first = await at.ok("/console/revisions")
        assert "/console/revisions/31" in first.text
        assert "/console/revisions?below=7" in first.text
        second = await at.ok("/console/revisions?below=7")
        assert "upstreams/u4" in second.text
        assert "upstreams/u29" not in second.text
        assert "Next page" not in second.words()
        assert (await at.ok("/console/revisions?below=<x>")).text == first.text
        activity = await at.ok("/console/revisions/activity")
        assert "upstreams/u29" in activity.text
        assert "activity?below=" in activity.text

    rolling(database_url, work)


def test_a_revision_is_read_by_part_and_by_line_and_a_secret_is_no_more_than_changed(database_url: str) -> None:
    async def work(at: Rolling) -> None:
        app = {"name": "shop", "platform": "wechat", "appid": "wx1", "secret": f"{CANARY}-another"}
        app["description"] = "<script>alert(1)</script>"
        await at.configuration.change(ANY, replace(("apps",), "shop", app), author="ann")
        got = await at.ok("/console/revisions/2")
        words = got.words()
        assert "From revision 1 to 2" in words
        assert "~ Changed" in words
        assert "+ Added" in words
        assert "A secret, which is shown to nobody" in words
        assert "<ins>&lt;script&gt;alert(1)&lt;/script&gt;</ins>" in got.text
        assert "<script>alert" not in got.text
        assert '<div class="added">+' in got.text
        backwards = await at.ok("/console/revisions/1?against=2")
        assert "<del>&lt;script&gt;" in backwards.text
        assert "− Removed" in backwards.words()
        assert "Both say the same." in (await at.ok("/console/revisions/2?against=2")).words()
        chosen = await at.browser.get("/console/revisions/compare?number=2&against=0")
        assert chosen.location == "/console/revisions/2?against=0"
        assert (await at.browser.get("/console/revisions/compare?number=//evil.example")).location == (
            "/console/revisions"
        )

    rolling(database_url, work)


@pytest.mark.parametrize("path", ["9", "0", "99999999999999999999", "9/rollback", "9/menshen.yaml", "1?against=9"])
def test_a_revision_that_is_not_there_is_a_404(path: str, database_url: str) -> None:
    async def work(at: Rolling) -> None:
        assert (await at.browser.get(f"/console/revisions/{path}")).status == 404

    rolling(database_url, work)


def test_the_yaml_of_a_revision_can_be_had_and_applied_again(database_url: str) -> None:
    async def work(at: Rolling) -> None:
        got = await at.ok("/console/revisions/1/menshen.yaml")
        assert got.headers["content-disposition"] == 'attachment; filename="menshen-1.yaml"'
        assert got.headers["content-type"].startswith("application/yaml")
        number, _ = await at.documents.apply(got.text, author="bob")
        assert number == 1

    rolling(database_url, work)


def test_who_rolls_back_sees_what_will_happen_and_says_why(database_url: str) -> None:
    async def work(at: Rolling) -> None:
        await at.configuration.change(ANY, create(("upstreams",), STOCK), author="ann")
        asked = await at.ok("/console/revisions/1/rollback")
        assert "− Removed" in asked.words()
        etag = await at.etag()
        assert etag in asked.text
        done = await at.browser.post("/console/revisions/1/rollback", {"etag": etag, "comment": "ann was wrong"})
        assert (done.status, done.location) == (303, "/console/revisions")
        assert (await at.configuration.current()).revision == 1
        told = (await at.ok("/console/revisions/activity")).words()
        assert "From revision 2 to 1. ann was wrong" in told
        assert "li" in told

    rolling(database_url, work)


def test_nobody_undoes_unseen_what_another_has_just_done(database_url: str) -> None:
    async def work(at: Rolling) -> None:
        await at.configuration.change(ANY, create(("upstreams",), STOCK), author="ann")
        etag = await at.etag()
        other = {**STOCK, "name": "other"}
        await at.configuration.change(ANY, create(("upstreams",), other), author="bob")
        for sent in (etag, "", ANY):
            late = await at.browser.post("/console/revisions/1/rollback", {"etag": sent, "comment": "my why"})
            assert late.status == 409
            assert "Somebody changed the configuration meanwhile" in late.words()
            assert 'value="my why"' in late.text
            assert "upstreams/other" in late.text
        assert (await at.configuration.current()).revision == 3

    rolling(database_url, work)


def test_a_revision_that_envoy_refuses_says_so(database_url: str) -> None:
    refusing: list[bool] = []

    async def activate(number: int) -> None:
        if refusing:
            raise ChildFailed("Envoy refused the <listener>")

    async def work(at: Rolling) -> None:
        await at.configuration.change(ANY, create(("upstreams",), STOCK), author="ann")
        refusing.append(True)
        got = await at.browser.post("/console/revisions/1/rollback", {"etag": await at.etag()})
        assert got.status == 422
        assert "Envoy refuses this revision" in got.words()
        assert "Envoy refused the &lt;listener&gt;" in got.text

    rolling(database_url, work, activate=activate)


def test_a_viewer_reads_and_changes_nothing(database_url: str) -> None:
    async def work(at: Rolling) -> None:
        await at.configuration.change(ANY, create(("upstreams",), STOCK), author="ann")
        assert "rollback" not in (await at.ok("/console/revisions")).text
        assert "rollback" not in (await at.ok("/console/revisions/1")).text
        assert (await at.browser.get("/console/revisions/1/rollback")).status == 403
        done = await at.browser.post("/console/revisions/1/rollback", {"etag": await at.etag()})
        assert done.status == 403
        assert (await at.configuration.current()).revision == 2

    rolling(database_url, work, role=Role.VIEWER)


def test_the_pages_are_chinese_for_who_reads_that(database_url: str) -> None:
    async def work(at: Rolling) -> None:
        assert "配置版本" in (await at.ok("/console/revisions")).words()
        assert "从版本 0 到版本 1" in (await at.ok("/console/revisions/1")).words()
        assert "变更记录" in (await at.ok("/console/revisions/activity")).words()

    rolling(database_url, work, language="zh-CN")
