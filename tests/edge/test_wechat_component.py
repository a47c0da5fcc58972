"""A third-party platform's apps through a real gateway: tickets that WeChat pushes, and the logins that they make."""

from __future__ import annotations

import getpass
import json
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest

from menshen.emulator.component import ComponentSettings, Push, sealed_push
from tests.edge.conftest import Stack, running_stack
from tests.edge.processes import REPOSITORY, Client, Reply
from tests.edge.test_faults import workers
from tests.edge.test_reload import menshen
from tests.integrate.proxies import proxied
from tests.ports import free_port

COMPONENT, SHOP, STRANGER = "wx00000000000000c1", "wx00000000000000a1", "wx00000000000000a2"
NEVER = "wx00000000000000c2"
SECRET, TOKEN = "planted-component-secret-0123456789", "planted-message-token-0123456789"
KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
SETTINGS = ComponentSettings(SECRET, TOKEN, KEY)
PUSH = "/v1/wechat/component/provider"

DOCUMENT = f"""\
version: 1
components:
  - name: provider
    appid: {COMPONENT}
    secret: "{SECRET}"
    token: "{TOKEN}"
    message_key: "{KEY}"
    base_url: "{{emulator}}/wechat"
  - name: silent
    appid: {NEVER}
    secret: "{SECRET}"
    token: "{TOKEN}"
    message_key: "{KEY}"
    base_url: "{{emulator}}/wechat"
apps:
  - {{{{name: shop, platform: wechat, appid: {SHOP}, component: provider}}}}
  - {{{{name: stranger, platform: wechat, appid: {STRANGER}, component: provider}}}}
  - {{{{name: early, platform: wechat, appid: wx00000000000000a3, component: silent}}}}
upstreams:
  - {{{{name: orders, endpoints: ["{{backend}}"], timeout: 10}}}}
groups:
  - {{{{name: shop, hosts: ["*"], prefix: /shop, upstream: orders, apis: [{{{{name: all, path: /*}}}}]}}}}
  - {{{{name: stranger, hosts: ["*"], prefix: /stranger, upstream: orders, apis: [{{{{name: all, path: /*}}}}]}}}}
  - {{{{name: early, hosts: ["*"], prefix: /early, upstream: orders, apis: [{{{{name: all, path: /*}}}}]}}}}
plugins:
  - {{{{name: shop-login, type: WeChatMpLogin, app: shop}}}}
  - {{{{name: stranger-login, type: WeChatMpLogin, app: stranger}}}}
  - {{{{name: early-login, type: WeChatMpLogin, app: early}}}}
bindings:
  - {{{{plugin: shop-login, group: shop}}}}
  - {{{{plugin: stranger-login, group: stranger}}}}
  - {{{{plugin: early-login, group: early}}}}
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """With the first ticket pushed."""
    with running_stack(tmp_path_factory.mktemp("component"), DOCUMENT) as running:
        for appid in (SHOP, STRANGER, "wx00000000000000a3"):
            running.emulator.post_json("/emulator/wechat/apps", {"appid": appid, "secret": "nobody-uses-it"})
        for appid in (COMPONENT, NEVER):
            made = {"appid": appid, "secret": SECRET, "token": TOKEN, "message_key": KEY, "authorized": [SHOP]}
            assert running.emulator.post_json("/emulator/wechat/components", made).status == 200
        assert pushed_by_wechat(running) == (200, "success")
        yield running


def pushed_by_wechat(stack: Stack) -> tuple[int, str]:
    asked = {"appid": COMPONENT, "url": f"{stack.gateway.origin}{PUSH}"}
    told = stack.emulator.post_json("/emulator/wechat/component-ticket", asked).json
    return told["status"], told["answer"]


def ticket_of(stack: Stack) -> Push:
    """A new one that has not been sent anywhere."""
    told = stack.emulator.post_json("/emulator/wechat/component-ticket", {"appid": COMPONENT}).json
    return Push(told["query"], told["body"])


def deliver(stack: Stack, push: Push, path: str = PUSH, **changed: str) -> Reply:
    query = urlencode({**push.query, **changed})
    return stack.gateway(f"{path}?{query}", ("content-type", "text/xml"), method="POST", body=push.body.encode())


def kept(stack: Stack) -> list[tuple[str, str, int]]:
    with sqlite3.connect(stack.data_dir / "menshen.db") as database:
        return database.execute("SELECT appid, sealed_ticket, made_at FROM component_tickets").fetchall()


def next_second() -> None:
    """Tickets are told apart by WeChat's second."""
    then = int(time.time())
    while int(time.time()) == then:
        time.sleep(0.02)


def log_in(stack: Stack, user: str, app: str = "shop", appid: str = SHOP) -> Reply:
    return stack.gateway(f"/{app}/login", ("js_code", stack.code(user, appid)))


def asked_for_tokens(stack: Stack) -> int:
    return stack.emulator("/emulator/wechat/calls").json["apis"].get("/cgi-bin/component/api_component_token", 0)


