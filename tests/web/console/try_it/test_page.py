"""The page: which phones there are, and who may use them."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from menshen.operators.roles import Role
from menshen.platforms.registry import PLATFORMS
from menshen.platforms.words import words_of
from menshen.web.console.try_it.phones import phones
from menshen.web.console.try_it.spoken import spoken
from tests.platforms.app_keys import private_text, public_text
from tests.web.console.try_it.stage import DOCUMENT, PHONE, SECRET, Stage, compiled, staged


def settings(text: str) -> Any:
    found = re.search(r'data-settings="([^"]*)"', text)
    assert found is not None
    return json.loads(html.unescape(found[1]))


def test_the_page_has_a_phone_that_knows_its_gateway() -> None:
    async def work(stage: Stage) -> None:
        got = await stage.browser.get("/console/try")
        assert got.status == 200
        known = settings(got.text)
        assert known["login"]["url"].endswith("/mall/login")
        assert known["order"] == {"url": known["login"]["url"].replace("login", "orders/1"), "method": "GET"}
        assert known["code"] == {"in": "header", "name": "js_code"}
        assert known["session"]["name"] == "user_session"
        assert "wx.setStorageSync(session.name" in html.unescape(got.text), "its code is shown beside it"
        assert SECRET not in got.text
        assert not re.search(r"<[^>]*\son\w+=", got.text), "no script in an attribute"
        assert not re.search(r"<script(?![^>]*\ssrc=)|\sstyle=", got.text), "no inline script, no inline style"

    staged(work)


def test_the_page_speaks_chinese() -> None:
    async def work(stage: Stage) -> None:
        words = (await stage.browser.get("/console/try")).words()
        for said in ("试一试", "查询订单", "重复使用 code", "网关", "后端"):
            assert said in words

    staged(work, language="zh-CN")


@pytest.mark.parametrize("base", ["http://127.0.0.1:9/wechat", "http://127.0.0.1:9/elsewhere"])
def test_without_an_emulator_the_page_says_how_to_have_one(base: str) -> None:
    async def work(stage: Stage) -> None:
        got = await stage.browser.get("/console/try")
        assert "menshen emulator --listen" in got.text
        assert "data-tap" not in got.text
        answer = await stage.browser.post("/console/try/login", {"phone": PHONE, "person": "lisi"})
        assert answer.status == 502
        assert "emulator" in json.loads(answer.text)["fail"]

    staged(work, base=base)


def test_without_a_login_plugin_there_is_no_phone() -> None:
    async def work(stage: Stage) -> None:
        assert "No group has a login plugin yet" in (await stage.browser.get("/console/try")).words()

    staged(work, document=DOCUMENT.partition("bindings:")[0])


@pytest.mark.parametrize("role", [None, Role.VIEWER])
@pytest.mark.parametrize("path", ["", "/login", "/request", "/end"])
def test_a_viewer_has_no_phone(role: Role | None, path: str) -> None:
    async def work(stage: Stage) -> None:
        got = await (stage.browser.post(f"/console/try{path}") if path else stage.browser.get("/console/try"))
        assert got.status == (303 if role is None and not path else 403)
        assert stage.received.requests == []

    staged(work, role=role)


@pytest.mark.parametrize("path", ["/login", "/request", "/end"])
def test_class_50_a_page_elsewhere_cannot_use_the_phone(path: str) -> None:
    """Attack class 50: the browser would bring the operator's cookie."""

    async def work(stage: Stage) -> None:
        wish = json.dumps({"phone": PHONE, "method": "GET", "path": "/mall/login"})
        fields = [("phone", PHONE), ("person", "lisi"), ("wish", wish)]
        without = await stage.browser.ask("POST", f"/console/try{path}", fields, {})
        elsewhere = await stage.browser.post(f"/console/try{path}", fields, origin="http://evil.example")
        assert (without.status, elsewhere.status) == (403, 403)
        assert stage.received.requests == []

    staged(work)


