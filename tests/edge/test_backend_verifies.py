"""A backend with ``menshen.backend`` behind a real gateway, and reached past it (attack class 11)."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from joserfc.jws import extract_compact

from menshen.backend import AssertionInvalid, Verifier
from tests.edge.conftest import Stack, running_stack
from tests.edge.processes import REPOSITORY, Client, command

DOCUMENT = """\
version: 1
apps: [{{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{emulator}/wechat"}}]
upstreams:
  - {{name: orders, endpoints: ["ORDERS"]}}
  - {{name: others, endpoints: ["{backend}"]}}
groups:
  - name: mall
    hosts: ["*"]
    prefix: /mall
    strip_prefix: true
    upstream: orders
    apis: [{{name: me, path: /me}}, {{name: open, path: /open/*, access: public}}]
  - {{name: other, hosts: ["*"], prefix: /other, upstream: others, apis: [{{name: all, path: /*}}]}}
plugins: [{{name: shop-login, type: WeChatMpLogin, app: shop}}]
bindings: [{{plugin: shop-login, group: mall}}, {{plugin: shop-login, group: other}}]
"""


@dataclass
class Team:
    """The gateway, and the backend's own address behind it."""

    stack: Stack
    orders: Client

    @property
    def jwks(self) -> str:
        return f"{self.stack.admin.origin}/.well-known/jwks.json"

    def others_assertion(self, user: str) -> str:
        """What the gateway tells another upstream, which could send it on."""
        reply = self.stack.gateway("/other/x", ("user_session", self.stack.log_in(user, "/mall/me")))
        return reply.identity["x-menshen-assertion"]


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    directory = tmp_path_factory.mktemp("backend")
    file = directory / "jwks.url"
    arguments = ["-m", "tests.backend.apps", "starlette", "required", f"@{file}"]
    with command(arguments, directory / "orders.log") as orders:
        document = DOCUMENT.replace("ORDERS", orders.origin.removeprefix("http://"))
        with running_stack(directory, document) as stack:
            found = Team(stack, Client(orders.origin))
            file.write_text(found.jwks, encoding="utf-8")
            yield found


def test_the_backend_knows_who_logs_in_and_who_calls(team: Team) -> None:
    login = team.stack.gateway("/mall/me", ("js_code", team.stack.code("zhangsan")))
    call = team.stack.gateway("/mall/me", ("user_session", login.headers["user_session"]))
    assert login.status == call.status == 200
    assert login.json["uid"] == call.json["uid"]
    other = team.stack.gateway("/mall/me", ("js_code", team.stack.code("lisi")))
    assert other.json["uid"] != login.json["uid"]


def test_what_a_client_writes_does_not_reach_it(team: Team) -> None:
    state = team.stack.log_in("zhangsan", "/mall/me")
    uid = team.stack.gateway("/mall/me", ("user_session", state)).json["uid"]
    forged = [("X-Menshen-User", "u" + "a" * 26), ("X-Menshen-Assertion", team.others_assertion("lisi"))]
    assert team.stack.gateway("/mall/me", ("user_session", state), *forged).json["uid"] == uid


def test_class_11_past_the_gateway_nobody_is_let_in(team: Team) -> None:
    state = team.stack.log_in("zhangsan", "/mall/me")
    assert team.orders("/me", ("X-Menshen-User", "u" + "a" * 26)).status == 401
    assert team.orders("/me", ("user_session", state)).status == 401
    assert team.orders("/me", ("X-Menshen-Assertion", state)).status == 403


def test_class_11_what_another_upstream_was_told_is_not_taken(team: Team) -> None:
    assert team.orders("/me", ("X-Menshen-Assertion", team.others_assertion("zhangsan"))).status == 403


def test_a_public_route_brings_no_caller(team: Team) -> None:
    assert team.stack.gateway("/mall/open/me").status == 401


def test_the_keys_of_login_states_verify_no_assertion(team: Team) -> None:
    good = team.others_assertion("zhangsan")
    assert Verifier("others", team.jwks).verify(good).platform == "wechat"
    wrong = Verifier("others", team.jwks.replace("jwks.json", "session-jwks.json"))
    with pytest.raises(AssertionInvalid):
        wrong.verify(good)


def test_a_rotation_is_followed(team: Team) -> None:
    """The first fetch after it may be up to five seconds away; then the new key's assertions are believed."""
    rotate = [sys.executable, "-m", "menshen", "keys", "rotate", "assertion", "--data-dir", str(team.stack.data_dir)]
    old = {key["kid"] for key in team.stack.admin("/.well-known/jwks.json").json["keys"]}
    subprocess.run(rotate, check=True, capture_output=True, cwd=REPOSITORY, timeout=90)
    deadline = time.monotonic() + 90
    while True:
        login = team.stack.gateway("/mall/me", ("js_code", team.stack.code("wangwu")))
        if login.status == 200 and _kid(login.json["seen"]["x-menshen-assertion"]) not in old:
            break
        assert login.status in (200, 403)
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _kid(assertion: str) -> str:
    return str(extract_compact(assertion.encode()).headers()["kid"])
