"""Bans, closings and merges through a real gateway: what they do to people who are logged in, and who hears of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from menshen.callouts.signing import signature_holds
from menshen.secret import Secret
from menshen.storage.database_url import DATABASE_URL_VARIABLE
from tests.edge.conftest import Stack, running_stack
from tests.edge.processes import Reply
from tests.edge.sessions import KINDS, REVOKED, Login, admin, check, log_in, over_within, refused_within
from tests.node.receivers import Taking, taking
from tests.postgresql import PostgreSQL

HOOK_SECRET = "planted-webhook-secret-0123456789"
BANNED = (403, 4003, "user_banned")

DOCUMENT = """\
version: 1
apps:
  - {{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{emulator}/wechat"}}
upstreams: [{{name: orders, endpoints: ["{backend}"]}}]
groups:
  - {{name: sealed, hosts: ["*"], prefix: /sealed, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: signed, hosts: ["*"], prefix: /signed, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: reference, hosts: ["*"], prefix: /reference, upstream: orders, apis: [{{name: all, path: /*}}]}}
plugins:
  - {{name: sealed, type: WeChatMpLogin, app: shop, session: {{kind: sealed}}}}
  - {{name: signed, type: WeChatMpLogin, app: shop, session: {{kind: signed}}}}
  - {{name: reference, type: WeChatMpLogin, app: shop, session: {{kind: reference}}}}
bindings:
  - {{plugin: sealed, group: sealed}}
  - {{plugin: signed, group: signed}}
  - {{plugin: reference, group: reference}}
webhooks:
  - {{name: crm, url: "WEBHOOK/crm", secret: HOOK_SECRET}}
  - {{name: bans, url: "WEBHOOK/bans", secret: HOOK_SECRET, events: [ban]}}
"""


@pytest.fixture(scope="module")
def receiver() -> Iterator[Taking]:
    with taking() as server:
        yield server


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def life(request: pytest.FixtureRequest, receiver: Taking, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    document = DOCUMENT.replace("WEBHOOK", receiver.origin).replace("HOOK_SECRET", HOOK_SECRET)
    with contextlib.ExitStack() as stack:
        if request.param == "postgresql":
            server: PostgreSQL = request.getfixturevalue("postgresql")
            environment = stack.enter_context(pytest.MonkeyPatch.context())
            environment.setenv(DATABASE_URL_VARIABLE, stack.enter_context(server.database()))
        yield stack.enter_context(running_stack(tmp_path_factory.mktemp("life"), document, "--workers", "2"))


def tried(stack: Stack, where: str, user: str) -> Reply:
    return stack.gateway(f"/{where}/login", ("js_code", stack.code(user)))


def within(seconds: float, found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)
    return answer


def told(receiver: Taking, kind: str, uid: str) -> list[dict[str, Any]]:
    return [message for message in receiver.told(kind) if message["data"]["uid"] == uid]


def everywhere(stack: Stack, user: str) -> list[Login]:
    return [log_in(stack, kind, user) for kind in KINDS]


def test_a_ban_ends_every_kind_of_session_within_a_second_and_lets_nobody_in(life: Stack, receiver: Taking) -> None:
    logins = everywhere(life, "lisi")
    uid = logins[0].uid
    assert {login.uid for login in logins} == {uid}
    other = log_in(life, "sealed", "somebody-else")
    answer = admin(life, f"/v1/users/{uid}/ban", {"reason": "spam"})
    assert (answer.status, answer.json) == (200, {"ended": 3})
    over_within(life, *logins)
    for kind in KINDS:
        assert tried(life, kind, "lisi").refusal == BANNED
    tries = admin(life, f"/v1/logins?user={uid}&outcome=user_banned").json["logins"]
    assert len(tries) == len(KINDS), "whom the log says they were of"
    assert check(life, other).status == 200
    message = within(60, lambda: told(receiver, "ban", uid))[0]
    assert message["data"]["reason"] == "spam"
    assert len(within(60, lambda: told(receiver, "ban", uid)[1:])) == 1  # the webhook that hears of bans alone
    assert admin(life, f"/v1/users/{uid}/unban", {}).status == 200
    again = log_in(life, "sealed", "lisi")
    assert again.uid == uid
    assert check(life, again).status == 200
    for login in logins:
        assert check(life, login).refusal == REVOKED


def test_a_ban_that_has_run_out_is_none(life: Stack) -> None:
    uid = log_in(life, "sealed", "wangwu").uid
    for seconds in (4, 20, 60):  # as long as it takes to be seen while it holds
        until = int(time.time()) + seconds
        assert admin(life, f"/v1/users/{uid}/ban", {"until": until}).status == 200
        refused = tried(life, "sealed", "wangwu")
        if time.time() < until:
            break
    assert refused.refusal == BANNED
    time.sleep(max(0.0, until + 0.2 - time.time()))
    assert log_in(life, "sealed", "wangwu").uid == uid
    assert admin(life, f"/v1/users/{uid}").json["status"] == "active"


def test_whoever_comes_back_after_closing_is_somebody_new(life: Stack, receiver: Taking) -> None:
    logins = everywhere(life, "zhaoliu")
    uid = logins[0].uid
    assert admin(life, f"/v1/users/{uid}/close", {"confirm": True}).json == {"ended": 3}
    over_within(life, *logins)
    again = log_in(life, "signed", "zhaoliu")
    assert again.uid != uid
    assert check(life, again).status == 200
    left = admin(life, f"/v1/users/{uid}").json
    assert (left["status"], left["identities"], left["phone"], left["account"]) == ("closed", [], None, None)
    rows = admin(life, f"/v1/logins?user={uid}").json["logins"]
    assert len(rows) == 3
    assert {(row["ip"], row["user_agent"], row["request_id"]) for row in rows} == {("", "", "")}
    within(60, lambda: told(receiver, "close", uid))


def test_a_user_closes_himself(life: Stack, receiver: Taking) -> None:
    login = log_in(life, "reference", "himself")
    closed = life.gateway.post_json("/v1/me/close", {"confirm": True}, ("user_session", login.state))
    assert closed.status == 200, closed.raw
    over_within(life, login)
    assert admin(life, f"/v1/users/{login.uid}").json["status"] == "closed"
    [written] = admin(life, f"/v1/audit?user={login.uid}").json["audit"]
    assert (written["actor"], written["action"]) == ("user", "user.close")
    within(60, lambda: told(receiver, "close", login.uid))


def test_a_merge_hands_the_reference_on_and_ends_what_says_the_old_uid(life: Stack) -> None:
    gone = everywhere(life, "twin-a")
    stays = log_in(life, "sealed", "twin-b")
    uid = gone[0].uid
    assert check(life, gone[2]).identity["x-menshen-user"] == uid
    answer = admin(life, f"/v1/users/{uid}/merge", {"into": stays.uid})
    assert answer.json == {"identities": 1, "accounts": 0, "phones": 0, "sessions": 1, "ended": 2}
    over_within(life, gone[0], gone[1])
    within(60, lambda: check(life, gone[2]).identity["x-menshen-user"] == stays.uid)
    assert {check(life, gone[2]).identity["x-menshen-user"] for _ in range(10)} == {stays.uid}
    assert check(life, stays).identity["x-menshen-user"] == stays.uid
    again = log_in(life, "signed", "twin-a")
    assert again.uid == stays.uid
    assert admin(life, f"/v1/users/{uid}").json["merged_into"] == stays.uid


def test_parallel_logins_and_a_ban_leave_nobody_logged_in(life: Stack) -> None:
    """A login that was on its way when the ban came is refused, or its session is ended: never neither."""
    uid = log_in(life, "sealed", "racer").uid
    for _ in range(4):
        codes = [life.code("racer") for _ in range(12)]
        with ThreadPoolExecutor(13) as pool:
            replies = [
                pool.submit(life.gateway, f"/{KINDS[number % 3]}/login", ("js_code", code))
                for number, code in enumerate(codes)
            ]
            banned = pool.submit(admin, life, f"/v1/users/{uid}/ban", {"reason": "race"})
            assert banned.result().status == 200
            answers = [reply.result() for reply in replies]
        assert {answer.status for answer in answers} <= {200, 403}
        assert {answer.refusal for answer in answers if answer.status != 200} <= {BANNED}
        assert admin(life, f"/v1/sessions?user={uid}").json["sessions"] == []
        let_in = [(KINDS[number % 3], answer) for number, answer in enumerate(answers) if answer.status == 200]
        asks = [
            partial(life.gateway, f"/{kind}/orders/1", ("user_session", answer.headers["user_session"]))
            for kind, answer in let_in
        ]
        if asks:
            refused_within(asks)
        assert admin(life, f"/v1/users/{uid}/unban", {}).status == 200


def test_logins_are_told_to_webhooks_and_written_to_the_log(life: Stack, receiver: Taking) -> None:
    reply = life.gateway("/sealed/login", ("js_code", life.code("newcomer")), ("user-agent", "MicroMessenger/8"))
    uid = reply.identity["x-menshen-user"]
    [registered] = within(60, lambda: told(receiver, "register", uid))
    [logged_in] = within(60, lambda: told(receiver, "login", uid))
    assert registered["data"] | {"reason": ""} == logged_in["data"] | {"reason": ""}
    assert (logged_in["data"]["app"], logged_in["data"]["platform"]) == ("shop", "wechat")
    [row] = admin(life, f"/v1/logins?user={uid}").json["logins"]
    assert (row["outcome"], row["how"], row["app"], row["new_user"]) == ("ok", "code", "shop", True)
    assert (row["ip"], row["user_agent"]) == ("127.0.0.1", "MicroMessenger/8")
    assert row["request_id"] == logged_in["data"]["request_id"] != ""
    for headers, body in receiver.messages:
        assert signature_holds(headers, Secret(HOOK_SECRET), body, float(headers["webhook-timestamp"]))
        assert b"openid" not in body
    spent = life.code("newcomer")
    assert life.gateway("/sealed/login", ("js_code", spent)).status == 200
    assert life.gateway("/sealed/login", ("js_code", spent)).status == 401
    [failed] = within(60, lambda: admin(life, "/v1/logins?outcome=code_used").json["logins"])
    assert (failed["uid"], failed["app"], failed["ip"]) == ("", "shop", "127.0.0.1")
    assert admin(life, f"/v1/users/{uid}").json["logins"] == 2
