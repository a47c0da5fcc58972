"""Key pairs through a real Envoy: what is let through, what is refused, and that one call is good once."""

from __future__ import annotations

import contextlib
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.edge.conftest import Stack, running_stack
from tests.edge.nodes import Nodes, two_nodes
from tests.edge.people import rows
from tests.edge.signing import Call, signed_call
from tests.edge.test_reload import menshen
from tests.postgresql import PostgreSQL

SECRET, OTHER = "planted-key-of-erp-0123456789", "planted-key-of-crm-9876543210"

DOCUMENT = """\
version: 1
apps:
  - {{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{emulator}/wechat"}}
upstreams:
  - {{name: orders, endpoints: ["{backend}"], timeout: 10}}
groups:
  - {{name: erp, hosts: ["*"], prefix: /erp, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: small, hosts: ["*"], prefix: /small, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: large, hosts: ["*"], prefix: /large, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - name: both
    hosts: ["*"]
    prefix: /both
    upstream: orders
    apis:
      - {{name: order, path: "/orders/{{id}}"}}
      - {{name: news, path: /news, access: optional}}
      - {{name: free, path: /free, access: public}}
  - {{name: signed, hosts: ["*"], prefix: /signed, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: form, hosts: ["*"], prefix: /form, upstream: orders, apis: [{{name: all, path: /*}}]}}
plugins:
  - name: servers
    type: KeyPair
    keys:
      - {{id: erp, secret: "planted-key-of-erp-0123456789"}}
      - {{id: crm, secret: "planted-key-of-crm-9876543210"}}
      - {{id: idle, secret: "planted-key-of-idle-000000000", enabled: false}}
      - {{id: late, secret: "planted-key-of-late-000000000", expires: "2026-01-31 23:59:59"}}
  - {{name: few, type: KeyPair, keys: [{{id: erp, secret: "planted-key-of-erp-0123456789"}}], max_body_kib: 1}}
  - name: many
    type: KeyPair
    keys: [{{id: erp, secret: "planted-key-of-erp-0123456789"}}]
    max_body_kib: 4096
    window: 30
    caller: X-Server
  - {{name: shop-login, type: WeChatMpLogin, app: shop}}
  - {{name: signed-login, type: WeChatMpLogin, app: shop, session: {{name: signed_session, kind: signed}}}}
  - name: form-login
    type: WeChatMpLogin
    app: shop
    code: {{in: body, name: code}}
    session: {{name: form_session}}
bindings:
  - {{plugin: servers, group: erp}}
  - {{plugin: few, group: small}}
  - {{plugin: many, group: large}}
  - {{plugin: servers, group: both}}
  - {{plugin: shop-login, group: both}}
  - {{plugin: servers, group: signed}}
  - {{plugin: signed-login, group: signed}}
  - {{plugin: servers, group: form}}
  - {{plugin: form-login, group: form}}
"""

MISSING = (403, 4001, "signature_missing")
INVALID = (403, 4001, "signature_invalid")
STALE = (403, 4001, "signature_stale")
REPLAYED = (403, 4001, "signature_replayed")
TOO_LARGE = (413, 4000, "body_too_large")
AMBIGUOUS = (400, 4000, "ambiguous_credential")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("key-pair"), DOCUMENT, "--workers", "2") as running:
        yield running


def call(target: str = "/erp/orders?page=2", **more: Any) -> Call:
    return signed_call(target, "erp", SECRET, **more)


def stored(stack: Stack) -> int:
    return int(rows(stack, "SELECT count(*) FROM nonces")[0][0])


@pytest.mark.parametrize("algorithm", ["HMAC-SHA256", "HMAC-SHA512", "2", "3"])
def test_a_signed_call_passes_and_says_who_made_it(stack: Stack, algorithm: str) -> None:
    reply = call(algorithm=algorithm).sent_to(stack.gateway)
    assert reply.status == 200, reply.raw
    assert reply.seen["x-menshen-caller"] == "erp"
    assert (reply.json["path"], reply.json["query"]) == ("/erp/orders", "page=2")
    # No login is bound: what would say who the user is says nothing.
    assert reply.seen["x-menshen-user"] == reply.seen["x-menshen-openid"] == ""