def test_a_login_and_a_check(stack: Stack) -> None:
    login = log_in(stack, "lin")
    assert login.status == 200, login.raw
    check = stack.gateway("/shop/orders", ("user_session", login.headers["user_session"]))
    for reply in (login, check):
        assert reply.identity["x-menshen-platform"] == "wechat"
        assert reply.identity["x-menshen-appid"] == SHOP
        assert reply.identity["x-menshen-openid"]


def test_the_platform_hears_the_component_and_no_appsecret(stack: Stack) -> None:
    code = stack.code("mei", SHOP)
    assert stack.gateway("/shop/login", ("js_code", code)).status == 200
    (heard,) = stack.emulator(f"/emulator/wechat/calls?code={code}").json["heard"]
    assert heard["path"] == "/wechat/sns/component/jscode2session"
    assert heard["query"]["component_appid"] == COMPONENT
    assert set(heard["query"]) == {"appid", "js_code", "grant_type", "component_appid", "component_access_token"}


def test_logins_share_one_access_token(stack: Stack) -> None:
    log_in(stack, "lin")
    before = asked_for_tokens(stack)
    assert [log_in(stack, f"user-{n}").status for n in range(5)] == [200] * 5
    assert asked_for_tokens(stack) == before


def test_a_wrong_code_and_a_used_one(stack: Stack) -> None:
    assert stack.gateway("/shop/login", ("js_code", "0" * 32)).refusal == (401, 4022, "code_invalid")
    code = stack.code("lin", SHOP)
    assert stack.gateway("/shop/login", ("js_code", code)).status == 200
    assert stack.gateway("/shop/login", ("js_code", code)).refusal == (401, 4022, "code_used")


@pytest.mark.parametrize(
    ("fault", "refusal"),
    [
        ("-1", (503, 4021, "platform_says_busy")),
        ("45011", (429, 4023, "platform_limit")),
        ("40226", (403, 4003, "user_blocked")),
        ("truncated", (502, 4021, "platform_reply_invalid")),
        ("html", (502, 4021, "platform_reply_invalid")),
    ],
)
def test_what_the_platform_can_answer(stack: Stack, fault: str, refusal: tuple[int, int, str]) -> None:
    log_in(stack, "lin")
    with stack.faulty(fault=fault, times=1):
        assert log_in(stack, "lin").refusal == refusal


def test_a_token_that_is_refused_is_replaced_and_the_code_is_still_good(stack: Stack) -> None:
    log_in(stack, "lin")
    body = json.dumps({"appid": COMPONENT}).encode()
    assert stack.emulator("/emulator/wechat/component-token", method="DELETE", body=body).status == 200
    before = asked_for_tokens(stack)
    assert log_in(stack, "lin").status == 200
    assert asked_for_tokens(stack) == before + 1


def test_an_app_that_has_not_authorised_the_component(stack: Stack) -> None:
    refused = log_in(stack, "lin", "stranger", STRANGER)
    assert refused.refusal == (502, 4017, "component_not_authorized")
    assert refused.json["action"] == "none"


def test_before_the_first_ticket_who_waits_may_use_the_same_code(stack: Stack) -> None:
    code = stack.code("lin", "wx00000000000000a3")
    for _ in range(2):
        refused = stack.gateway("/early/login", ("js_code", code))
        assert refused.refusal == (503, 4017, "component_ticket_missing")
        assert refused.json["action"] == "retry"


def test_the_components_token_is_told_to_nobody_who_asks_for_an_apps(stack: Stack) -> None:
    token = (stack.data_dir / "admin.token").read_text().strip()
    told = stack.admin("/internal/apps/shop/access-token", ("authorization", f"Bearer {token}"))
    assert told.status == 404
    assert "not_offered" in told.raw.decode()


def test_the_teams_services_are_told_it_by_the_components_name(stack: Stack) -> None:
    log_in(stack, "lin")
    before = asked_for_tokens(stack)
    token = (stack.data_dir / "admin.token").read_text().strip()
    told = stack.admin("/internal/components/provider/access-token", ("authorization", f"Bearer {token}"))
    assert told.status == 200
    code = stack.code("lin", SHOP)
    query = {
        "appid": SHOP,
        "js_code": code,
        "grant_type": "authorization_code",
        "component_appid": COMPONENT,
        "component_access_token": told.json["access_token"],
    }
    assert "openid" in stack.emulator(f"/wechat/sns/component/jscode2session?{urlencode(query)}").json
    assert asked_for_tokens(stack) == before
    assert stack.admin("/internal/components/provider/access-token").status == 401
    assert stack.admin("/internal/components/nobody/access-token", ("authorization", f"Bearer {token}")).status == 404


def test_every_push_keeps_the_newest_ticket(stack: Stack) -> None:
    next_second()
    before = {appid: made_at for appid, _, made_at in kept(stack)}
    assert pushed_by_wechat(stack) == (200, "success")
    assert {appid: made_at for appid, _, made_at in kept(stack)}[COMPONENT] > before[COMPONENT]


def test_a_copy_of_a_push_changes_nothing(stack: Stack) -> None:
    old = ticket_of(stack)
    next_second()
    assert pushed_by_wechat(stack) == (200, "success")
    before = kept(stack)
    assert deliver(stack, old).raw == b"success"
    assert kept(stack) == before


