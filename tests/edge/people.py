"""A gateway with everything of the user pool switched on, and what tests of it ask of its people's phones."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.edge.conftest import APPID, OTHER_APPID, OTHER_SECRET, QQ_APPID, SECRET, RunStack, Stack, running_stack
from tests.edge.processes import Reply

__all__ = [
    "DOCUMENT",
    "OWN",
    "SERVICE_SECRET",
    "VERIFIER",
    "Person",
    "admin",
    "api",
    "entered",
    "events",
    "happens",
    "logged",
    "people_stack",
    "rows",
    "sms_code",
]

SERVICE_SECRET = "planted-secret-of-the-teams-services"

DOCUMENT = """\
version: 1
apps:
  - {{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{emulator}/wechat"}}
  - {{name: other, platform: wechat, appid: {other_appid}, secret: "${{OTHER_SECRET}}", base_url: "{emulator}/wechat"}}
  - {{name: chat, platform: qq, appid: "{qq_appid}", secret: "{qq_secret}", base_url: "{emulator}/qq"}}
upstreams:
  - {{name: orders, endpoints: ["{backend}"], timeout: 10}}
groups:
  - {{name: mall, hosts: ["*"], prefix: /mall, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: other, hosts: ["*"], prefix: /other, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: qq, hosts: ["*"], prefix: /qq, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: book, hosts: ["*"], prefix: /book, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: wx, hosts: ["*"], prefix: /wx, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: passing, hosts: ["*"], prefix: /passing, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: keyed, hosts: ["*"], prefix: /keyed, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: signed, hosts: ["*"], prefix: /signed, upstream: orders, apis: [{{name: all, path: /*}}]}}
plugins:
  - {{name: shop-login, type: WeChatMpLogin, app: shop}}
  - {{name: other-login, type: WeChatMpLogin, app: other}}
  - {{name: qq-login, type: QQMPLogin, app: chat}}
  - {{name: book-login, type: WeChatMpLogin, app: shop, preset: book}}
  - {{name: spring-login, type: WeChatMpLogin, app: shop, preset: jwt}}
  - name: passing-login
    type: WeChatMpLogin
    app: shop
    code: {{in: query, name: code}}
    account: {{username: who, password: word}}
    session: {{name: passing_session}}
  - name: keyed-login
    type: WeChatMpLogin
    app: shop
    session: {{name: keyed_session}}
    identity: {{headers: {{openid: X-Openid, session_key: X-Session-Key}}}}
  - name: signed-login
    type: WeChatMpLogin
    app: shop
    session: {{name: signed_session, kind: signed, claims: [account]}}
bindings:
  - {{plugin: shop-login, group: mall}}
  - {{plugin: other-login, group: other}}
  - {{plugin: qq-login, group: qq}}
  - {{plugin: book-login, group: book}}
  - {{plugin: spring-login, group: wx}}
  - {{plugin: passing-login, group: passing}}
  - {{plugin: keyed-login, group: keyed}}
  - {{plugin: signed-login, group: signed}}
users:
  accounts: {accounts}
  phone: {{owned: {owned}}}
  sms: {{url: "{emulator}/emulator/sms", secret: "{service_secret}"}}
  captcha: {{url: "{emulator}/emulator/captcha", secret: "{service_secret}", after: 20}}
webhooks:
  - {{name: crm, url: "{emulator}/emulator/webhooks", secret: "{service_secret}"}}
"""

VERIFIER = '{{verifier: {{url: "{emulator}/emulator/accounts", secret: "{service_secret}"}}, lock_after: 50}}'
OWN = "{{registration: true, lock_after: 50}}"


@contextlib.contextmanager
def people_stack(
    directory: Path, *, accounts: str = VERIFIER, owned: str = "refuse", more: str = "", run: RunStack = running_stack
) -> Iterator[Stack]:
    """``accounts`` and ``more`` are YAML with the placeholders of the document."""
    document = DOCUMENT.replace("{accounts}", accounts).replace("{owned}", owned) + more
    document = document.replace("{service_secret}", SERVICE_SECRET)
    with run(directory, document, "--workers", "2") as stack:
        assert stack.emulator.put_json("/emulator/secret", {"secret": SERVICE_SECRET}).status == 200
        for appid, secret in ((APPID, SECRET), (OTHER_APPID, OTHER_SECRET)):
            app = {"appid": appid, "secret": secret, "unionid": True}
            assert stack.emulator.post_json("/emulator/wechat/apps", app).status == 200
        yield stack


@dataclass(frozen=True)
class Person:
    """Somebody with a phone, at one app."""

    stack: Stack
    name: str
    appid: str = APPID
    platform: str = "wechat"

    @property
    def app(self) -> str:
        return {APPID: "shop", OTHER_APPID: "other", QQ_APPID: "chat"}[self.appid]

    @property
    def who(self) -> dict[str, str]:
        return {"appid": self.appid, "user": self.name}

    def code(self) -> str:
        """What ``wx.login`` gives."""
        return self.stack.code(self.name, self.appid, self.platform)

    def phone_code(self, phone: str) -> str:
        """What the phone-number button gives."""
        return str(self._emulator("phone", phone=phone)["code"])

    def phone_data(self, phone: str, **more: Any) -> dict[str, str]:
        """What the phone-number button gave until 2023: ``encryptedData`` and ``iv``."""
        return self._emulator("open-data", kind="phone", phone=phone, **more)

    def user_info(self, **more: Any) -> dict[str, str]:
        """``encryptedData``, ``iv``, ``rawData``, ``signature``."""
        return self._emulator("open-data", kind="userinfo", **more)

    def _emulator(self, what: str, **asked: Any) -> Any:
        reply = self.stack.emulator.post_json(f"/emulator/{self.platform}/{what}", {**self.who, **asked})
        assert reply.status == 200, reply.raw
        return reply.json

    def try_in(self, **body: Any) -> Reply:
        """``POST login`` with a fresh code."""
        return api(self.stack, "login", {"code": self.code(), "app": self.app, **body})

    def log_in(self, **body: Any) -> str:
        """A login state."""
        return entered(self.try_in(**body))


def api(stack: Stack, path: str, body: Any = None, state: str = "", method: str = "") -> Reply:
    """A call of the user API; a body is sent as JSON."""
    headers = [("user_session", state)] if state else []
    if body is None:
        return stack.gateway(f"/v1/{path}", *headers, method=method or "GET")
    return stack.gateway.send_json(method or "POST", f"/v1/{path}", body, *headers)


def entered(reply: Reply) -> str:
    """The login state of an answer that holds one."""
    assert reply.status == 200, reply.raw
    assert set(reply.json) <= {"user_session", "expires_in", "uid", "new_user"}, reply.raw
    return str(reply.json["user_session"])


def sms_code(stack: Stack, phone: str, purpose: str) -> str:
    """Have a code sent, and read it from the phone."""
    sent = api(stack, "sms", {"phone": phone, "purpose": purpose, "app": "shop"})
    assert sent.status == 200, sent.raw
    international = phone.replace("+", "%2B") if phone.startswith("+") else f"%2B86{phone}"
    messages = stack.emulator(f"/emulator/sms?phone={international}").json["messages"]
    assert messages[-1]["purpose"] == purpose
    return str(messages[-1]["code"])


def admin(stack: Stack, path: str, body: Any = None, method: str = "") -> Reply:
    """A call of the admin API with the operator's token."""
    bearer = ("authorization", f"Bearer {(stack.data_dir / 'admin.token').read_text().strip()}")
    if body is None:
        return stack.admin(path, bearer, method=method or "GET")
    return stack.admin.send_json(method or "POST", path, body, bearer)


def rows(stack: Stack, question: str, *values: Any) -> list[tuple[Any, ...]]:
    """What the database says."""
    with contextlib.closing(sqlite3.connect(stack.data_dir / "menshen.db", timeout=60)) as connection:
        return connection.execute(question, values).fetchall()


def events(stack: Stack) -> list[dict[str, Any]]:
    """What the team's webhook was told, oldest first."""
    return [each["event"] for each in stack.emulator("/emulator/webhooks").json["events"]]


def logged(stack: Stack, **where: str) -> list[dict[str, Any]]:
    """The login log, newest first."""
    query = "&".join(f"{name}={value}" for name, value in where.items())
    reply = admin(stack, f"/v1/logins?{query}")
    assert reply.status == 200, reply.raw
    return list(reply.json["logins"])


def happens(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
