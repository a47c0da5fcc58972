"""A third-party platform is made in the console, an app goes over to it, and none of its three secrets comes out."""

from __future__ import annotations

from pathlib import Path

from menshen.documents.configuration import Configuration
from tests.documents.samples import CANARY
from tests.web.console.browsing import Browser
from tests.web.console.configuring.stage import configuring, etag, fields_in, wrong_fields

KEY = "canary0canary0canary0canary0canary0canary0c"
TYPED = {
    "name": "provider",
    "appid": "wx00000000000000c1",
    "secret": f"{CANARY}-of-the-component",
    "token": "canary-message-token",
    "message_key": KEY,
}
MASKED = {"secret": "***", "token": "***", "message_key": "***"}


async def made(browser: Browser) -> None:
    fields = {"etag": etag(await browser.get("/console/components/-/new")), **TYPED}
    got = await browser.post("/console/components/-/new", fields)
    assert (got.status, got.location) == (303, "/console/components/provider?revision=2")


def test_a_component_is_made_and_its_secrets_never_shown(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        await made(browser)
        component = (await configuration.current()).document["components"][-1]
        assert component == {"name": "provider", "appid": "wx00000000000000c1", **MASKED}
        for path in ("/console/components", "/console/components/provider", "/console/document"):
            page = await browser.get(path)
            assert page.status == 200
            assert not [secret for secret in (CANARY, "canary-message-token", KEY) if secret in page.text], path

    configuring(tmp_path, work)


def test_the_list_says_where_wechat_pushes_to(tmp_path: Path) -> None:
    async def work(browser: Browser, _: Configuration) -> None:
        await made(browser)
        assert "/v1/wechat/component/provider" in (await browser.get("/console/components")).text
        assert "微信推送地址" in (await browser.get("/console/components", accept_language="zh-CN")).words()

    configuring(tmp_path, work)


def test_an_app_goes_over_to_it_and_keeps_it_from_being_taken_away(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        await made(browser)
        form = await browser.get("/console/apps/-/new")
        fields = fields_in(form) | {"name": "bakery", "platform": "wechat", "appid": "wx2", "component": "provider"}
        got = await browser.post("/console/apps/-/new", fields)
        assert got.location == "/console/apps/bakery?revision=3"
        document = (await configuration.current()).document
        assert document["apps"][-1] == {
            "name": "bakery",
            "platform": "wechat",
            "appid": "wx2",
            "component": "provider",
        }
        assert 'href="/console/components/provider"' in (await browser.get("/console/apps")).text
        asked = await browser.get("/console/components/provider/delete")
        assert "/console/apps/bakery" in asked.text

    configuring(tmp_path, work)


def test_what_is_wrong_is_at_its_field(tmp_path: Path) -> None:
    async def work(browser: Browser, _: Configuration) -> None:
        fields = {"etag": etag(await browser.get("/console/components/-/new")), **TYPED, "message_key": "canary-short"}
        got = await browser.post("/console/components/-/new", fields, accept_language="zh-CN")
        assert got.status == 422
        assert wrong_fields(got) == ["message_key"]
        assert "43 个字母或数字" in got.words()
        assert "canary-short" not in got.text

    configuring(tmp_path, work)