def test_no_signature_reaches_a_backend(stack: Stack) -> None:
    for target in ("/erp/orders", "/both/free"):
        seen = call(target).sent_to(stack.gateway).seen
        assert [name for name in seen if name.startswith("x-mg-")] == []


def test_a_client_cannot_say_who_made_a_call(stack: Stack) -> None:
    forged = (("x-menshen-caller", "crm"), ("X_Menshen_Caller", "crm"), ("x-server", "crm"), ("X_SERVER", "crm"))
    assert call(headers=forged).sent_to(stack.gateway).seen["x-menshen-caller"] == "erp"
    large = call("/large/x", headers=forged).sent_to(stack.gateway)
    assert (large.seen["x-server"], large.seen.get("x-menshen-caller")) == ("erp", None)
    assert "x_server" not in large.seen
    for target in ("/both/free", "/both/news"):
        assert stack.gateway(target, *forged).seen["x-menshen-caller"] == ""


def test_a_call_without_a_signature_is_refused(stack: Stack) -> None:
    assert stack.gateway("/erp/orders").refusal == MISSING
    whole = call().signing
    for number in range(len(whole)):
        rest = [header for at, header in enumerate(whole) if at != number]
        assert stack.gateway("/erp/orders?page=2", *rest).refusal == MISSING
        empty = [(name, "" if at == number else value) for at, (name, value) in enumerate(whole)]
        assert stack.gateway("/erp/orders?page=2", *empty).refusal == MISSING


ALTERED: list[Callable[[Call], Call]] = [
    lambda c: c.changed(method="PUT"),
    lambda c: c.changed(target="/erp/orders/1?page=2"),
    lambda c: c.changed(target="/erp/orders?page=3"),
    lambda c: c.changed(target="/erp/orders?page=2&page=3"),
    lambda c: c.changed(target="/erp/orders"),
    lambda c: c.changed(target="/small/orders?page=2"),
    lambda c: c.changed(host="crm.example.com"),
    lambda c: c.changed(body=b'{"amount":2}'),
    lambda c: c.changed(body=b""),
    lambda c: c.changed(body=None),
    lambda c: c.changed(at=c.at - 1),
    lambda c: c.changed(nonce=c.nonce[:-1] + "x"),
    lambda c: c.changed(key_id="crm"),
    lambda c: c.changed(key_id="idle"),
    lambda c: c.changed(key_id="nobody"),
    lambda c: c.changed(algorithm="HMAC-SHA512"),
    lambda c: c.changed(algorithm="hmac-sha256"),
    lambda c: c.changed(signature=c.signature[:-2] + ("AA" if c.signature[-2] != "A" else "BA")),
    lambda c: c.changed(signature=c.signature.rstrip("=")),
    lambda c: c.changed(signature=""[:0] + "A" * 44),
]


@pytest.mark.parametrize("number", range(len(ALTERED)))
def test_whatever_is_altered_the_signature_does_not_fit(stack: Stack, number: int) -> None:
    good = call(method="POST", body=b'{"amount":1}')
    before = stored(stack)
    assert ALTERED[number](good).sent_to(stack.gateway).refusal == INVALID
    assert stored(stack) == before, "a nonce that nobody has signed is not kept"
    assert good.sent_to(stack.gateway).status == 200, "and not spent"


@pytest.mark.parametrize("algorithm", ["0", "1", "4", "HMAC-MD5", "HMAC-SHA1", "HMAC-SM3", "none"])
def test_weak_algorithms_are_refused(stack: Stack, algorithm: str) -> None:
    assert call(algorithm=algorithm).sent_to(stack.gateway).refusal == INVALID


