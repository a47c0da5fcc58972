"""Tokens that the team's own service judges, through a real Envoy and a checker of the test's own."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.edge.checker import GOOD, Checker, checking
from tests.edge.conftest import Stack, running_stack
from tests.edge.people import rows
from tests.edge.processes import Reply
from tests.edge.signing import signed_call

KEY = "planted-key-of-erp-0123456789"

DOCUMENT = """\
version: 1
apps:
  - {{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{emulator}/wechat"}}
upstreams:
  - {{name: orders, endpoints: ["{backend}"], timeout: 10}}
groups:
  - {{name: head, hosts: ["*"], prefix: /head, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: brief, hosts: ["*"], prefix: /brief, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: query, hosts: ["*"], prefix: /query, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: body, hosts: ["*"], prefix: /body, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: jump, hosts: ["*"], prefix: /jump, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: dead, hosts: ["*"], prefix: /dead, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: slow, hosts: ["*"], prefix: /slow, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: tsf, hosts: ["*"], prefix: /tsf, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: signed, hosts: ["*"], prefix: /signed, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - name: both
    hosts: ["*"]
    prefix: /both
    upstream: orders
    apis:
      - {{name: order, path: "/orders/{{id}}"}}
      - {{name: news, path: /news, access: optional}}
      - {{name: free, path: /free, access: public}}
  - {{name: three, hosts: ["*"], prefix: /three, upstream: orders, apis: [{{name: all, path: /*}}]}}
plugins:
  - {{name: by-header, type: OAuth, url: "{checker}/check", payload: X-Member, timeout: 10}}
  - name: by-query
    type: OAuth
    url: "{checker}/check"
    method: GET
    token: {{in: query, name: access_token}}
    timeout: 10
  - {{name: by-body, type: OAuth, url: "{checker}/check", token: {{in: query, name: access_token}}, timeout: 10}}
  - name: jumping
    type: OAuth
    url: "{checker}/check"
    redirect: "https://login.example.com/start?from=gateway"
    payload: X-Member
    timeout: 10
  - {{name: brief, type: OAuth, url: "{checker}/check", timeout: 1}}
  - {{name: unreachable, type: OAuth, url: "http://127.0.0.1:9/check", timeout: 1, redirect: "https://a.example.com/"}}
  - {{name: patient, type: OAuth, url: "{checker}/check", timeout: 30, token: {{name: X-Token}}}}
  - name: beside-login
    type: OAuth
    url: "{checker}/check"
    method: GET
    token: {{name: X-Token}}
    payload: X-Member
    timeout: 10
    forward_authorization: true
  - {{name: shop-login, type: WeChatMpLogin, app: shop}}
  - {{name: tsf-login, type: WeChatMpLogin, app: shop, status: tsf, session: {{name: tsf_session}}}}
  - {{name: signed-login, type: WeChatMpLogin, app: shop, session: {{name: signed_session, kind: signed}}}}
  - {{name: servers, type: KeyPair, keys: [{{id: erp, secret: "planted-key-of-erp-0123456789"}}]}}
bindings:
  - {{plugin: by-header, group: head}}
  - {{plugin: brief, group: brief}}
  - {{plugin: by-query, group: query}}
  - {{plugin: by-body, group: body}}
  - {{plugin: jumping, group: jump}}
  - {{plugin: unreachable, group: dead}}
  - {{plugin: patient, group: slow}}
  - {{plugin: shop-login, group: slow}}
  - {{plugin: beside-login, group: tsf}}
  - {{plugin: tsf-login, group: tsf}}
  - {{plugin: beside-login, group: signed}}
  - {{plugin: signed-login, group: signed}}
  - {{plugin: beside-login, group: both}}
  - {{plugin: shop-login, group: both}}
  - {{plugin: beside-login, group: three}}
  - {{plugin: shop-login, group: three}}
  - {{plugin: servers, group: three}}
"""

MISSING = (401, 4001, "token_missing")
REFUSED = (401, 4001, "token_refused")
UNAVAILABLE = (503, 5024, "checker_unavailable")
AMBIGUOUS = (400, 4000, "ambiguous_credential")
BEARER = ("authorization", f"Bearer {GOOD}")
TOKEN = ("x-token", GOOD)
WRONG = "planted-token.wrong~2"


@pytest.fixture(scope="module")
def checker() -> Iterator[Checker]:
    with checking() as running:
        yield running


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, checker: Checker) -> Iterator[Stack]:
    document = DOCUMENT.replace("{checker}", checker.origin)
    with running_stack(tmp_path_factory.mktemp("oauth"), document, "--workers", "2") as stack:
        yield stack


@pytest.fixture
def stack(running: Stack, checker: Checker) -> Stack:
    checker.asked.clear()
    return running


def test_a_good_token_passes_and_the_backend_reads_what_the_checker_says(stack: Stack, checker: Checker) -> None:
    reply = stack.gateway("/head/x", BEARER)
    assert (reply.status, reply.seen["x-member"]) == (200, "u-1"), reply.raw
    assert reply.seen["x-menshen-user"] == reply.seen["x-menshen-openid"] == ""
    asked = checker.only
    assert (asked.method, asked.target) == ("POST", "/check")
    assert asked.headers["authorization"] == f"Bearer {GOOD}"
    assert json.loads(asked.body) == {"token": GOOD}


def test_a_token_of_the_query_travels_in_the_query(stack: Stack, checker: Checker) -> None:
    assert stack.gateway(f"/query/x?a=1&access_token={GOOD}&b=2").status == 200
    asked = checker.only
    assert (asked.method, asked.target, asked.body) == ("GET", f"/check?access_token={GOOD}", b"")
    assert stack.gateway("/query/x?access_token=a%26result%3Dtrue").refusal == REFUSED
    assert checker.only.target == "/check?access_token=a%26result%3Dtrue"


def test_with_post_no_token_is_in_a_url(stack: Stack, checker: Checker) -> None:
    assert stack.gateway(f"/body/x?access_token={GOOD}").status == 200
    asked = checker.only
    assert (asked.method, asked.target, json.loads(asked.body)) == ("POST", "/check", {"token": GOOD})


def test_no_token_reaches_a_backend(stack: Stack) -> None:
    for target, *headers in (
        ("/head/x", BEARER),
        (f"/query/x?a=1&access_token={GOOD}&b=2",),
        ("/both/free", TOKEN),
    ):
        reply = stack.gateway(target, *headers)
        assert reply.status == 200, reply.raw
        assert GOOD not in reply.raw.decode()
        if "a=1" in target:
            assert reply.json["query"] == "a=1&b=2"


def test_a_client_cannot_say_what_the_checker_says(stack: Stack, checker: Checker) -> None:
    forged = (("x-member", "admin"), ("X_Member", "admin"), ("X-MEMBER", "root"))
    seen = stack.gateway("/head/x", BEARER, *forged).seen
    assert (seen["x-member"], "x_member" in seen) == ("u-1", False)
    with checker.answering(verdict=lambda token: {"result": True}):
        assert stack.gateway("/head/x", BEARER, *forged).seen["x-member"] == ""
    for target in ("/both/free", "/both/news"):
        assert stack.gateway(target, *forged).seen["x-member"] == ""


def test_what_is_no_good_token_is_refused(stack: Stack, checker: Checker) -> None:
    assert stack.gateway("/head/x").refusal == MISSING
    assert stack.gateway("/head/x", ("authorization", "")).refusal == MISSING
    assert stack.gateway("/query/x?access_token=").refusal == MISSING
    assert checker.asked == []
    assert stack.gateway("/head/x", ("authorization", f"Bearer {WRONG}")).refusal == REFUSED
    assert json.loads(checker.only.body) == {"token": WRONG}


@pytest.mark.parametrize(
    "value", [f"Basic {GOOD}", GOOD, "Bearer", "Bearer a b", "Bearer t\u00c3\u00b6ken", "Bearer " + "t" * 8193]
)
def test_the_checker_is_not_asked_about_what_no_token_is(stack: Stack, checker: Checker, value: str) -> None:
    assert stack.gateway("/head/x", ("authorization", value)).refusal == REFUSED
    assert checker.asked == []


def test_the_name_of_a_scheme_has_no_case(stack: Stack) -> None:
    assert stack.gateway("/head/x", ("authorization", f"bearer {GOOD}")).status == 200


def test_class_28_two_tokens_are_refused(stack: Stack, checker: Checker) -> None:
    for target, *headers in (
        ("/head/x", BEARER, BEARER),
        ("/head/x", ("authorization", f"Bearer {WRONG}"), BEARER),
        ("/head/x", ("authorization", f"Bearer {GOOD}, Bearer {WRONG}")),
        (f"/query/x?access_token={GOOD}&access_token={WRONG}",),
        (f"/query/x?access_token={GOOD}&%61ccess_token={WRONG}",),
        (f"/query/x?%61ccess_token={GOOD}",),
    ):
        assert stack.gateway(target, *headers).refusal == AMBIGUOUS, target
    assert checker.asked == []


def test_class_24_no_verdict_is_remembered(stack: Stack, checker: Checker) -> None:
    """Neither for another API nor for the next call: a token that was taken back a moment ago is not good."""
    assert stack.gateway("/head/x", BEARER).status == 200
    with checker.answering(verdict=lambda token: {"result": False}):
        assert stack.gateway("/head/x", BEARER).refusal == REFUSED
    assert stack.gateway("/head/x", BEARER).status == 200
    assert len(checker.asked) == 3


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "Connection: close", "", ""])
    return head.encode() + body


YES = b'{"result": true, "payload": "u-1"}'


def hang(out: Any) -> None:
    time.sleep(4)


def drip(out: Any) -> None:
    """An answer that is always about to come."""
    out.write(b"HTTP/1.1 200 OK\r\nContent-Length: 34\r\n\r\n")
    for byte in YES:
        out.write(bytes([byte]))
        out.flush()
        time.sleep(0.1)


ANSWERS: dict[str, bytes] = {
    "an error": http(YES, "500 Internal Server Error"),
    "401": http(YES, "401 Unauthorized"),
    "no content": http(b"", "204 No Content"),
    "a redirect": http(YES, "302 Found", "Location: /elsewhere"),
    "a page": http(b"<html>true</html>"),
    "nothing": http(b""),
    "a text": http(b'{"result": "true"}'),
    "a number": http(b'{"result": 1}'),
    "null": http(b'{"result": null}'),
    "no result": http(b'{"payload": "u-1"}'),
    "a list": http(b'[{"result": true}]'),
    "true": http(b"true"),
    "a payload that is no text": http(b'{"result": true, "payload": {"id": 1}}'),
    "half of it": http(YES[:-1]),
    "not UTF-8": http(b'{"result": true, "payload": "\xff"}'),
    "too much": http(b'{"result": true, "x": "%s"}' % (b"y" * 70_000)),
    "too long a payload": http(b'{"result": true, "payload": "%s"}' % (b"y" * 4097)),
    "too long a payload once it is encoded": http(b'{"result": true, "payload": "%s"}' % (b"%" * 1400)),
    "less than it says": http(YES + b" ")[:-1],
    "no HTTP": b"result: true\r\n\r\n",
    "silence": b"",
}


@pytest.mark.parametrize("what", ANSWERS)
def test_class_45_what_is_no_answer_lets_nobody_in(stack: Stack, checker: Checker, what: str) -> None:
    with checker.answering(raw=lambda out: out.write(ANSWERS[what])):
        assert stack.gateway("/head/x", BEARER).refusal == UNAVAILABLE
        assert stack.gateway("/jump/x", BEARER).refusal == UNAVAILABLE, "nor is he sent to log in again"
    assert [asked.target for asked in checker.asked] == ["/check"] * 2, "no redirect is followed, nothing sent twice"
    assert stack.gateway("/head/x", BEARER).status == 200


@pytest.mark.parametrize("raw", [hang, drip])
def test_class_45_a_checker_that_is_late_lets_nobody_in(stack: Stack, checker: Checker, raw: Any) -> None:
    with checker.answering(raw=raw):
        assert stack.gateway("/brief/x", BEARER).refusal == UNAVAILABLE


def test_class_45_a_checker_that_is_away_lets_nobody_in(stack: Stack) -> None:
    reply = stack.gateway("/dead/x", BEARER)
    assert reply.refusal == UNAVAILABLE
    assert "location" not in reply.headers


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ("", ""),
        (None, ""),
        ('{"id":7,"role":"a+b"}', '{"id":7,"role":"a+b"}'),
        ("张三", "%E5%BC%A0%E4%B8%89"),
        ("100%", "100%25"),
        (" a b ", "%20a%20b%20"),
        ("a\r\nx-menshen-user: admin", "a%0D%0Ax-menshen-user:%20admin"),
        ("a\x00\x7f\t", "a%00%7F%09"),
        ("p" * 4096, "p" * 4096),
    ],
)
def test_a_payload_is_one_header_whatever_is_in_it(stack: Stack, checker: Checker, payload: Any, told: str) -> None:
    with checker.answering(verdict=lambda token: {"result": True, "payload": payload, "more": [1]}):
        reply = stack.gateway("/head/x", BEARER)
    assert (reply.status, reply.seen["x-member"], reply.seen["x-menshen-user"]) == (200, told, "")


def test_a_refused_caller_is_really_sent_elsewhere(stack: Stack) -> None:
    for headers in ((), (("authorization", f"Bearer {WRONG}"),), (("authorization", "Basic x"),)):
        reply = stack.gateway("/jump/x", *headers)
        assert reply.status == 302
        assert reply.headers["location"] == "https://login.example.com/start?from=gateway"
        assert (reply.json["reason"], reply.headers["x-menshen-code"]) in (
            ("token_missing", "4001"),
            ("token_refused", "4001"),
        )
    assert stack.gateway("/jump/x", BEARER).status == 200


@pytest.mark.parametrize(
    "target",
    [
        "/jump/x?redirect=https://evil.example",
        "/jump//evil.example/%2e%2e",
        "/jump/x?from=evil&redirect_uri=//evil.example&next=/\\evil.example",
        "/jump/%0d%0aLocation:%20https:%2f%2fevil.example".replace("%2f", "/"),
    ],
)
def test_class_51_a_caller_is_sent_to_no_other_address(stack: Stack, target: str) -> None:
    sent = (
        ("x-forwarded-host", "evil.example"),
        ("referer", "https://evil.example"),
        ("location", "https://evil.example"),
    )
    reply = stack.gateway(target, *sent, host="evil.example")
    assert (reply.status, reply.headers["location"]) == (302, "https://login.example.com/start?from=gateway")
    assert "evil" not in str(reply.headers) + reply.raw.decode()


def log_in(stack: Stack, group: str = "both/orders", name: str = "user_session") -> tuple[str, str]:
    reply = stack.gateway(f"/{group}/1", TOKEN, ("js_code", stack.code("zhangsan")))
    assert (reply.status, reply.seen["x-member"]) == (200, "u-1"), reply.raw
    return name, reply.headers[name]


def test_both_the_token_and_the_login_must_be_good(stack: Stack) -> None:
    state = log_in(stack)
    reply = stack.gateway("/both/orders/1", TOKEN, state)
    assert (reply.status, reply.seen["x-member"]) == (200, "u-1")
    assert reply.seen["x-menshen-user"]
    assert stack.gateway("/both/orders/1", TOKEN).refusal == (401, 4001, "session_missing")
    assert stack.gateway("/both/orders/1", TOKEN, (state[0], "forged")).refusal == (401, 4001, "session_invalid")
    assert stack.gateway("/both/orders/1", state).refusal == MISSING
    assert stack.gateway("/both/orders/1", state, ("x-token", WRONG)).refusal == REFUSED


def test_no_code_is_spent_on_a_call_that_is_refused(stack: Stack, checker: Checker) -> None:
    code, before = ("js_code", stack.code("zhangsan")), stack.exchanges()
    assert stack.gateway("/both/orders/1", code).refusal == MISSING
    assert stack.gateway("/both/orders/1", code, ("x-token", WRONG)).refusal == REFUSED
    with checker.answering(raw=lambda out: out.write(ANSWERS["an error"])):
        assert stack.gateway("/both/orders/1", code, TOKEN).refusal == UNAVAILABLE
    assert stack.exchanges() == before
    assert stack.gateway("/both/orders/1", code, TOKEN).status == 200


def test_where_it_is_optional_nothing_passes_and_something_wrong_does_not(stack: Stack, checker: Checker) -> None:
    nothing = stack.gateway("/both/news")
    assert (nothing.status, nothing.seen["x-member"], nothing.seen["x-menshen-user"]) == (200, "", "")
    assert checker.asked == []
    assert stack.gateway("/both/news", TOKEN).seen["x-member"] == "u-1"
    assert stack.gateway("/both/news", ("x-token", WRONG)).refusal == REFUSED
    assert stack.gateway("/both/news", ("x-token", "a b")).refusal == REFUSED


def test_a_public_api_asks_nobody(stack: Stack, checker: Checker) -> None:
    assert stack.gateway("/both/free", ("x-token", WRONG)).seen["x-member"] == ""
    assert checker.asked == []


def test_authorization_is_forwarded_where_the_plugin_says_so(stack: Stack, checker: Checker) -> None:
    state = log_in(stack)
    checker.asked.clear()
    assert stack.gateway("/both/orders/1", TOKEN, state, ("authorization", "Basic abc")).status == 200
    asked = checker.only
    assert (asked.method, asked.headers["x-token"], asked.headers["authorization"]) == ("GET", GOOD, "Basic abc")
    assert stack.gateway("/both/orders/1", TOKEN, state).status == 200
    assert "authorization" not in checker.only.headers
    assert stack.gateway(f"/query/x?access_token={GOOD}", ("authorization", "Basic abc")).status == 200
    assert "authorization" not in checker.only.headers


def test_a_login_plugin_of_tsf_statuses_keeps_them(stack: Stack) -> None:
    assert stack.gateway("/tsf/x").refusal == MISSING
    assert stack.gateway("/tsf/x", ("x-token", WRONG)).refusal == REFUSED


def test_a_signed_login_state_does_not_pass_without_the_brain(stack: Stack) -> None:
    state = log_in(stack, "signed", "signed_session")
    assert state[1].count(".") == 2
    assert stack.gateway("/signed/x", state).refusal == MISSING
    assert stack.gateway("/signed/x", state, ("x-token", WRONG)).refusal == REFUSED
    assert stack.gateway("/signed/x", state, TOKEN).seen["x-menshen-user"]


def test_a_key_pair_a_token_and_a_login_are_asked_in_this_order(stack: Stack, checker: Checker) -> None:
    def call(*headers: tuple[str, str]) -> Reply:
        return signed_call("/three/x", "erp", KEY, headers=headers).sent_to(stack.gateway)

    assert stack.gateway("/three/x", TOKEN).refusal == (403, 4001, "signature_missing")
    assert checker.asked == []
    assert call().refusal == MISSING
    assert call(TOKEN).refusal == (401, 4001, "session_missing")
    reply = call(TOKEN, ("js_code", stack.code("zhangsan")))
    assert (reply.status, reply.seen["x-member"], reply.seen["x-menshen-caller"]) == (200, "u-1", "erp")


def test_a_slow_checker_leaves_the_login_its_own_time(stack: Stack, checker: Checker) -> None:
    """Longer than Envoy waits for a login alone."""

    def slowly(out: Any) -> None:
        time.sleep(10)
        out.write(http(YES))

    with checker.answering(raw=slowly):
        reply = stack.gateway("/slow/x", TOKEN, ("js_code", stack.code("zhangsan")), timeout=60)
    assert reply.status == 200, reply.raw
    assert reply.seen["x-menshen-user"]


def test_a_checker_that_hangs_holds_up_nobody_else(stack: Stack, checker: Checker) -> None:
    waiting, over = [], threading.Event()
    with checker.answering(raw=lambda out: over.wait(60)):
        for _ in range(100):
            connection = socket.create_connection((stack.gateway.host, stack.gateway.port), timeout=20)
            connection.sendall(f"GET /slow/x HTTP/1.1\r\nHost: h\r\nx-token: {GOOD}\r\n\r\n".encode())
            waiting.append(connection)
        began = time.monotonic()
        try:
            assert stack.gateway("/head/x").refusal == MISSING
            assert stack.gateway("/both/news").status == 200
            assert time.monotonic() - began < 25, "they were held up until the others' time was over"
        finally:
            over.set()
    for connection in waiting:
        connection.close()


def test_no_token_is_in_a_log_or_in_the_database(stack: Stack, checker: Checker) -> None:
    assert stack.gateway("/head/x", ("authorization", f"Bearer {WRONG}")).refusal == REFUSED
    assert stack.gateway(f"/query/x?access_token={GOOD}").status == 200
    with checker.answering(raw=lambda out: out.write(http(b'{"result": "%s"}' % GOOD.encode()))):
        assert stack.gateway("/head/x", BEARER).refusal == UNAVAILABLE
    log = stack.serve.log.read_text()
    assert "guard_refused" in log
    assert "checker_unavailable" in log
    stored = "".join(
        str(row) for table in ("revisions", "login_log", "nonces") for row in rows(stack, f"SELECT * FROM {table}")
    )
    for token in (GOOD, WRONG):
        assert token not in log
        assert token not in stored
