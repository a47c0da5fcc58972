"""A plugin is made as the source document's steps go: its type, its form, what it is bound to."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from menshen.documents.configuration import Configuration
from menshen.gateway.plugin_loading import InstalledTypes
from menshen.platforms.registry import PLATFORMS
from menshen.platforms.words import words_of
from menshen.web.console.configuring.plugin_types import plugin_types
from menshen.web.console.forms.words import load_words
from tests.config.samples import sound
from tests.documents.samples import CANARY, full
from tests.platforms.app_keys import AES_KEY, private_text, public_text
from tests.web.console.browsing import Browser
from tests.web.console.configuring.stage import configuring, etag, fields_in, pairs_in, wrong_fields

TSF = (
    "插件类型",
    "插件名称",
    "插件描述",
    "APPID",
    "APPSECRET",
    "请求 Code 携带位置",
    "自定义登录态参数名",
    "返回自定义登录态参数位置",
    "登录态过期时间",
    "前台业务请求自定义登录态参数位置",
    "向业务后台传输登录态参数位置",
    "默认 Tag",
    "自定义 Tag",
)
"""The form of the source document, field by field."""

NO_APP: dict[str, Any] = {"version": 1, "upstreams": [{"name": "orders", "endpoints": ["127.0.0.1:9001"]}]}


class OpeningHours:
    """A type that an installation might bring."""

    class Parameters(BaseModel):
        opens: Annotated[str, Field(title="Opens at", description="A time of `day`.")]
        staff: tuple[str, ...] = ()
        mode: Literal["strict", "lax"] = "strict"
        quiet: bool = False
        odd: dict[str, list[int]] = {}

    def decide(self, parameters: object, request: object) -> None: ...


def installed() -> InstalledTypes:
    found = EntryPoint("OpeningHours", f"{__name__}:OpeningHours", "menshen.plugins")
    return InstalledTypes(lambda: [_Here(found)])  # type: ignore[list-item]


class _Here:
    """An entry point whose package is this file."""

    def __init__(self, point: EntryPoint) -> None:
        self.name, self.dist = point.name, None

    def load(self) -> type:
        return OpeningHours


def test_the_type_is_chosen_first(tmp_path: Path) -> None:
    async def work(browser: Browser, _: Configuration) -> None:
        page = await browser.get("/console/plugins/-/new", accept_language="zh-CN")
        assert "微信小程序登录 WeChatMpLogin" in page.words()
        for kind in plugin_types(InstalledTypes(tuple)):
            assert f'href="/console/plugins/-/new/{kind.name}"' in page.text
            assert kind.title
            assert (await browser.get(f"/console/plugins/-/new/{kind.name}")).status == 200
        assert (await browser.get("/console/plugins/-/new/Nothing")).status == 404

    configuring(tmp_path, work)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_login_type_speaks_of_its_own_platform(tmp_path: Path, platform: str) -> None:
    """Neither its card nor its form has another platform's login call or name for what ``secret`` is."""
    adapter = PLATFORMS[platform]
    said = words_of(adapter)

    async def work(browser: Browser, _: Configuration) -> None:
        for language, locale in enumerate(("en", "zh-CN")):
            types = (await browser.get("/console/plugins/-/new", accept_language=locale)).words()
            assert f"the code of {said.login_call}," in types or f"用 {said.login_call} 的 Code" in types
            form = (await browser.get(f"/console/plugins/-/new/{adapter.plugin_type}", accept_language=locale)).words()
            assert said.title[language] in form
            named = form[form.index(("Parameter settings", "参数设置")[language]) :].lower()
            assert said.secret[language].lower() in named
            assert said.appid.lower() in named
            others = {words_of(each).login_call for each in PLATFORMS.values()} - {said.login_call}
            assert [call for call in others if call in form] == []

    configuring(tmp_path, work, document=NO_APP)


def test_the_form_has_the_fields_of_the_source_document_in_its_order(tmp_path: Path) -> None:
    async def work(browser: Browser, _: Configuration) -> None:
        words = (await browser.get("/console/plugins/-/new/WeChatMpLogin", accept_language="zh-CN")).words()
        main = words[words.index("新建插件") :]
        at = [main.index(each) for each in TSF]
        assert at == sorted(at)
        assert "分钟" in main[main.index("登录态过期时间") :][:40]
        assert main.index("高级") > at[-1]

    configuring(tmp_path, work)