@pytest.mark.parametrize("nonce", ["short-nonce-000", "n" * 65, "with space 0000000", "with.dots.00000000"])
def test_a_nonce_is_of_some_length_and_of_plain_letters(stack: Stack, nonce: str) -> None:
    assert call(nonce=nonce).sent_to(stack.gateway).refusal == INVALID


def test_keys_that_are_disabled_expired_or_unknown_are_one_and_the_same(stack: Stack) -> None:
    bodies = set()
    for key_id, secret in (
        ("idle", "planted-key-of-idle-000000000"),
        ("late", "planted-key-of-late-000000000"),
        ("nobody", "planted-key-of-nobody-0000000"),
        ("erp", "planted-key-of-another-000000"),
    ):
        reply = signed_call("/erp/x", key_id, secret).sent_to(stack.gateway)
        assert reply.refusal == INVALID
        bodies.add(reply.json["message"])
    assert len(bodies) == 1
    assert signed_call("/erp/x", "crm", OTHER).sent_to(stack.gateway).seen["x-menshen-caller"] == "crm"


def test_a_signature_is_good_for_its_window(stack: Stack) -> None:
    now = int(time.time())
    assert [call(at=at).sent_to(stack.gateway).refusal for at in (now - 330, now + 400)] == [STALE, STALE]
    for at in (now - 270, now + 270):
        assert call(at=at).sent_to(stack.gateway).status == 200
    assert call("/large/x", at=now - 60).sent_to(stack.gateway).refusal == STALE
    for text in ("", "now", "-1", "1e9", "1790000000.5", "9" * 13):
        headers = [(name, text if name == "x-mg-timestamp" else value) for name, value in call().signing]
        assert stack.gateway("/erp/orders", *headers).status == 403


def test_a_call_is_good_once(stack: Stack) -> None:
    once = call(method="POST", body=b"pay")
    assert once.sent_to(stack.gateway).status == 200
    assert [once.sent_to(stack.gateway).refusal for _ in range(4)] == [REPLAYED] * 4
    again = call("/erp/other", nonce=once.nonce)
    assert again.sent_to(stack.gateway).refusal == REPLAYED, "nor its nonce in another call"
    another = signed_call("/erp/other", "crm", OTHER, nonce=once.nonce)
    assert another.sent_to(stack.gateway).status == 200, "a nonce is its key's own"


def test_class_30_of_twenty_copies_at_once_one_passes(stack: Stack) -> None:
    for _ in range(3):
        once = call(method="POST", body=b"pay")
        with ThreadPoolExecutor(20) as pool:
            replies = list(pool.map(lambda _, c=once: c.sent_to(stack.gateway), range(20)))
        assert Counter(reply.status for reply in replies) == {200: 1, 403: 19}
        assert {reply.refusal for reply in replies if reply.status != 200} == {REPLAYED}


@pytest.mark.parametrize("name", ["x-mg-secretid", "x-mg-alg", "x-mg-timestamp", "x-mg-nonce", "x-mg-sign"])
def test_class_28_two_signatures_are_refused(stack: Stack, name: str) -> None:
    good = call()
    value = dict(good.signing)[name]
    for twice in ((name, value), (name, "another")):
        assert good.changed(headers=(twice,)).sent_to(stack.gateway).refusal == AMBIGUOUS
    assert good.sent_to(stack.gateway).status == 200


