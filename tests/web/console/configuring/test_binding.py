"""绑定对象: many groups and APIs in one dialog, in one revision; and what is effective where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from menshen.documents.configuration import Configuration
from menshen.web.console.configuring.referring import applied
from tests.config.samples import sound
from tests.web.console.browsing import Browser
from tests.web.console.configuring.stage import configuring, etag

PATH = "/console/plugins/calm/bindings"


def with_limits(**more: Any) -> dict[str, Any]:
    document = sound(
        plugins__2={"name": "calm", "type": "RateLimit", "limits": [{"by": "ip", "requests": 5}]},
        bindings__1={"plugin": "calm", "api": "open/news"},
        **more,
    )
    document["apps"][0]["secret"] = "any-secret"
    return document


def test_the_page_has_every_group_and_api_and_ticks_what_is_bound(tmp_path: Path) -> None:
    async def work(browser: Browser, _: Configuration) -> None:
        page = await browser.get(PATH, accept_language="zh-CN")
        assert "绑定对象" in page.words()
        for target in ("mall", "mall/login", "mall/order", "mall/assets", "open", "open/news"):
            assert f'value="{target}"' in page.text
        assert page.text.count(" checked") == 1
        assert 'value="open/news" checked' in page.text

    configuring(tmp_path, work, document=with_limits())


def test_what_will_change_is_shown_before_and_nothing_is_stored(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        page = await browser.get(PATH)
        assert "Nothing changes" in page.words()
        fields = [("etag", etag(page)), ("target", "mall"), ("target", "mall/order")]
        seen = await browser.post(PATH, [*fields, ("preview", "1")])
        assert seen.status == 200
        assert "will be bound: mall mall/order" in seen.words()
        assert "will not be bound any more: open/news" in seen.words()
        assert (await configuration.current()).revision == 1

    configuring(tmp_path, work, document=with_limits())


def test_all_ticks_are_set_at_once_in_one_revision(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        fields = [
            ("etag", etag(await browser.get(PATH))),
            ("target", "mall"),
            ("target", "open/news"),
            ("comment", "so"),
        ]
        got = await browser.post(PATH, fields)
        assert got.location == "/console/plugins/calm?revision=2"
        assert (await configuration.current()).document["bindings"] == [
            {"plugin": "shop-login", "group": "mall"},
            {"plugin": "calm", "api": "open/news"},
            {"group": "mall", "plugin": "calm"},
        ]
        group = (await browser.get("/console/groups/mall")).words()
        assert group.index("calm RateLimit") < group.index("shop-login WeChatMpLogin")
        none = await browser.post(PATH, [("etag", etag(await browser.get(PATH)))])
        assert none.status == 303
        assert len((await configuration.current()).document["bindings"]) == 1

    configuring(tmp_path, work, document=with_limits())


def test_what_the_document_does_not_take_is_told_in_the_dialog(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        path = "/console/plugins/game-login/bindings"
        fields = [("etag", etag(await browser.get(path))), ("target", "mall")]
        for more in ([], [("preview", "1")]):
            got = await browser.post(path, [*fields, *more])
            assert got.status == 422
            assert 'value="mall" checked' in got.text
            assert "problems" in got.text
        assert (await browser.post(path, [*fields, ("target", "nowhere")])).status == 422
        assert (await browser.get("/console/plugins/nobody/bindings")).status == 404
        assert (await configuration.current()).revision == 1

    configuring(tmp_path, work, document=with_limits())


def test_bindings_that_changed_meanwhile_are_not_overwritten(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        seen = etag(await browser.get(PATH))
        assert (await browser.post(PATH, [("etag", seen), ("target", "mall")])).status == 303
        late = await browser.post(PATH, [("etag", seen), ("target", "open")])
        assert late.status == 409
        assert "Changed meanwhile by li" in late.words()
        assert (await configuration.current()).revision == 2
        assert (await browser.post(PATH, [("etag", etag(late)), ("target", "open")])).status == 303

    configuring(tmp_path, work, document=with_limits())


def test_plugins_are_told_in_their_order_of_work_and_what_access_switches_off() -> None:
    document = with_limits()
    document["bindings"] += [
        {"plugin": "calm", "group": "mall"},
        {"plugin": "lifted", "group": "mall"},
        {"plugin": "far", "api": "mall/order"},
    ]
    document["plugins"] += [
        {"name": "lifted", "type": "Tag", "tags": [{"in": "query", "name": "t"}]},
        {"name": "far", "type": "IpAccess", "deny": ["10.0.0.0/8"]},
    ]
    assert [each.plugin for each in applied(document, "mall", "order")] == ["far", "calm", "shop-login", "lifted"]
    assert [each.plugin for each in applied(document, "mall", "assets") if each.off] == ["shop-login"]
    assert [each.plugin for each in applied(document, "open", "news")] == ["calm"]