def test_a_login_plugin_and_its_app_are_made_with_one_form_and_one_revision(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        path = "/console/plugins/-/new/WeChatMpLogin"
        fields = fields_in(await browser.get(path))
        assert fields["app"] == ":new"
        typed = {"name": "cafe-login", "description": "咖啡", "session.expires_in": "30"}
        short = await browser.post(path, fields | typed)
        assert short.status == 422
        assert wrong_fields(short) == ["new_app.appid", "new_app.secret"]
        typed |= {"new_app.appid": "wx2", "new_app.secret": CANARY}
        got = await browser.post(path, fields_in(short) | typed)
        assert got.location == "/console/plugins/cafe-login?revision=2"
        document = (await configuration.current()).document
        assert document["apps"] == [{"name": "cafe-login", "platform": "wechat", "appid": "wx2", "secret": "***"}]
        assert document["plugins"] == [
            {
                "name": "cafe-login",
                "type": "WeChatMpLogin",
                "app": "cafe-login",
                "description": "咖啡",
                "session": {"expires_in": 30},
            }
        ]
        page = await browser.get(got.location)
        assert "Revision 2 runs now" in page.words()
        assert CANARY not in short.text + page.text

    configuring(tmp_path, work, document=NO_APP)


def test_an_app_of_alipays_is_made_with_the_keys_that_alipay_has(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        path = "/console/plugins/-/new/AlipayMpLogin"
        fields = fields_in(await browser.get(path))
        typed = {
            "name": "tickets-login",
            "new_app.appid": "2021000000000001",
            "new_app.secret": private_text("app"),
            "new_app.data_key": AES_KEY,
        }
        short = await browser.post(path, fields | typed)
        assert (short.status, wrong_fields(short)) == (422, ["new_app.platform_key"])
        typed |= {"new_app.platform_key": public_text("platform")}
        got = await browser.post(path, fields_in(short) | typed)
        assert got.location == "/console/plugins/tickets-login?revision=2", got.text
        page = await browser.get(got.location)
        app = await browser.get("/console/apps/tickets-login")
        assert (await configuration.current()).document["apps"] == [
            {
                "name": "tickets-login",
                "platform": "alipay",
                "appid": "2021000000000001",
                "secret": "***",
                "platform_key": public_text("platform"),
                "data_key": "***",
            }
        ]
        for secret in (private_text("app"), AES_KEY):
            assert secret not in short.text + page.text + app.text

    configuring(tmp_path, work, document=NO_APP)


def test_a_preset_is_chosen_and_what_it_says_is_shown_and_not_written(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        path = "/console/plugins/-/new/WeChatMpLogin"
        typed = fields_in(await browser.get(path)) | {"name": "book-login", "preset": "book"}
        assert (await browser.post(path, typed)).status == 303
        page = await browser.get("/console/plugins/book-login")
        shown = fields_in(page)
        assert (shown["preset"], shown["code.in"], shown["respond"]) == ("book", "query", "gateway")
        assert 'placeholder="sessionId"' in page.text
        await browser.post("/console/plugins/book-login", shown | {"description": "old"})
        written = {"name": "book-login", "type": "WeChatMpLogin", "app": "shop", "preset": "book"}
        assert (await configuration.current()).document["plugins"][-1] == written | {"description": "old"}
        shown = fields_in(await browser.get("/console/plugins/book-login"))
        assert shown.pop("account:on") == "on", "the preset has it, and so the box is ticked"
        await browser.post("/console/plugins/book-login", shown)
        off = written | {"description": "old", "account": None}
        assert (await configuration.current()).document["plugins"][-1] == off

    configuring(tmp_path, work)


def test_the_usual_setting_is_written_where_a_preset_has_another(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        path = "/console/plugins/-/new/WeChatMpLogin"
        await browser.post(path, fields_in(await browser.get(path)) | {"name": "old-login", "preset": "tsf"})
        shown = fields_in(await browser.get("/console/plugins/old-login"))
        await browser.post("/console/plugins/old-login", shown | {"status": "menshen"})
        assert (await configuration.current()).document["plugins"][-1]["status"] == "menshen"
        shown = fields_in(await browser.get("/console/plugins/old-login"))
        assert (shown["preset"], shown["status"]) == ("tsf", "menshen")

    configuring(tmp_path, work)


def test_an_app_that_is_there_is_chosen_and_one_of_the_same_name_is_not_made(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        path = "/console/plugins/-/new/WeChatMpLogin"
        fields = fields_in(await browser.get(path)) | {"name": "another"}
        assert fields["app"] == "shop"
        new = {"app": ":new", "new_app.name": "shop", "new_app.appid": "wx9", "new_app.secret": CANARY}
        taken = await browser.post(path, fields | new)
        assert (taken.status, wrong_fields(taken)) == (422, ["new_app.name"])
        assert (await browser.post(path, fields)).status == 303
        assert (await configuration.current()).document["plugins"][-1] == {
            "name": "another",
            "type": "WeChatMpLogin",
            "app": "shop",
        }
        assert len((await configuration.current()).document["apps"]) == 2

    configuring(tmp_path, work)


def test_a_form_that_nobody_touched_changes_nothing(tmp_path: Path) -> None:
    document = sound(
        plugins__0__reply={"token": "$session", "list": [1, 2.5, {"deep": None}]},
        plugins__0__respond="gateway",
        plugins__0__identity={"headers": {"openid": "x-openid"}, "claims": {"level": "x-level"}},
        plugins__0__session={"kind": "sealed", "claims": ["level"], "refresh": {"expires_in": 600}},
        plugins__2={"name": "keys", "type": "KeyPair", "keys": [{"id": "erp", "secret": f"{CANARY}-of-the-erp"}]},
        plugins__3={"name": "cors", "type": "Cors", "origins": ["https://a.example"], "request_headers": []},
    )
    document["apps"][0]["secret"] = CANARY

    async def work(browser: Browser, configuration: Configuration) -> None:
        for plugin in document["plugins"]:
            page = await browser.get(f"/console/plugins/{plugin['name']}")
            got = await browser.post(f"/console/plugins/{plugin['name']}", pairs_in(page))
            assert got.location.endswith("?revision=1"), (plugin, got.words())
            assert CANARY not in page.text

    configuring(tmp_path, work, document=document)


def test_items_are_added_moved_and_taken_away_without_script_and_nothing_is_stored(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        path = "/console/plugins/-/new/Tag"
        pairs = [*(fields_in(await browser.get(path)) | {"name": "lifted"}).items()]
        first = await browser.post(path, [*pairs, (":do", "add tags")])
        assert first.status == 200
        assert 'name="tags[1000].name"' in first.text
        assert first.text.count("autofocus") == 1
        typed = [*pairs, ("tags:items", "1000"), ("tags[1000].in", "query"), ("tags[1000].name", "order")]
        second = await browser.post(path, [*typed, (":do", "add tags")])
        assert 'name="tags[1000].name" ' in second.text
        assert fields_in(second)["tags[1000].name"] == "order"
        both = [*typed, ("tags:items", "1001"), ("tags[1001].in", "header"), ("tags[1001].name", "x-b")]
        moved = await browser.post(path, [*both, (":do", "up tags 1001")])
        assert moved.text.index("tags[1001].name") < moved.text.index("tags[1000].name")
        gone = await browser.post(path, [*both, (":do", "remove tags 1000")])
        assert "tags[1000]" not in gone.text
        assert (await configuration.current()).revision == 1
        assert (await browser.post(path, both)).location == "/console/plugins/lifted?revision=2"
        tags = (await configuration.current()).document["plugins"][-1]["tags"]
        assert tags == [{"in": "query", "name": "order"}, {"in": "header", "name": "x-b"}]

    configuring(tmp_path, work)


def test_a_wrong_item_is_told_at_its_own_field_wherever_it_stands(tmp_path: Path) -> None:
    async def work(browser: Browser, _: Configuration) -> None:
        path = "/console/plugins/-/new/RateLimit"
        pairs = [
            ("etag", etag(await browser.get(path))),
            ("name", "calm"),
            ("limits:items", "1007"),
            ("limits:items", "1002"),
            ("limits[1007].by", "ip"),
            ("limits[1007].requests", "5"),
            ("limits[1002].by", "ip"),
            ("limits[1002].requests", "0"),
        ]
        got = await browser.post(path, pairs)
        assert wrong_fields(got) == ["limits[1002].requests"]
        # What is said of an item as a whole has no field: it stands at the list.
        pairs[-1] = ("limits[1002].requests", "9")
        whole = await browser.post(path, [*pairs, ("limits[1002].burst", "3")])
        assert whole.status == 422
        assert "burst must be at least requests" in whole.words()

    configuring(tmp_path, work)


def test_json_that_cannot_be_read_is_told_with_its_line(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        path = "/console/plugins/shop-login"
        fields = fields_in(await browser.get(path)) | {"reply": "a: 1\nb: [", "respond": "gateway"}
        got = await browser.post(path, fields)
        assert (got.status, wrong_fields(got)) == (422, ["reply"])
        assert "line 2" in got.words() or "line 3" in got.words()
        assert "b: [" in got.text
        assert (await configuration.current()).revision == 1

    configuring(tmp_path, work)


def test_a_type_of_the_installation_has_a_form_of_its_own_model(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        path = "/console/plugins/-/new/OpeningHours"
        page = await browser.get(path)
        assert "Opens at" in page.words()
        assert "A time of <code>day</code>." in page.text
        fields = fields_in(page) | {
            "name": "hours",
            "parameters.opens": "09:00",
            "parameters.staff": "ann\r\nbob\r\n",
            "parameters.mode": "lax",
            "parameters.odd": "a: [1, 2]",
        }
        got = await browser.post(path, fields)
        # The document knows the types of the process, and this one is not among them; the form was read all the same.
        assert got.status == 422
        assert "OpeningHours" in got.words()
        assert fields_in(got)["parameters.staff"].split() == ["ann", "bob"]
        assert (await configuration.current()).revision == 1

    configuring(tmp_path, work, installed=installed())


def test_a_plugin_that_is_bound_does_not_go(tmp_path: Path) -> None:
    async def work(browser: Browser, _: Configuration) -> None:
        page = await browser.get("/console/plugins/shop-login/delete")
        assert "mall" in page.words()
        assert "Bound objects" in page.words()
        assert (await browser.post("/console/plugins/shop-login/delete", {"etag": etag(page)})).status == 422

    configuring(tmp_path, work)


def test_class_50_names_and_descriptions_are_text_wherever_they_are_shown(tmp_path: Path) -> None:
    hostile = "</textarea><script>alert(1)</script>'\"><img src=x onerror=alert(1)>"
    document = full()
    for part in (document["apps"][0], document["upstreams"][0], document["groups"][0], document["plugins"][0]):
        part["description"] = hostile
    document["groups"][0]["apis"][0]["path"] = "/a'b"
    document["plugins"][0]["reply"] = {"</textarea><script>alert(2)</script>": "${session}" and "$session"}
    document["plugins"][0]["respond"] = "gateway"

    async def work(browser: Browser, configuration: Configuration) -> None:
        pages = (
            "/console/apps",
            "/console/apps/shop",
            "/console/apps/chat/delete",
            "/console/upstreams",
            "/console/upstreams/orders",
            "/console/groups",
            "/console/groups/mall",
            "/console/groups/mall/edit",
            "/console/groups/mall/apis/login",
            "/console/plugins",
            "/console/plugins/shop-login",
            "/console/plugins/shop-login/bindings",
            "/console/document",
            "/console/document/edit",
        )
        for path in pages:
            page = await browser.get(path)
            assert page.status == 200, path
            assert "<script>" not in page.text, path
            assert "<img src=x" not in page.text, path
        fields = fields_in(await browser.get("/console/apps/shop"))
        typed = {"name": hostile, "appid": hostile, "comment": hostile, "etag": hostile}
        for got in (
            await browser.post("/console/apps/shop", fields | typed),
            await browser.post("/console/apps/shop", {"rules:items": hostile, ":do": f"add {hostile}", **typed}),
            await browser.get(f"/console/apps/{'x' * 10}%3Cscript%3E"),
            await browser.get("/console/apps?revision=%3Cscript%3Ealert(1)%3C/script%3E"),
            await browser.post("/console/plugins/shop-login/bindings", {"target": hostile, "etag": etag(page)}),
            await browser.post("/console/document/edit", {"text": hostile, "etag": hostile, "comment": hostile}),
        ):
            assert "<script>" not in got.text
            assert "<img src=x" not in got.text

    configuring(tmp_path, work, document=document)


def test_every_key_has_a_label_in_both_languages() -> None:
    words = load_words()
    for kind in plugin_types(InstalledTypes(tuple)):
        waiting = list(kind.fields)
        while waiting:
            field = waiting.pop()
            waiting += [each for each in field.fields if field.kind in ("part", "parts")]
            for locale in ("en", "zh-CN"):
                assert field.path == "new_app" or words.label(field, locale) != field.key, field.path
                if field.path.startswith(("plugins[]", kind.name)):
                    assert words.hint(field, locale), field.path
    for group in (words.labels, words.choices, words.units):
        assert all(all(pair[:2]) for pair in group.values())