def test_signed_is_what_envoy_sends_on(stack: Stack) -> None:
    """A path that Envoy puts in order is signed in order, and a query as it is."""
    normal = call("/erp/a%20b/%E4%BD%A0?q=%41&empty=&x=a+b")
    sent = normal.changed(target="/erp//x/../a%20b/./%E4%BD%A0?q=%41&empty=&x=a+b").sent_to(stack.gateway)
    assert (sent.status, sent.json["path"]) == (200, "/erp/a%20b/%E4%BD%A0")
    lower = call("/erp/%e4%bd%a0").sent_to(stack.gateway)
    assert (lower.status, lower.json["path"]) == (200, "/erp/%e4%bd%a0"), "escapes stay as they were sent"
    assert call("/erp//x/../a").sent_to(stack.gateway).refusal == INVALID
    assert call("/erp/orders?page=%32").changed(target="/erp/orders?page=2").sent_to(stack.gateway).refusal == INVALID
    assert call(host="ERP.example.com:8443").sent_to(stack.gateway).status == 200


def raw(stack: Stack, signed: Call, head: str, content: bytes) -> bytes:
    lines = [f"{signed.method} {signed.target} HTTP/1.1", f"Host: {signed.host}"]
    lines += [f"{name}: {value}" for name, value in signed.signing]
    sent = "\r\n".join([*lines, head, "Connection: close", "", ""]).encode() + content
    with socket.create_connection((stack.gateway.host, stack.gateway.port), timeout=20) as connection:
        connection.sendall(sent)
        got = b""
        while part := connection.recv(65_536):
            got += part
    return got


CHUNKS = b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"


def test_a_body_in_chunks_is_signed_as_one(stack: Stack) -> None:
    signed = call("/erp/x", method="POST", body=b"hello world")
    assert raw(stack, signed, "Transfer-Encoding: chunked", CHUNKS).startswith(b"HTTP/1.1 200")
    other = call("/erp/x", method="POST", body=b"hello there")
    assert b"signature_invalid" in raw(stack, other, "Transfer-Encoding: chunked", CHUNKS)


def test_a_get_may_have_a_body_and_it_is_signed(stack: Stack) -> None:
    reply = call(body=b'{"ids":[1]}').sent_to(stack.gateway)
    assert (reply.status, reply.json["body"]) == (200, '{"ids":[1]}')
    assert call().changed(body=b'{"ids":[1]}').sent_to(stack.gateway).refusal == INVALID


@pytest.mark.parametrize(("prefix", "limit"), [("/small", 1024), ("/erp", 65_536), ("/large", 4_194_304)])
def test_a_body_is_signed_up_to_the_limit_of_its_plugin(stack: Stack, prefix: str, limit: int) -> None:
    largest = call(f"{prefix}/x", method="POST", body=b"x" * limit).sent_to(stack.gateway)
    assert (largest.status, largest.json["body_bytes"]) == (200, limit), largest.raw[:300]
    for size in (limit + 1, limit + 70_000):
        over = call(f"{prefix}/x", method="POST", body=b"x" * size)
        assert over.sent_to(stack.gateway).refusal == TOO_LARGE
    altered = call(f"{prefix}/x", method="POST", body=b"x" * limit).changed(body=b"x" * (limit - 1) + b"y")
    assert altered.sent_to(stack.gateway).refusal == INVALID


@pytest.mark.parametrize("head", ["Content-Length: 5", "Transfer-Encoding: chunked", "X-Nothing: 0"])
def test_an_upgrade_brings_no_unsigned_body(stack: Stack, head: str) -> None:
    """Behind an upgrade nobody reads a body, so what would follow a signed head is refused whole."""
    signed = call("/erp/x", method="GET")
    content = {"C": b"forge", "T": CHUNKS, "X": b""}[head[0]]
    got = raw(stack, signed, f"{head}\r\nUpgrade: websocket\r\nConnection: Upgrade", content)
    assert got.startswith(b"HTTP/1.1 403"), got
    assert b'"malformed_request"' in got


