"""The whole thing, running: emulator, backend, and ``menshen serve`` with a real Envoy, once for all edge tests."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.edge.processes import Client, Running, command

APPID, SECRET = "wx4f4bc4dec97d474b", "planted-appsecret-of-shop-0123456789"
OTHER_APPID, OTHER_SECRET = "wx0000000000000002", "planted-appsecret-of-other-012345678"
QQ_APPID, QQ_SECRET = "1100000001", "planted-appsecret-of-qq-0123456789abc"

DOCUMENT = """\
version: 1
apps:
  - {{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{emulator}/wechat"}}
  - {{name: other, platform: wechat, appid: {other_appid}, secret: "${{OTHER_SECRET}}", base_url: "{emulator}/wechat"}}
  - {{name: chat, platform: qq, appid: "{qq_appid}", secret: "{qq_secret}", base_url: "{emulator}/qq"}}
  - name: wrong
    platform: wechat
    appid: wx0000000000000003
    secret: not-the-secret-of-it
    base_url: "{emulator}/wechat"
  - name: dead
    platform: wechat
    appid: wx0000000000000004
    secret: never-asked-secret-1
    base_url: http://127.0.0.1:9
upstreams:
  - {{name: orders, endpoints: ["{backend}"], timeout: 8}}
  - {{name: nobody, endpoints: ["127.0.0.1:9"], connect_timeout: 0.2}}
groups:
  - name: mall
    hosts: ["*"]
    prefix: /mall
    upstream: orders
    apis:
      - {{name: login, path: /login}}
      - {{name: order, path: "/orders/{{id}}", methods: [GET, POST]}}
      - {{name: news, path: /news, access: optional}}
      - {{name: assets, path: /static/*, access: public}}
      - {{name: chat, path: /chat}}
  - {{name: other, hosts: ["*"], prefix: /other, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: qq, hosts: ["*"], prefix: /qq, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: book, hosts: ["*"], prefix: /book, upstream: orders, strip_prefix: true, apis: [{{name: all, path: /*}}]}}
  - {{name: query, hosts: ["*"], prefix: /query, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: cookie, hosts: ["*"], prefix: /cookie, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: cloud, hosts: ["*"], prefix: /cloud, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: mapped, hosts: ["*"], prefix: /mapped, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: tsf, hosts: ["*"], prefix: /tsf, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: fresh, hosts: ["*"], prefix: /fresh, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: wrong, hosts: ["*"], prefix: /wrong, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: dead, hosts: ["*"], prefix: /dead, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: gone, hosts: ["*"], prefix: /gone, upstream: nobody, apis: [{{name: all, path: /*, access: public}}]}}
  - name: named
    hosts: [named.example.com]
    prefix: /
    upstream: orders
    apis: [{{name: all, path: /*, access: public}}]
plugins:
  - {{name: shop-login, type: WeChatMpLogin, app: shop}}
  - {{name: other-login, type: WeChatMpLogin, app: other}}
  - {{name: qq-login, type: QQMPLogin, app: chat}}
  - name: book-login
    type: WeChatMpLogin
    app: shop
    code: {{in: body, name: code}}
    session: {{name: sessionId, return_in: body, request_in: header}}
    respond: gateway
    reply: {{sessionId: $session, user: {{id: $uid, fresh: $new_user}}, expires: $expires_in, text: "for $platform"}}
  - name: query-login
    type: WeChatMpLogin
    app: shop
    code: {{in: query, name: js_code}}
    session: {{name: user_session, return_in: header, request_in: query}}
  - name: cookie-login
    type: WeChatMpLogin
    app: shop
    code: {{in: cookie, name: js_code}}
    session: {{name: user_session, return_in: cookie, request_in: cookie}}
  - {{name: cloud-login, type: WeChatMpLogin, app: shop, identity: {{headers: cloudrun}}}}
  - name: mapped-login
    type: WeChatMpLogin
    app: shop
    identity: {{headers: {{openid: X-User-Openid, user: Uid, session_key: X-Session-Key}}}}
  - {{name: tsf-login, type: WeChatMpLogin, app: shop, preset: tsf}}
  - {{name: fresh-login, type: WeChatMpLogin, app: shop, session: {{refresh: {{expires_in: 600}}}}}}
  - {{name: wrong-login, type: WeChatMpLogin, app: wrong}}
  - {{name: dead-login, type: WeChatMpLogin, app: dead}}
bindings:
  - {{plugin: shop-login, group: mall}}
  - {{plugin: other-login, group: other}}
  - {{plugin: qq-login, group: qq}}
  - {{plugin: book-login, group: book}}
  - {{plugin: query-login, group: query}}
  - {{plugin: cookie-login, group: cookie}}
  - {{plugin: cloud-login, group: cloud}}
  - {{plugin: mapped-login, group: mapped}}
  - {{plugin: tsf-login, group: tsf}}
  - {{plugin: fresh-login, group: fresh}}
  - {{plugin: wrong-login, group: wrong}}
  - {{plugin: dead-login, group: dead}}
"""


@dataclass
class Stack:
    """Everything a test at the edge needs."""

    gateway: Client
    admin: Client
    emulator: Client
    backend: Client
    serve: Running
    config: Path
    data_dir: Path
    users: str = ""
    """What the names of this one's users end in."""

    def code(self, user: str, appid: str = APPID, platform: str = "wechat") -> str:
        """What ``wx.login`` gives on this user's phone."""
        reply = self.emulator.post_json(f"/emulator/{platform}/login", {"appid": appid, "user": user + self.users})
        assert reply.status == 200, reply.raw
        return str(reply.json["code"])

    def log_in(self, user: str, path: str = "/mall/login") -> str:
        """A login state of this user."""
        reply = self.gateway(path, ("js_code", self.code(user)))
        assert reply.status == 200, reply.raw
        return reply.headers["user_session"]

    def fault(self, platform: str = "wechat", **fault: object) -> None:
        assert self.emulator.post_json(f"/emulator/{platform}/faults", fault).status == 200

    @contextlib.contextmanager
    def faulty(self, platform: str = "wechat", **fault: object) -> Iterator[None]:
        self.fault(platform, **fault)
        try:
            yield
        finally:
            assert self.emulator(f"/emulator/{platform}/faults", method="DELETE").status in (200, 204)

    def exchanges(self, platform: str = "wechat") -> int:
        """How often the platform was asked for a session so far."""
        return int(self.emulator(f"/emulator/{platform}/calls").json["total"])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure comes with what the node said, for its directory is gone by the time that somebody asks."""
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and isinstance(stack, Stack):
        said = (stack.config.parent / "serve.log").read_text().splitlines()[-40:]
        report.sections.append(("the node's log", "\n".join(said)))
    return report


RunStack = Callable[..., contextlib.AbstractContextManager[Stack]]
"""What runs a stack: takes a directory, a document, and options of ``menshen serve``."""


def written(document: str, emulator: str, backend: str) -> str:
    """The document of a stack whose emulator and backend are there."""
    return document.format(
        emulator=emulator,
        backend=backend,
        appid=APPID,
        secret=SECRET,
        other_appid=OTHER_APPID,
        qq_appid=QQ_APPID,
        qq_secret=QQ_SECRET,
    )


def add_apps(running: Stack) -> None:
    """The apps of the document, as the platforms know them."""
    for platform, appid, secret in (
        ("wechat", APPID, SECRET),
        ("wechat", OTHER_APPID, OTHER_SECRET),
        ("wechat", "wx0000000000000003", "the-secret-the-platform-knows"),
        ("qq", QQ_APPID, QQ_SECRET),
    ):
        added = running.emulator.post_json(f"/emulator/{platform}/apps", {"appid": appid, "secret": secret})
        assert added.status == 200, added.raw


@contextlib.contextmanager
def running_stack(directory: Path, document: str = DOCUMENT, *options: str) -> Iterator[Stack]:
    with contextlib.ExitStack() as stack:
        emulator = stack.enter_context(
            command(["-m", "menshen", "emulator", "--listen", "127.0.0.1:0"], directory / "emulator.log")
        )
        backend = stack.enter_context(command(["-m", "tests.edge.backend"], directory / "backend.log"))
        config = directory / "menshen.yaml"
        config.write_text(written(document, emulator.origin, backend.origin.removeprefix("http://")))
        data_dir = directory / "data"
        arguments = ["serve", "--config", str(config), "--data-dir", str(data_dir)]
        serve = stack.enter_context(
            command(
                ["-m", "menshen", *arguments, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", *options],
                directory / "serve.log",
                {"OTHER_SECRET": OTHER_SECRET, "MENSHEN_LOG_LEVEL": "DEBUG"},
            )
        )
        running = Stack(
            gateway=Client(serve.origin),
            admin=Client(serve.words[1].removeprefix("admin=")),
            emulator=Client(emulator.origin),
            backend=Client(backend.origin),
            serve=serve,
            config=config,
            data_dir=data_dir,
        )
        add_apps(running)
        yield running


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("edge"), DOCUMENT, "--workers", "2") as running:
        yield running