def test_phones_follow_plugins_and_groups() -> None:
    document = """\
version: 1
apps:
  - {{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{base}"}}
upstreams: [{{name: orders, endpoints: ["127.0.0.1:9"]}}]
groups:
  - {{name: a, hosts: ["*.example.com"], prefix: /, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - name: b
    hosts: [b.example.com]
    prefix: /b
    upstream: orders
    apis:
      - {{name: one, path: "/things/{{id}}/{{part}}", methods: [PUT]}}
      - {{name: sign-in, path: /user/login, methods: [POST]}}
plugins:
  - name: in-body
    type: WeChatMpLogin
    app: shop
    code: {{in: body, name: code}}
    session: {{name: sessionId, return_in: body, request_in: header}}
    respond: gateway
    reply: {{user: {{id: $uid, state: $session}}, ok: true}}
  - {{name: plain, type: WeChatMpLogin, app: shop}}
bindings:
  - {{plugin: in-body, group: a}}
  - {{plugin: plain, group: b}}
"""
    a, b = phones(compiled("http://127.0.0.1:9/wechat", document))
    assert (a.name, a.host, b.name, b.host) == ("in-body@a", "shop.example.com", "plain@b", "b.example.com")
    known = a.settings("http://gateway")
    assert known["login"] == {"url": "http://gateway/login", "method": "POST"}
    assert known["order"]["url"] == "http://gateway/orders/1"
    assert known["session"]["path"] == ["user", "state"]
    known = b.settings("http://gateway")
    assert known["login"] == {"url": "http://gateway/b/user/login", "method": "POST"}
    assert known["order"] == {"url": "http://gateway/b/things/1/1", "method": "PUT"}
    assert a.reaches("/anything")
    assert [path for path in ("/b", "/b/x", "/bx", "/") if b.reaches(path)] == ["/b", "/b/x"]


@pytest.mark.parametrize(
    ("platform", "plugin", "secret", "language", "said"),
    [
        ("douyin", "DouyinMpLogin", SECRET, "en", "of this platform (Douyin) the code comes from tt.login"),
        ("douyin", "DouyinMpLogin", SECRET, "zh-CN", "在该平台（抖音）的小程序里，code 由 tt.login 获取"),
        ("alipay", "AlipayMpLogin", private_text("app"), "en", "(Alipay) the code comes from my.getAuthCode"),
    ],
)
def test_a_phone_speaks_of_the_platform_of_its_app(
    platform: str, plugin: str, secret: str, language: str, said: str
) -> None:
    async def work(stage: Stage) -> None:
        words = (await stage.browser.get("/console/try")).words()
        assert said in words
        answer = await stage.browser.post("/console/try/login", {"phone": PHONE, "person": "lisi"})
        steps = json.loads(answer.text)["steps"]
        call = words_of(PLATFORMS[platform]).login_call
        assert f"{call} asks for a code" in steps or f"{call} 获取 code" in steps
        assert f"<code>{call}()</code>" in steps
        assert "wx.login" not in steps

    document = (
        DOCUMENT.replace("platform: wechat", f"platform: {platform}")
        .replace("WeChatMpLogin", plugin)
        .replace(
            '"{secret}"', f'"{secret}"' + (f', platform_key: "{public_text("app")}"' if platform == "alipay" else "")
        )
    )
    staged(work, document=document, platform=platform, secret=secret, language=language)


@pytest.mark.parametrize(
    ("name", "language", "told"),
    [
        ("wechat", "en", ("the AppSecret", True)),
        ("alipay", "en", ("a signature of the private key", False)),
        ("alipay", "zh-CN", ("应用私钥的签名", False)),
        ("xiaohongshu", "en", ("the access token", True)),
    ],
)
def test_what_goes_with_a_code_and_what_comes_back_is_the_platforms(
    name: str, language: str, told: tuple[str, bool]
) -> None:
    (phone,) = phones(compiled("http://127.0.0.1:9/wechat"))
    app = replace(phone.plugin.app, platform=name)
    words = spoken(replace(phone, plugin=replace(phone.plugin, app=app)), language)
    assert (words.proof, words.session_key) == told