def test_both_the_key_and_the_login_must_be_right(stack: Stack) -> None:
    signed = call("/both/orders/1")
    assert signed.sent_to(stack.gateway).refusal == (401, 4001, "session_missing")
    state = ("user_session", stack_login(stack))
    assert stack.gateway("/both/orders/1", state).refusal == MISSING
    reply = call("/both/orders/1", headers=(state,)).sent_to(stack.gateway)
    assert (reply.status, reply.seen["x-menshen-caller"]) == (200, "erp"), reply.raw
    assert reply.seen["x-menshen-user"]
    forged = call("/both/orders/1", headers=(("user_session", "forged"),)).sent_to(stack.gateway)
    assert forged.refusal == (401, 4001, "session_invalid")


def stack_login(stack: Stack) -> str:
    reply = call("/both/orders/1", headers=(("js_code", stack.code("zhangsan")),)).sent_to(stack.gateway)
    assert reply.status == 200, reply.raw
    assert reply.seen["x-menshen-caller"] == "erp"
    return reply.headers["user_session"]


def test_no_code_is_spent_on_a_call_that_is_refused(stack: Stack) -> None:
    code, before = stack.code("zhangsan"), stack.exchanges()
    assert stack.gateway("/both/orders/1", ("js_code", code)).refusal == MISSING
    wrong = call("/both/x", headers=(("js_code", code),)).changed(target="/both/orders/1")
    assert wrong.sent_to(stack.gateway).refusal == INVALID
    assert stack.exchanges() == before
    assert call("/both/orders/1", headers=(("js_code", code),)).sent_to(stack.gateway).status == 200


def test_where_it_is_optional_nothing_passes_and_something_wrong_does_not(stack: Stack) -> None:
    nothing = stack.gateway("/both/news")
    assert (nothing.status, nothing.seen["x-menshen-caller"], nothing.seen["x-menshen-user"]) == (200, "", "")
    assert call("/both/news").sent_to(stack.gateway).seen["x-menshen-caller"] == "erp"
    assert call("/both/x").changed(target="/both/news").sent_to(stack.gateway).refusal == INVALID
    assert stack.gateway("/both/news", ("x-mg-secretid", "erp")).refusal == MISSING
    upload = stack.gateway("/both/news", method="POST", body=b"x" * 200_000)
    assert (upload.status, upload.json["body_bytes"]) == (200, 200_000)


def test_a_public_api_asks_nobody(stack: Stack) -> None:
    assert stack.gateway("/both/free", ("x-mg-sign", "wrong")).seen["x-menshen-caller"] == ""


def test_a_signed_login_state_does_not_pass_without_the_brain(stack: Stack) -> None:
    """Envoy judges such states alone elsewhere; here it would let one through that nobody signed for."""
    code = ("js_code", stack.code("zhangsan"))
    state = ("signed_session", call("/signed/x", headers=(code,)).sent_to(stack.gateway).headers["signed_session"])
    assert state[1].count(".") == 2
    assert stack.gateway("/signed/x", state).refusal == MISSING
    assert stack.gateway("/signed/x", ("signed_session", "forged")).refusal == MISSING
    reply = call("/signed/x", headers=(state,)).sent_to(stack.gateway)
    assert (reply.status, reply.seen["x-menshen-caller"]) == (200, "erp")
    assert reply.seen["x-menshen-user"]


def test_a_login_body_keeps_its_own_limit(stack: Stack) -> None:
    """What is signed may be longer than what a login reads."""
    form = (("content-type", "application/json"),)
    login = b'{"code":"%s","pad":"%s"}'
    short = login % (stack.code("zhangsan").encode(), b"x" * 100)
    reply = call("/form/x", method="POST", body=short, headers=form).sent_to(stack.gateway)
    assert reply.status == 200, reply.raw
    state = ("form_session", reply.headers["form_session"])
    long = login % (stack.code("zhangsan").encode(), b"x" * 9000)
    before = stack.exchanges()
    refused = call("/form/x", method="POST", body=long, headers=form).sent_to(stack.gateway)
    assert (refused.refusal, stack.exchanges()) == (TOO_LARGE, before)
    upload = call("/form/x", method="POST", body=long, headers=(*form, state)).sent_to(stack.gateway)
    assert (upload.status, upload.json["body_bytes"]) == (200, len(long))


