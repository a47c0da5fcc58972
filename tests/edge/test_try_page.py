"""The code on the console's phone, in Node against a running gateway, wherever a plugin wants code and login state."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest

from menshen.documents.documents import load_document
from menshen.web.console.try_it.phones import phones
from tests.edge.conftest import OTHER_SECRET, Stack
from tests.edge.processes import REPOSITORY

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")


def tapped(stack: Stack, phone: str, user: str, *buttons: str) -> dict[str, Any]:
    """Press the buttons of this phone, which knows what the page in the console would tell it."""
    snapshot = load_document(stack.config.read_text(), {"OTHER_SECRET": OTHER_SECRET}).snapshot
    (found,) = (each for each in phones(snapshot) if each.name == phone)
    settings = {
        "emulator": stack.emulator.origin,
        "platform": found.plugin.app.platform,
        "appid": found.plugin.app.appid,
        "user": user,
        "globalData": found.settings(stack.gateway.origin),
        "tap": list(buttons),
    }
    run = subprocess.run(
        ["node", str(REPOSITORY / "tests" / "wx" / "try_page.js"), json.dumps(settings)],
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert run.returncode == 0, run.stderr
    told: dict[str, Any] = json.loads(run.stdout)
    return told


@pytest.mark.parametrize(
    "phone",
    ["shop-login@mall", "book-login@book", "query-login@query", "cookie-login@cookie", "tsf-login@tsf", "qq-login@qq"],
)
def test_the_page_logs_in_and_asks_wherever_values_stand(stack: Stack, phone: str) -> None:
    told = tapped(stack, phone, f"tap-{phone}", "getOrder", "login", "getOrder", "forge", "useCodeTwice", "logout")
    assert told["texts"] == [
        "还没有登录",
        "4001 session_missing",
        "已登录",
        "订单 1：已发货",
        "订单 1：已发货",
        "4022 code_used",
        "已退出",
    ]
    before, login, asked, forged, again = told["responses"]
    assert [each["statusCode"] for each in (before, login, asked, forged, again)] == [401, 200, 200, 200, 401]
    seen, claimed = dict(asked["data"]["headers"]), dict(forged["data"]["headers"])
    for name in ("x-menshen-openid", "x-menshen-user"):
        assert seen[name] == claimed[name]
        assert "forged" not in claimed[name]
    assert told["storage"] == {}, "a login state that is left behind is somebody's"
    assert told["toasts"][1] == {"title": "登录成功"}


def test_a_login_that_the_platform_refuses_is_told(stack: Stack) -> None:
    with stack.faulty(fault="40226", user="tap-blocked"):
        told = tapped(stack, "shop-login@mall", "tap-blocked", "login", "getOrder")
    assert told["texts"][1:] == ["4003 user_blocked", "4001 session_missing"]
    assert told["storage"] == {}
