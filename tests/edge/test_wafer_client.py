"""Tencent's published client of Wafer 2, ``wafer2-client-sdk`` 2.1.0, with only its login URL changed.

A plugin with ``preset: wafer2`` and nothing else is what it talks to.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.edge.conftest import APPID, OTHER_APPID, Stack, running_stack
from tests.edge.processes import REPOSITORY, Reply
from tests.edge.sessions import Mint

PAGE = REPOSITORY / "tests" / "wx" / "wafer_page.js"
STORED = "weapp_session_F2C224D4-2BCE-4C64-AF9F-A6D872000D1A"
"""Where the client keeps its login state."""

DOCUMENT = """\
version: 1
apps:
  - {{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{emulator}/wechat"}}
  - {{name: other, platform: wechat, appid: {other_appid}, secret: "${{OTHER_SECRET}}", base_url: "{emulator}/wechat"}}
upstreams:
  - {{name: orders, endpoints: ["{backend}"]}}
groups:
  - {{name: wafer, prefix: /wafer, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: others, prefix: /others, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: passing, prefix: /passing, upstream: orders, apis: [{{name: all, path: /*}}]}}
plugins:
  - {{name: wafer-login, type: WeChatMpLogin, app: shop, preset: wafer2}}
  - {{name: others-login, type: WeChatMpLogin, app: other, preset: wafer2}}
  - name: passing-login                 # the same, and the login goes on to the backend
    type: WeChatMpLogin
    app: shop
    preset: wafer2
    respond: upstream
    reply: null
    session: {{return_in: header}}
bindings:
  - {{plugin: wafer-login, group: wafer}}
  - {{plugin: others-login, group: others}}
  - {{plugin: passing-login, group: passing}}
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("wafer"), DOCUMENT, "--workers", "2") as running:
        yield running


@dataclass
class Phone:
    """A phone with the mini program on it; what the client stores stays from one run to the next."""

    stack: Stack
    modules: Path
    user: str
    profile: dict[str, Any] = field(default_factory=dict)
    storage: dict[str, Any] = field(default_factory=dict)

    def run(self, *steps: list[Any]) -> dict[str, Any]:
        settings = {
            "modules": str(self.modules),
            "gateway": self.stack.gateway.origin,
            "emulator": self.stack.emulator.origin,
            "appid": APPID,
            "user": self.user,
            "profile": self.profile,
            "login": "/wafer/login",
            "storage": self.storage,
            "steps": list(steps),
        }
        run = subprocess.run(["node", str(PAGE), json.dumps(settings)], capture_output=True, text=True, timeout=90)
        assert run.returncode == 0, run.stderr
        found: dict[str, Any] = json.loads(run.stdout)
        self.storage = found["storage"]
        return found

    @property
    def skey(self) -> str:
        return str(self.storage[STORED]["skey"])

    def expire(self) -> None:
        """The login state on the phone is as old as if the user had been away for a week."""
        mint = Mint(self.stack)
        claims = mint.claims(self.skey)
        old = replace(claims, iat=claims.iat - 604_800, exp=int(time.time()) - 60)
        self.storage[STORED]["skey"] = mint.state("sealed", old)


def open_data(stack: Stack, user: str, appid: str = APPID, **profile: Any) -> list[tuple[str, str]]:
    """The two headers, as ``wx.getUserInfo`` on this user's phone gives them."""
    asked = {"appid": appid, "user": user, "kind": "userinfo", "profile": profile}
    made = stack.emulator.post_json("/emulator/wechat/open-data", asked).json
    return [("X-WX-Encrypted-Data", made["encryptedData"]), ("X-WX-IV", made["iv"])]


def tried(stack: Stack, user: str, *headers: tuple[str, str], path: str = "/wafer/login") -> Reply:
    return stack.gateway(path, ("X-WX-Code", stack.code(user)), *headers)


def refused(reply: Reply) -> tuple[int, int, str]:
    """(HTTP status, the client's code, our reason) of an answer in the client's own shape."""
    body = reply.json
    assert set(body) == {"code", "error", "reason", "message", "request_id"}, body
    assert int(reply.headers["x-menshen-code"]) >= 4000
    return reply.status, body["code"], body["reason"]


# The published client


def test_a_login_brings_the_profile_and_later_ones_the_code_alone(stack: Stack, published: Path) -> None:
    phone = Phone(stack, published, "zhangsan", {"nickName": "小张", "gender": 1, "city": "深圳"})
    login, silent, orders = phone.run(["login"], ["loginWithCode"], ["request", {"url": "/wafer/orders/1"}])["done"]
    told = login["value"]
    assert (told["nickName"], told["gender"], told["city"]) == ("小张", 1, "深圳")
    assert told["openId"].startswith("o")
    assert silent["value"] == told
    assert orders["value"]["statusCode"] == 200
    seen = {name.lower(): value for name, value in orders["value"]["data"]["headers"]}
    assert seen["x-menshen-openid"] == told["openId"]
    assert not [name for name in seen if name.startswith("x-wx-")]


def test_after_an_expired_state_a_request_logs_in_again_by_itself(stack: Stack, published: Path) -> None:
    phone = Phone(stack, published, "lisi")
    phone.run(["login"])
    phone.expire()
    exchanges = stack.exchanges()
    found = phone.run(["request", {"url": "/wafer/orders/1"}])
    assert found["done"][0]["value"]["statusCode"] == 200
    assert [(each["path"], each["statusCode"]) for each in found["sent"]] == [
        ("/wafer/orders/1", 401),
        ("/wafer/login", 200),
        ("/wafer/orders/1", 200),
    ]
    assert found["sent"][0]["data"]["code"] == -1
    assert (found["sent"][0]["data"]["error"], found["sent"][0]["data"]["reason"]) == (
        "ERR_INVALID_SESSION",
        "session_expired",
    )
    assert stack.exchanges() == exchanges + 1


def test_a_request_that_asks_for_a_login_gets_one_first(stack: Stack, published: Path) -> None:
    found = Phone(stack, published, "wangwu").run(["request", {"url": "/wafer/orders/1", "login": True}])
    assert [each["path"] for each in found["sent"]] == ["/wafer/login", "/wafer/orders/1"]
    assert found["done"][0]["value"]["statusCode"] == 200


def test_while_the_platform_is_busy_the_client_does_not_loop(stack: Stack, published: Path) -> None:
    phone = Phone(stack, published, "zhaoliu")
    phone.run(["login"])
    phone.expire()
    exchanges = stack.exchanges()
    with stack.faulty(fault="-1", times=10):
        found = phone.run(["request", {"url": "/wafer/orders/1"}], ["login"])
    assert all("error" in each for each in found["done"])
    assert [(each["path"], each["data"]["code"]) for each in found["sent"]] == [
        ("/wafer/orders/1", -1),
        ("/wafer/login", 4021),
        ("/wafer/login", 4021),
    ]
    assert stack.exchanges() == exchanges + 2, "one for each time that the page asked"


def test_a_user_who_is_blocked_is_not_sent_to_log_in(stack: Stack, published: Path) -> None:
    with stack.faulty(fault="40226", times=1):
        found = Phone(stack, published, "blocked").run(["loginWithCode"])
    (login,) = found["sent"]
    assert (login["statusCode"], login["data"]["code"], login["data"]["reason"]) == (403, 4003, "user_blocked")


# Its protocol, and what is not of it


def test_two_skeys_at_once_are_refused(stack: Stack) -> None:
    skey = tried(stack, "twice").json["data"]["skey"]
    assert stack.gateway("/wafer/x", ("X-WX-Skey", skey)).status == 200
    for second in (("X-WX-Skey", skey), ("x-wx-skey", "other"), ("Cookie", f"X-WX-Skey={skey}")):
        assert refused(stack.gateway("/wafer/x", ("X-WX-Skey", skey), second)) == (400, 4000, "ambiguous_credential")
    assert refused(stack.gateway(f"/wafer/x?X-WX-Skey={skey}", ("X-WX-Skey", skey)))[2] == "ambiguous_credential"


def test_a_forged_skey_and_another_apps_are_invalid(stack: Stack) -> None:
    skey = tried(stack, "forger").json["data"]["skey"]
    others = stack.gateway("/others/login", ("X-WX-Code", stack.code("forger", OTHER_APPID))).json["data"]["skey"]
    for forged in ("f" * 40, skey[:-4] + "AAAA", others, "o" + "0" * 27):
        assert refused(stack.gateway("/wafer/x", ("X-WX-Skey", forged))) == (401, -1, "session_invalid")
    assert refused(stack.gateway("/wafer/x")) == (401, -1, "session_missing")


def test_headers_that_say_who_one_is_are_nothing(stack: Stack) -> None:
    forged = [("X-WX-Id", "1"), ("X-WX-Openid", "ovictim"), ("x_wx_openid", "ovictim"), ("X-Menshen-Openid", "ovictim")]
    assert refused(stack.gateway("/wafer/x", *forged)) == (401, -1, "session_missing")
    login = tried(stack, "claimer", *forged)
    assert login.json["data"]["userinfo"]["openId"] != "ovictim"
    seen = stack.gateway("/wafer/x", ("X-WX-Skey", login.json["data"]["skey"]), *forged)
    assert "ovictim" not in seen.raw.decode()


def test_open_data_of_another_session_key_is_refused(stack: Stack) -> None:
    tried(stack, "victim")
    stolen = open_data(stack, "victim", nickName="victim")
    assert refused(tried(stack, "thief", *stolen)) == (400, 4000, "open_data_invalid")
    elsewhere = open_data(stack, "thief", OTHER_APPID, nickName="elsewhere")
    assert refused(tried(stack, "thief", *elsewhere)) == (400, 4000, "open_data_invalid")
    assert tried(stack, "thief").json["data"]["userinfo"]["nickName"] == ""


def test_open_data_twice_elsewhere_half_or_too_long_is_refused_before_the_code_is_spent(stack: Stack) -> None:
    data, iv = open_data(stack, "doubler")
    code = ("X-WX-Code", stack.code("doubler"))
    exchanges = stack.exchanges()
    for reason, headers, query in (
        ("ambiguous_credential", [data, data, iv], ""),
        ("ambiguous_credential", [data, iv, iv], ""),
        ("ambiguous_credential", [data, iv, ("Cookie", f"X-WX-IV={iv[1]}")], ""),
        ("ambiguous_credential", [data, iv], "?X-WX-IV=x"),
        ("open_data_invalid", [data], ""),
        ("open_data_invalid", [("X-WX-Encrypted-Data", "A" * 7001), iv], ""),
        ("open_data_invalid", [data, ("X-WX-IV", "A" * 257)], ""),
        ("open_data_invalid", [("X-WX-Encrypted-Data", "not base64"), iv], ""),
    ):
        assert refused(stack.gateway(f"/wafer/login{query}", code, *headers)) == (400, 4000, reason)
    assert stack.exchanges() == exchanges
    assert stack.gateway("/wafer/login", code, data, iv).status == 200


def test_an_appsecret_in_a_header_is_refused_in_the_clients_shape(stack: Stack) -> None:
    assert refused(tried(stack, "leaker", ("secret", "x"))) == (400, 4000, "client_sent_secret")


def test_neither_code_nor_open_data_nor_skey_reaches_a_backend_or_a_log(stack: Stack) -> None:
    data, iv = open_data(stack, "private", nickName="private")
    code = stack.code("private")
    login = stack.gateway("/passing/login", ("X-WX-Code", code), data, iv)
    assert login.status == 200
    skey = login.headers["x-wx-skey"]
    secrets = [code, data[1], iv[1], skey]
    # With a state and no code they are nobody's business, and no backend's either.
    later = stack.gateway("/passing/x", ("X-WX-Skey", skey), data, iv)
    for reply in (login, later):
        assert not [name for name in reply.seen if name.startswith("x-wx-")]
        assert not [secret for secret in secrets if secret in reply.raw.decode()]
    assert later.seen["x-menshen-openid"] == login.seen["x-menshen-openid"]
    refused(stack.gateway("/wafer/login", ("X-WX-Code", code), data, iv))
    log = (stack.config.parent / "serve.log").read_text()
    with closing(sqlite3.connect(stack.data_dir / "menshen.db", timeout=10)) as connection:
        database = "\n".join(connection.iterdump())
    for secret in secrets:
        assert secret not in log
        assert secret not in database
