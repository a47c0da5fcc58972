"""One trace through the whole gateway: Envoy, the brain, the platform's call; and from an order number back to it."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.collector import Collector, SpanSeen, collecting
from tests.edge.conftest import Stack, running_stack
from tests.edge.processes import REPOSITORY, Reply

PHONE = "13800000042"
USER = "canary-traced"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

DOCUMENT = """\
version: 1
apps: [{{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{emulator}/wechat"}}]
upstreams:
  - {{name: orders, endpoints: ["{backend}"], timeout: 10}}
groups:
  - name: mall
    prefix: /mall
    upstream: orders
    apis:
      - {{name: login, path: /login}}
      - {{name: order, path: "/orders/{{id}}"}}
plugins:
  - {{name: shop-login, type: WeChatMpLogin, app: shop}}
  - name: order-tags
    type: Tag
    tags:
      - {{in: path, name: "/orders/{{id}}", tag: order, trace_id: true}}
      - {{in: query, name: city}}
bindings:
  - {{plugin: shop-login, group: mall}}
  - {{plugin: order-tags, api: mall/order}}
"""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as server:
        yield server


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Stack]:
    document = f"{DOCUMENT}tracing: {{{{otlp: {collector.origin}, service: edge}}}}\n"
    with running_stack(tmp_path_factory.mktemp("tracing"), document) as running:
        yield running


def chain(spans: dict[str, SpanSeen], *names: str) -> list[SpanSeen]:
    """These spans, once it is certain that each is within the one before."""
    found = [spans[name] for name in names]
    for outer, inner in itertools.pairwise(found):
        assert inner.parent == outer.id, (outer, inner)
    return found


def find(stack: Stack, value: str, enough: int = 1) -> list[list[str]]:
    """What ``menshen trace find`` says, in words, once there are enough lines."""
    arguments = ["-m", "menshen", "trace", "find", value, "--data-dir", str(stack.data_dir)]
    deadline = time.monotonic() + 90
    while True:
        run = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=REPOSITORY, check=True)
        lines = [line.split() for line in run.stdout.splitlines()]
        if len(lines) >= enough:
            return lines
        assert time.monotonic() < deadline, (lines, stack.serve.log.read_text())
        time.sleep(0.2)


def traces(stack: Stack, value: str) -> Any:
    token = (stack.data_dir / "admin.token").read_text().strip()
    return stack.admin(f"/v1/traces?value={value}", ("Authorization", f"Bearer {token}")).json


def test_a_login_is_one_trace_from_envoy_to_the_platform(stack: Stack, collector: Collector) -> None:
    answer = stack.gateway("/mall/login", ("js_code", stack.code(USER)), ("traceparent", f"00-{TRACE}-{SPAN}-01"))
    assert answer.status == 200
    assert answer.headers["x-menshen-trace-id"] == TRACE
    names = ("mall/login", "decide", "login", "code2session wechat")
    spans = collector.of_trace(TRACE, *names)
    envoy, decide, login, platform = spans[names[0]], *chain(spans, *names[1:])
    asked = {span.id: span for span in spans.values()}[decide.parent]
    assert asked is envoy or asked.parent == envoy.id
    assert envoy.parent == SPAN
    assert {(span.service, span.trace) for span in (decide, login, platform)} == {("edge-brain", TRACE)}
    assert (envoy.service, envoy.attributes["http.route"]) == ("edge", "mall/login")
    assert decide.attributes == {"menshen.route": "mall/login", "menshen.outcome": "pass"}
    told = {"menshen.app": "shop", "menshen.platform": "wechat"}
    assert login.attributes == {**told, "menshen.how": "code", "menshen.new_user": True}
    assert platform.attributes == told
    assert not any(span.error for span in spans.values())


def test_a_b3_trace_with_an_order_number_is_found_by_it(stack: Stack, collector: Collector) -> None:
    state = stack.log_in(USER)
    trace = "b3" * 16
    b3 = (("X-B3-TraceId", trace), ("X-B3-SpanId", SPAN), ("X-B3-Sampled", "0"))
    answer = stack.gateway("/mall/orders/O%E5%8D%95-1?city=x%20y", ("user_session", state), *b3)
    assert answer.status == 200
    assert answer.headers["x-menshen-trace-id"] == trace
    assert answer.headers["x-menshen-trace-value"] == "O%E5%8D%95-1"
    spans = collector.of_trace(trace, "mall/order", "decide")
    envoy = spans["mall/order"]
    assert envoy.attributes["menshen.trace_value"] == "O%E5%8D%95-1"
    assert envoy.attributes["menshen.tag.order"] == "O%E5%8D%95-1"
    assert envoy.attributes["menshen.tag.city"] == "x%20y"
    seen = answer.seen
    assert seen["traceparent"].split("-")[1] == trace
    assert "menshen.order=O%E5%8D%95-1" in seen["baggage"]

    (line,) = find(stack, "O单-1")
    assert [line[0], *line[2:5]] == [trace, "mall/order", "200", seen["x-request-id"]]
    (row,) = traces(stack, "O%E5%8D%95-1")["traces"]
    assert (row["trace_id"], row["route"], row["status"], row["value"]) == (trace, "mall/order", 200, "O单-1")
    assert traces(stack, "O%E5%8D%95-2") == {"traces": [], "below": None}


def test_every_request_of_an_order_is_found_newest_first(stack: Stack) -> None:
    state = stack.log_in(USER)
    made = [stack.gateway("/mall/orders/many", ("user_session", state)) for _ in range(3)]
    ids = [answer.headers["x-menshen-trace-id"] for answer in made]
    assert len(set(ids)) == 3
    assert [line[0] for line in find(stack, "many", 3)] == ids[::-1]


def test_what_is_refused_has_a_trace_that_says_why(stack: Stack, collector: Collector) -> None:
    with stack.faulty(fault="-1", times=1):
        answer = stack.gateway("/mall/login", ("js_code", stack.code(USER)))
    assert answer.status >= 400
    spans = collector.of_trace(answer.headers["x-menshen-trace-id"], "mall/login", "code2session wechat")
    reason = answer.json["reason"]
    assert spans["decide"].attributes["menshen.outcome"] == "refuse"
    assert spans["decide"].attributes["menshen.reason"] == reason
    assert spans["login"].attributes["menshen.reason"] == reason
    assert spans["code2session wechat"].attributes["menshen.platform_errcode"] == -1
    assert spans["code2session wechat"].error


def test_a_call_of_the_user_api_is_in_the_trace_as_well(stack: Stack, collector: Collector) -> None:
    body = {"app": "shop", "code": stack.code(USER)}
    answer = stack.gateway.post_json("/v1/login", body)
    assert answer.status == 200, answer.raw
    spans = collector.of_trace(answer.headers["x-menshen-trace-id"], "~login", "POST login", "login")
    chain(spans, "~login", "POST login", "login", "code2session wechat")
    assert spans["POST login"].attributes == {"menshen.outcome": "answer"}


def test_no_secret_of_anybody_is_in_a_span_a_log_or_a_link(stack: Stack, collector: Collector) -> None:
    code = stack.code("canary-nobody")
    canaries = ["canary-query", "canary-agent", "canary-cookie", "canary-state", "canary-user", "canary-code", code]
    login = stack.gateway("/mall/login?token=canary-query", ("js_code", code), ("User-Agent", "canary-agent"))
    state = login.headers["user_session"]
    canaries.append(state)
    headers = (("user_session", state), ("Cookie", "a=canary-cookie"), ("Authorization", "Bearer canary-state"))
    order = stack.gateway(f"/mall/orders/c1?code=canary-code&phone={PHONE}", *headers, ("User-Agent", "canary-agent"))
    refused = stack.gateway("/mall/orders/c2?x=canary-query", ("user_session", "canary-state"))
    nowhere = stack.gateway(f"/canary-query/{state}?{state}")
    openid, uid = order.seen["x-menshen-openid"], order.seen["x-menshen-user"]
    for reply, name in ((login, "mall/login"), (order, "mall/order"), (refused, "mall/order")):
        collector.of_trace(reply.headers["x-menshen-trace-id"], name, "decide")
    collector.wait(lambda spans: any(s.trace == nowhere.headers["x-menshen-trace-id"] for s in spans))
    find(stack, "c1")
    sent = b"\n".join(collector.raw)
    log = stack.serve.log.read_bytes()
    for canary in [*canaries, PHONE, openid, uid, "planted-appsecret", "127.0.0.1:0"]:
        assert canary.encode() not in sent, canary
    for canary in canaries:
        assert canary.encode() not in log, canary
    dump = b"".join(path.read_bytes() for path in stack.data_dir.glob("*.db*"))
    # Who logs in with what is in the login log and in the list of sessions, for those who may see them.
    assert [canary for canary in canaries if canary.encode() in dump] == ["canary-agent"]
    assert b"canary" not in b"".join(p.read_bytes() for p in (stack.data_dir / "envoy").rglob("*.json"))


def envoy_pid(stack: Stack) -> int:
    found = subprocess.run(["pgrep", "-P", str(stack.serve.pid), "-f", "envoy"], capture_output=True, text=True)
    (pid,) = found.stdout.split()
    return int(pid)


def asked_until_answered(stack: Stack, state: str, value: str) -> Reply:
    deadline = time.monotonic() + 90
    while True:
        try:
            answer = stack.gateway(f"/mall/orders/{value}", ("user_session", state), timeout=20)
            if answer.status == 200:
                return answer
        except OSError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_links_go_on_when_envoy_was_started_again(stack: Stack) -> None:
    state = stack.log_in(USER)
    before = stack.gateway("/mall/orders/before", ("user_session", state)).headers["x-menshen-trace-id"]
    assert find(stack, "before")[0][0] == before
    os.kill(envoy_pid(stack), signal.SIGKILL)
    after = asked_until_answered(stack, state, "after").headers["x-menshen-trace-id"]
    assert find(stack, "after")[0][0] == after


def test_without_a_collector_there_are_links_and_no_spans(tmp_path: Path) -> None:
    """And with one that is dead, requests are answered and one line says so."""
    with running_stack(tmp_path, DOCUMENT) as running:
        state = running.log_in(USER)
        answer = running.gateway(
            "/mall/orders/alone", ("user_session", state), ("traceparent", f"00-{TRACE}-{SPAN}-01")
        )
        assert answer.headers["x-menshen-trace-id"] == TRACE
        assert answer.seen["traceparent"].endswith("-00")
        assert find(running, "alone")[0][0] == TRACE

        running.config.write_text(f"{running.config.read_text()}tracing: {{otlp: http://127.0.0.1:9}}\n")
        deadline = time.monotonic() + 90
        while "spans_not_sent" not in running.serve.log.read_text():
            assert running.gateway("/mall/login", ("js_code", running.code(USER))).status == 200
            assert time.monotonic() < deadline
            time.sleep(0.3)
        time.sleep(3)
        said = [json.loads(line) for line in running.serve.log.read_text().splitlines() if line.startswith("{")]
        assert sum(line["event"] == "spans_not_sent" for line in said) == 1
        assert running.gateway("/mall/orders/late", ("user_session", state)).status == 200