@pytest.mark.parametrize("page", ["wechat-component.md", "wechat-component.zh-CN.md"])
def test_a_team_with_a_receiver_sends_a_copy_on_as_the_page_says(stack: Stack, tmp_path: Path, page: str) -> None:
    text = (REPOSITORY / "docs/how-to" / page).read_text()
    written = text.partition("```nginx\n")[2].partition("```")[0]
    for of_the_page, ours in (("http://127.0.0.1:9010", stack.backend.origin), ("https://HOST", stack.gateway.origin)):
        assert of_the_page in written
        written = written.replace(of_the_page, ours)
    listen = f"127.0.0.1:{free_port()}"
    places = "".join(f"{name}_temp_path {tmp_path}/{name}; " for name in ("proxy", "fastcgi", "uwsgi", "scgi"))
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; {user} pid {tmp_path}/nginx.pid; error_log stderr warn; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {tmp_path}/body; {places}\n"
        f"server {{ listen {listen};\n{written}}} }}\n"
    )
    next_second()
    before = kept(stack)
    with proxied(["nginx", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")], listen, tmp_path / "nginx.log"):
        front = replace(stack, gateway=Client(f"http://{listen}"))
        assert deliver(front, ticket_of(stack), "/wechat/events").status == 200
        deadline = time.monotonic() + 90
        while kept(stack) == before and time.monotonic() < deadline:
            time.sleep(0.02)  # nginx answers before its copy has arrived
    assert kept(stack) != before


def test_a_push_that_somebody_has_kept_is_refused_later(stack: Stack) -> None:
    told = f"<xml><AppId>{COMPONENT}</AppId></xml>"
    push = sealed_push(SETTINGS, COMPONENT, told, time.time() - 600, os.urandom)
    assert deliver(stack, push).refusal == (403, 4001, "signature_stale")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"msg_signature": "0" * 40}, "signature_invalid"),
        ({"nonce": "1"}, "signature_invalid"),
        ({"msg_signature": ""}, "signature_missing"),
    ],
)
def test_a_forged_push(stack: Stack, changed: dict[str, str], reason: str) -> None:
    before = kept(stack)
    assert deliver(stack, ticket_of(stack), **changed).refusal == (403, 4001, reason)
    assert kept(stack) == before


def test_a_push_of_another_component_with_the_same_keys(stack: Stack) -> None:
    refused = deliver(stack, ticket_of(stack), "/v1/wechat/component/silent")
    assert refused.refusal == (400, 4000, "body_malformed")


@pytest.mark.parametrize("path", ["/v1/wechat/component/nobody", "/v1/wechat/component/provider/more"])
def test_a_component_that_is_not_there(stack: Stack, path: str) -> None:
    assert deliver(stack, ticket_of(stack), path).refusal == (404, 4004, "no_such_route")


def test_a_push_is_a_post(stack: Stack) -> None:
    assert stack.gateway(PUSH).refusal == (405, 4004, "method_not_allowed")


def test_an_oversized_push(stack: Stack) -> None:
    push = ticket_of(stack)
    padded = Push(push.query, push.body.replace("<Encrypt>", f"<More>{'x' * 10_000}</More><Encrypt>"))
    assert deliver(stack, padded).refusal == (413, 4000, "body_too_large")


def test_an_entity_bomb(stack: Stack) -> None:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE xml [<!ENTITY a0 "haha">{entities}]><xml><Encrypt>&a11;</Encrypt></xml>'
    started = time.monotonic()
    assert deliver(stack, Push(ticket_of(stack).query, bomb)).refusal == (400, 4000, "body_malformed")
    assert time.monotonic() - started < 45


def test_workers_that_never_heard_a_push_have_its_ticket(stack: Stack) -> None:
    before, asked = workers(stack), asked_for_tokens(stack)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    body = json.dumps({"appid": COMPONENT}).encode()
    assert stack.emulator("/emulator/wechat/component-token", method="DELETE", body=body).status == 200
    deadline = time.monotonic() + 90
    while log_in(stack, "lin").status != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not set(workers(stack)) & set(before)
    assert log_in(stack, "lin").status == 200
    assert asked_for_tokens(stack) == asked + 1


def test_tickets_and_tokens_and_keys_are_nowhere_to_be_read(stack: Stack) -> None:
    """Where a data directory, an export or a log goes, a ticket must not (security rule 8)."""
    log_in(stack, "lin")
    push = ticket_of(stack)
    deliver(stack, push)
    deliver(stack, push, msg_signature="0" * 40)
    dump = b"".join(path.read_bytes() for path in stack.data_dir.glob("menshen.db*"))
    sinks = {
        "database": dump,
        "log": stack.serve.log.read_bytes(),
        "export": menshen(stack, "export").stdout.encode(),
    }
    for name, sink in sinks.items():
        for secret in (b"ticket@@@", SECRET.encode(), TOKEN.encode(), KEY.encode()):
            assert secret not in sink, name
    assert json.dumps(COMPONENT).strip('"').encode() in dump
