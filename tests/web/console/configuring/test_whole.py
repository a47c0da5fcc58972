"""The document as text: shown without secrets, checked with lines, saved as a whole."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import yaml

from menshen.documents.configuration import Configuration
from menshen.operators.roles import Role
from menshen.web.console.configuring.lines import lines_of, nearest_line
from menshen.web.console.door import csrf_token
from tests.documents.samples import CANARY
from tests.web.console.browsing import Browser
from tests.web.console.configuring.stage import configuring, etag

PATH = "/console/document/edit"


def test_it_is_shown_and_taken_away_without_secrets(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        page = await browser.get("/console/document")
        assert "name: shop" in page.text
        assert CANARY not in page.text
        file = await browser.get("/console/document/download")
        assert 'filename="menshen-1.yaml"' in file.headers["content-disposition"]
        assert yaml.safe_load(file.text) == (await configuration.current()).document
        same = await browser.post(PATH, {"text": file.text, "etag": etag(await browser.get(PATH))})
        assert same.location == "/console/document?revision=1"

    configuring(tmp_path, work)


def test_problems_are_told_with_path_and_line_and_the_text_is_kept(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        text = (await browser.get("/console/document/download")).text
        wrong = text.replace("appid: wx1", "appid: w x 1")
        line = wrong.splitlines().index("  appid: w x 1") + 1
        fields = {"text": wrong.replace("\n", "\r\n"), "etag": etag(await browser.get(PATH))}
        got = await browser.post(PATH, fields, accept_language="zh-CN")
        assert got.status == 422
        assert f"第 {line} 行 apps[0].appid" in got.words()
        assert "w x 1" in got.text
        broken = await browser.post(PATH, fields | {"text": "version: 1\napps: ["})
        assert "line 2" in broken.words() or "line 3" in broken.words()
        for nothing in ("", "- 1", "just text"):
            assert (await browser.post(PATH, fields | {"text": nothing})).status == 422
        assert (await configuration.current()).revision == 1

    configuring(tmp_path, work)


def test_it_is_checked_without_being_saved_and_saved_with_a_comment(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        text = (await browser.get("/console/document/download")).text
        changed = text.replace("prefix: /mall", "prefix: /shop")
        fields = {"text": changed, "etag": etag(await browser.get(PATH)), "comment": "the shop moves"}
        checked = await browser.post(PATH, fields | {"check": "1"})
        assert "This document is sound" in checked.words()
        assert "/shop" in checked.words()
        assert (await configuration.current()).revision == 1
        assert (await browser.post(PATH, fields)).location == "/console/document?revision=2"
        late = await browser.post(PATH, fields)
        assert late.status == 409
        assert "the shop moves" in late.words()
        assert "prefix: /shop" in late.text

    configuring(tmp_path, work)


def test_a_file_comes_into_the_box_and_does_not_run(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        form = aiohttp.FormData({"csrf": csrf_token(browser.cookie), "etag": etag(await browser.get(PATH)), "text": ""})
        form.add_field("file", b"version: 1\n", filename="new.yaml", content_type="application/yaml")
        headers = {"cookie": f"menshen_console={browser.cookie}"}
        async with browser.session.post(browser.origin + PATH, data=form, headers=headers) as answer:
            page = await answer.text()
        assert answer.status == 200
        assert "apps/shop" in page
        assert (await configuration.current()).revision == 1

    configuring(tmp_path, work)


def test_who_is_no_owner_lends_nothing_of_the_environment(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        text = (await browser.get("/console/document/download")).text
        lent = text.replace("appid: wx1", "appid: ${MENSHEN_MASTER_KEY}")
        got = await browser.post(PATH, {"text": lent, "etag": etag(await browser.get(PATH))})
        assert got.status == 422
        assert CANARY not in got.text
        assert (await configuration.current()).revision == 1

    configuring(tmp_path, work, role=Role.OPERATOR)


def test_a_place_has_the_line_of_its_key_or_of_what_it_is_in() -> None:
    lines = lines_of("version: 1\napps:\n- name: a\n  appid: x\n-\n  name: b\n")
    assert [nearest_line(lines, path) for path in ("version", "apps[0].appid", "apps[1].name", "apps[1].secret")] == [
        1,
        4,
        6,
        6,
    ]
    assert nearest_line(lines, "upstreams") is None
    assert nearest_line({}, "") is None
