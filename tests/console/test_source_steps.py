"""The steps of the source document, done in a browser in Chinese: 新建插件 with its very fields, 绑定对象, and a login.

Then what operators do on other days: the way back to an earlier revision, and a ban.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.console.browser import Watched, watched
from tests.console.conftest import Console
from tests.edge.conftest import APPID, SECRET
from tests.edge.processes import LATE

FIELDS = (
    "插件名称",
    "插件描述",
    "请求 Code 携带位置",
    "自定义登录态参数名",
    "返回自定义登录态参数位置",
    "登录态过期时间",
    "前台业务请求自定义登录态参数位置",
    "向业务后台传输登录态参数位置",
)
"""As the source document names them."""

WITHIN = 3.0 + LATE
"""Seconds until a change at the console counts at the gateway, with room for a busy machine."""


@pytest.fixture(scope="module")
def operator(console: Console) -> Iterator[Watched]:
    with watched(console.browser, console.origin, console.kept, language="zh-CN") as page:
        yield page


def fill(watch: Watched, **fields: str) -> None:
    for name, value in fields.items():
        field = watch.page.locator(f"[name='{name.replace('__', '.')}']")
        for folded in field.locator("xpath=ancestor::details[not(@open)]").all():
            folded.locator("summary").first.click()
        if field.evaluate("each => each.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


def submit(watch: Watched, button: str = "保存") -> None:
    """What the operator sees to press; nothing is complained of afterwards."""
    before = watch.page.url
    watch.page.locator("main button.primary:visible", has_text=button).last.click()
    watch.page.wait_for_url(lambda url: url != before)
    watch.settle()
    expect(watch.page.locator("main [role=alert]")).to_have_count(0)


def at_the_gateway(console: Console, status: int, *headers: tuple[str, str], path: str = "/mall/orders/1") -> float:
    """Seconds until the gateway answers so."""
    started = time.monotonic()
    while (reply := console.stack.gateway(path, *headers)).status != status:
        assert time.monotonic() - started < WITHIN, (reply.status, reply.raw)
        time.sleep(0.05)
    return time.monotonic() - started


def nobody(console: Console) -> bool:
    """Whether an order goes to the backend without a login, and as nobody's."""
    reply = console.stack.gateway("/mall/orders/1")
    return reply.status == 200 and not any(reply.identity.values())


def test_the_steps(console: Console, operator: Watched) -> None:
    watch, stack = operator, console.stack
    at_the_gateway(console, 404)

    watch.open("/console/apps/-/new")
    fill(watch, name="shop", platform="wechat", appid=APPID, secret=SECRET, base_url=f"{stack.emulator.origin}/wechat")
    submit(watch)
    watch.open("/console/upstreams/-/new")
    fill(watch, name="orders", endpoints=stack.backend.origin.removeprefix("http://"))
    submit(watch)
    watch.open("/console/groups/-/new")
    fill(watch, name="mall", prefix="/mall", upstream="orders")
    submit(watch)
    for name, path in (("login", "/login"), ("order", "/orders/{id}")):
        watch.open("/console/groups/mall/apis/-/new")
        fill(watch, name=name, path=path)
        submit(watch)
    at_the_gateway(console, 200)
    assert nobody(console)

    # 插件管理 > 新建插件
    watch.open("/console/plugins")
    watch.page.get_by_role("link", name="新建插件").first.click()
    watch.page.get_by_role("link", name="WeChatMpLogin").first.click()
    watch.settle()
    for label in FIELDS:
        expect(watch.page.locator("label", has_text=label).first).to_be_visible()
    fill(
        watch,
        name="shop-login",
        description="商城小程序登录",
        app="shop",
        code__in="header",
        code__name="js_code",
        session__name="user_session",
        session__return_in="header",
        session__expires_in="30",
        session__request_in="header",
    )
    submit(watch)
    assert nobody(console), "a plugin that is not bound does nothing"

    # 绑定对象
    watch.open("/console/plugins/shop-login/bindings")
    watch.page.get_by_label("mall /mall", exact=True).check()
    expect(watch.page.locator("#bind-changes")).to_contain_text("mall")
    submit(watch, "提交")
    at_the_gateway(console, 401)

    login = stack.gateway("/mall/login", ("js_code", stack.code("lin")))
    assert login.status == 200, login.raw
    state = login.headers["user_session"]
    seen = stack.gateway("/mall/orders/1", ("user_session", state)).seen
    assert seen["x-menshen-appid"] == APPID
    assert seen["x-menshen-openid"] == login.seen["x-menshen-openid"]
    assert SECRET not in watch.page.content()
    watch.open("/console/apps/shop")
    assert SECRET not in watch.page.content()
    assert watch.complaints == []


def test_the_way_back_and_forth(console: Console, operator: Watched) -> None:
    """To the revision before the binding, and back again."""
    watch = operator
    watch.open("/console/revisions")
    back = watch.page.get_by_role("link", name="回滚")
    back.first.click()
    watch.settle()
    earlier = watch.page.url.split("/")[-2]
    watch.page.locator("[name=comment]").fill("先回到绑定之前")
    submit(watch, "回滚")
    at_the_gateway(console, 200)
    assert nobody(console)

    watch.open(f"/console/revisions/{int(earlier) + 1}/rollback")
    submit(watch, "回滚")
    at_the_gateway(console, 401)
    assert watch.complaints == []


def test_a_banned_user_is_refused_within_a_second(console: Console, operator: Watched) -> None:
    watch, stack = operator, console.stack
    login = stack.gateway("/mall/login", ("js_code", stack.code("wang")))
    state, uid = ("user_session", login.headers["user_session"]), login.seen["x-menshen-user"]
    assert stack.gateway("/mall/orders/1", state).status == 200

    watch.open("/console/users")
    watch.page.get_by_role("link", name=uid).click()
    watch.settle()
    watch.page.locator("summary", has_text="封禁").click()
    watch.page.on("dialog", lambda dialog: dialog.accept())
    form = watch.page.locator("form[action$='/ban']")
    form.locator("[name=reason]").fill("刷单")
    form.locator("button").last.click()
    expect(watch.page.locator("main .head")).to_contain_text("已封禁")
    banned = time.monotonic()
    while (reply := stack.gateway("/mall/orders/1", state)).status == 200:
        assert time.monotonic() - banned < 1.0 + LATE
        time.sleep(0.02)
    assert reply.status in (401, 403)
    assert reply.refusal[1] in (4003, 4024)
    assert stack.gateway("/mall/login", ("js_code", stack.code("wang"))).refusal == (403, 4003, "user_banned")
    assert watch.complaints == []
