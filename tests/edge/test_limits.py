"""Limits through the whole gateway: users as the platform, the user pool and each kind of login state make them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.edge.conftest import Stack, running_stack

BURST = 6
"""At once; the bucket then gets one a second."""

KINDS = ("sealed", "reference", "signed")
REFUSED = (429, 4025, "rate_limit")

DOCUMENT = """\
version: 1
apps:
  - {{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{emulator}/wechat"}}
  - {{name: other, platform: wechat, appid: {other_appid}, secret: "${{OTHER_SECRET}}", base_url: "{emulator}/wechat"}}
  - {{name: chat, platform: qq, appid: "{qq_appid}", secret: "{qq_secret}", base_url: "{emulator}/qq"}}
upstreams:
  - {{name: orders, endpoints: ["{backend}"], timeout: 10}}
groups:
  - name: mall
    hosts: ["*"]
    prefix: /mall
    upstream: orders
    apis:
      - {{name: sealed, path: /sealed}}
      - {{name: reference, path: /reference}}
      - {{name: signed, path: /signed}}
      - {{name: open, path: /open, access: optional}}
      - {{name: public, path: /public, access: public}}
  - name: city
    hosts: ["*"]
    prefix: /city
    upstream: orders
    apis: [{{name: all, path: /*}}]
plugins:
  - {{name: sealed-login, type: WeChatMpLogin, app: shop, session: {{kind: sealed}}}}
  - {{name: reference-login, type: WeChatMpLogin, app: shop, session: {{kind: reference}}}}
  - {{name: signed-login, type: WeChatMpLogin, app: shop, session: {{kind: signed}}}}
  - {{name: per-user, type: RateLimit, limits: [{{by: user, requests: 1, burst: 6}}]}}
  - {{name: per-app, type: RateLimit, limits: [{{by: tag, tag: app, requests: 1, burst: 6}}]}}
  - {{name: tagged-login, type: WeChatMpLogin, app: shop, tags: {{identity: [app]}}}}
  - {{name: page, type: RateLimit, limits: [{{by: api, requests: 1, burst: 6}}]}}
bindings:
  - {{plugin: sealed-login, group: mall}}
  - {{plugin: reference-login, api: mall/reference}}
  - {{plugin: signed-login, api: mall/signed}}
  - {{plugin: per-user, group: mall}}
  - {{plugin: tagged-login, group: city}}
  - {{plugin: per-app, group: city}}
  - {{plugin: page, api: mall/public}}
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("limits"), DOCUMENT, "--workers", "2") as running:
        yield running


def statuses(stack: Stack, path: str, *headers: tuple[str, str], times: int = BURST + 2) -> Counter[int]:
    got = [stack.gateway(path, *headers) for _ in range(times)]
    assert {reply.refusal for reply in got if reply.status != 200} <= {REFUSED}
    return Counter(reply.status for reply in got)


def empty(stack: Stack, path: str, *headers: tuple[str, str]) -> float:
    """Use a bucket up; returns when."""
    for _ in range(100):
        now = time.monotonic()
        if stack.gateway(path, *headers).status == 429:
            return now
    raise AssertionError("this bucket has no bottom")


def left(since: float) -> int:
    """What a bucket can have got that was empty ``since`` then, with what was left of a token."""
    return int(time.monotonic() - since) + 1


@pytest.mark.parametrize("first", KINDS)
def test_a_user_is_counted_over_all_his_sessions_of_every_kind(stack: Stack, first: str) -> None:
    user, other = f"counted-{first}", f"quiet-{first}"
    states = {kind: ("user_session", stack.log_in(user, f"/mall/{kind}")) for kind in KINDS}
    again = ("user_session", stack.log_in(user, f"/mall/{first}"))
    since = empty(stack, f"/mall/{first}", states[first])
    for path, state in [(f"/mall/{kind}", states[kind]) for kind in KINDS] + [(f"/mall/{first}", again)]:
        assert statuses(stack, path, state)[200] <= left(since)
    theirs = ("user_session", stack.log_in(other, f"/mall/{first}"))
    began = time.monotonic()
    # His login was a request, too.
    assert BURST - 1 <= statuses(stack, f"/mall/{first}", theirs)[200] <= BURST - 1 + left(began)


def test_a_refusal_is_the_gateways_and_the_state_goes_on_being_good(stack: Stack) -> None:
    state = ("user_session", stack.log_in("patient", "/mall/sealed"))
    empty(stack, "/mall/sealed", state)
    reply = stack.gateway("/mall/sealed", state)
    deadline = time.monotonic() + 90
    while reply.status == 429 and time.monotonic() < deadline:
        assert reply.headers["retry-after"] == "1"
        assert reply.json["action"] == "retry"
        time.sleep(1)
        reply = stack.gateway("/mall/sealed", state)
    assert reply.status == 200
    assert "x-menshen-uid" not in reply.seen


def test_anonymous_callers_have_no_bucket_of_a_user(stack: Stack) -> None:
    assert statuses(stack, "/mall/open", times=3 * BURST) == {200: 3 * BURST}
    empty(stack, "/mall/open", ("user_session", stack.log_in("opener", "/mall/sealed")))
    assert statuses(stack, "/mall/open", ("x-menshen-uid", "opener"), times=3 * BURST) == {200: 3 * BURST}


def test_an_identity_tag_is_counted_whoever_calls(stack: Stack) -> None:
    states = [("user_session", stack.log_in(user, "/city/login")) for user in ("tagged-a", "tagged-b")]
    since = empty(stack, "/city/x", states[0])
    assert statuses(stack, "/city/x", states[1])[200] <= left(since)


def test_a_public_api_has_its_limit(stack: Stack) -> None:
    began = time.monotonic()
    assert BURST <= statuses(stack, "/mall/public")[200] <= BURST + int(time.monotonic() - began)