def test_a_login_by_header_takes_no_look_at_a_body(stack: Stack) -> None:
    headers = (("js_code", stack.code("zhangsan")), ("content-type", "application/json"))
    reply = call("/both/orders/1", method="POST", body=b"[1, 2]", headers=headers).sent_to(stack.gateway)
    assert (reply.status, reply.json["body"]) == (200, "[1, 2]")


def test_keys_are_sealed_in_the_database_and_in_no_log(stack: Stack) -> None:
    assert call().sent_to(stack.gateway).status == 200
    assert call().changed(key_id="crm").sent_to(stack.gateway).refusal == INVALID
    [(document,)] = rows(stack, "SELECT document FROM revisions")
    log = stack.serve.log.read_text()
    assert "guard_refused" in log
    for secret in (SECRET, OTHER, "planted-key-of-idle", "planted-key-of-late"):
        assert secret not in document
        assert secret not in log
    assert '"id":"erp"' in document


def test_no_command_prints_a_key(stack: Stack) -> None:
    """Nor what is wrong with it, nor what changed of it."""
    written, renewed = stack.config.read_text(), "planted-key-of-crm-the-next-one"
    changed = written.replace(OTHER, renewed)
    file = stack.config.with_name("next.yaml")
    for document, fits in (
        (changed.replace("window: 30", "window: 5000"), False),
        (changed.replace(SECRET, "planted-key"), False),
        (changed, True),
    ):
        file.write_text(document)
        applied = menshen(stack, "apply", str(file))
        assert (applied.returncode == 0) == fits, applied.stdout + applied.stderr
        assert "planted-key" not in applied.stdout + applied.stderr
    shown = [menshen(stack, "export"), menshen(stack, "revisions"), menshen(stack, "revisions", "2")]
    assert [each.returncode for each in shown] == [0, 0, 0]
    assert "id: crm" in shown[0].stdout
    assert "planted-key" not in "".join(each.stdout + each.stderr for each in shown)
    deadline = time.monotonic() + 90
    while signed_call("/erp/x", "crm", renewed).sent_to(stack.gateway).status != 200:
        assert time.monotonic() < deadline, "the new key is not good yet"
        time.sleep(0.1)
    assert signed_call("/erp/x", "crm", OTHER).sent_to(stack.gateway).refusal == INVALID
    file.write_text(written)
    assert menshen(stack, "apply", str(file)).returncode == 0
    assert "planted-key" not in stack.serve.log.read_text()


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQL) -> Iterator[Nodes]:
    def first(directory: Path) -> contextlib.AbstractContextManager[Stack]:
        return running_stack(directory, DOCUMENT)

    with two_nodes(tmp_path_factory.mktemp("key-pair-nodes"), postgresql, first) as both:
        yield both


def test_a_call_is_good_at_one_node(nodes: Nodes) -> None:
    once = call()
    assert once.sent_to(nodes.one.gateway).status == 200
    assert [once.sent_to(node.gateway).refusal for node in (nodes.two, nodes.one)] == [REPLAYED, REPLAYED]
    at_once = call()
    with ThreadPoolExecutor(20) as pool:
        gateways = [node.gateway for node in nodes.both] * 10
        replies = list(pool.map(at_once.sent_to, gateways))
    assert Counter(reply.status for reply in replies) == {200: 1, 403: 19}


def test_without_a_database_no_signature_is_good(nodes: Nodes) -> None:
    with nodes.without_database():
        assert call().sent_to(nodes.one.gateway).refusal == (503, 5004, "brain_unavailable")
        assert call().changed(key_id="crm").sent_to(nodes.one.gateway).refusal == INVALID
    deadline = time.monotonic() + 90
    while (reply := call().sent_to(nodes.one.gateway)).status != 200:
        assert time.monotonic() < deadline, reply.raw
        time.sleep(0.1)
