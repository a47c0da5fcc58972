"""The error table, walked: every reason that can reach a client, provoked through a real Envoy and looked at whole."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import uuid4

import pytest

from menshen.errors import REFUSALS
from tests.edge.behaviours import expired
from tests.edge.conftest import Stack
from tests.edge.processes import REPOSITORY, Reply

Provoke = Callable[[Stack], Reply]


def _with_fault(fault: str, path: str = "/mall/login") -> Provoke:
    def provoke(stack: Stack) -> Reply:
        code = stack.code("zhangsan")
        with stack.faulty(fault=fault, times=1):
            return stack.gateway(path, ("js_code", code))

    return provoke


def _used_code(stack: Stack) -> Reply:
    code = stack.code("zhangsan")
    assert stack.gateway("/mall/login", ("js_code", code)).status == 200
    return stack.gateway("/mall/login", ("js_code", code))


def _expired(stack: Stack) -> Reply:
    return stack.gateway("/mall/orders/1", ("user_session", expired(stack)))


def _revoked(stack: Stack) -> Reply:
    state = ("user_session", stack.log_in("zhangsan"))
    assert stack.gateway("/v1/logout", state, method="POST").json == {"ended": 1}
    deadline = time.monotonic() + 60
    while (reply := stack.gateway("/mall/orders/1", state)).status == 200 and time.monotonic() < deadline:
        time.sleep(0.02)  # the other worker may not have heard yet
    return reply


def _reused(stack: Stack) -> Reply:
    login = stack.gateway("/fresh/login", ("js_code", stack.code("zhangsan")))
    token = {"refresh_token": login.headers["refresh_token"]}
    assert stack.gateway.post_json("/v1/token", token).status == 200
    return stack.gateway.post_json("/v1/token", token)


def _odd_logout(stack: Stack) -> Reply:
    return stack.gateway.post_json("/v1/logout", {"everybody": True}, ("user_session", stack.log_in("zhangsan")))


def _book(content_type: str, body: bytes) -> Provoke:
    return lambda stack: stack.gateway("/book/login", ("Content-Type", content_type), method="POST", body=body)


PROVOKED: dict[str, tuple[int, Provoke]] = {
    "ambiguous_credential": (400, lambda s: s.gateway("/mall/news", ("user_session", "a"), ("user_session", "b"))),
    "code_malformed": (400, lambda s: s.gateway("/mall/login", ("js_code", "a&b"))),
    "body_malformed": (400, _book("application/json", b"{")),
    "body_too_large": (413, _book("application/json", b"{" + b" " * 9000)),
    "client_sent_secret": (400, lambda s: s.gateway("/mall/login", ("js_code", "a"), ("secret", "x"))),
    "malformed_request": (400, lambda s: s.gateway("/mall/orders/a%2fb")),
    "session_missing": (401, lambda s: s.gateway("/mall/orders/1")),
    "session_invalid": (401, lambda s: s.gateway("/mall/orders/1", ("user_session", "forged"))),
    "session_expired": (401, _expired),
    "session_revoked": (401, _revoked),
    "refresh_reused": (401, _reused),
    "call_malformed": (400, _odd_logout),
    "refresh_invalid": (401, lambda s: s.gateway.post_json("/v1/token", {"refresh_token": "forged"})),
    "user_blocked": (403, _with_fault("40226")),
    "no_such_route": (404, lambda s: s.gateway("/nowhere")),
    "method_not_allowed": (405, lambda s: s.gateway("/mall/orders/1", method="DELETE")),
    "platform_refused_credentials": (502, lambda s: s.gateway("/wrong/login", ("js_code", s.code("zhangsan")))),
    "platform_says_busy": (503, _with_fault("-1")),
    "platform_unreachable": (503, lambda s: s.gateway("/dead/login", ("js_code", "abc"))),
    "platform_timeout": (503, _with_fault("timeout")),
    "platform_reply_invalid": (502, _with_fault("truncated")),
    "code_invalid": (401, lambda s: s.gateway("/mall/login", ("js_code", f"unknown-{uuid4().hex}"))),
    "code_used": (401, _used_code),
    "platform_limit": (429, _with_fault("45011")),
    "upstream_unavailable": (503, lambda s: s.gateway("/gone/x")),
    "upstream_timeout": (504, lambda s: s.gateway("/mall/static/slow?sleep=12")),
}

ELSEWHERE = {
    "tests/envoy/test_edge_tokens.py": {"token_expired", "token_invalid"},
    "tests/envoy/test_edge_cors.py": {"origin_refused"},
    "tests/envoy/test_edge_rewrites.py": {"path_blocked"},
    "tests/envoy/test_edge_limits.py": {"rate_limit", "concurrency_limit"},
    "tests/envoy/test_edge_ip_access.py": {"address_refused"},
    "tests/edge/test_key_pair.py": {
        "signature_invalid",
        "signature_missing",
        "signature_replayed",
        "signature_stale",
    },
    "tests/edge/test_wechat_component.py": {"component_not_authorized", "component_ticket_missing"},
    "tests/edge/test_oauth_plugin.py": {"checker_unavailable", "token_missing", "token_refused"},
    "tests/edge/test_custom_plugins.py": {"plugin_failed", "plugin_refused"},
    "tests/edge/test_faults.py": {"route_stale", "brain_unavailable"},
    "tests/envoy/test_edge_variants.py": {"overloaded"},
    "tests/web/test_authorization.py": {"internal_fault"},
    "tests/edge/test_guessing.py": {"login_limit", "account_locked"},
    "tests/edge/test_user_api_login.py": {
        "account_refused",
        "account_taken",
        "open_data_invalid",
        "password_weak",
        "phone_taken",
        "sms_code_invalid",
        "sms_limit",
    },
    "tests/edge/test_user_api_me.py": {
        "already_bound",
        "avatar_invalid",
        "avatar_too_large",
        "identity_conflict",
        "last_way_in",
        "not_bound",
        "not_offered",
        "phone_code_invalid",
        "session_key_stale",
        "user_banned",
    },
    "tests/edge/test_user_api_team.py": {
        "captcha_required",
        "captcha_unavailable",
        "hook_failed",
        "login_refused",
        "registration_closed",
        "sms_unavailable",
        "verifier_unavailable",
    },
}
"""File -> reasons that it provokes, each where the installation is one that can give it."""


def test_every_reason_is_walked() -> None:
    assert set(PROVOKED).union(*ELSEWHERE.values()) == set(REFUSALS)


@pytest.mark.parametrize("file", ELSEWHERE)
def test_reasons_are_walked_where_it_is_said(file: str) -> None:
    text = (REPOSITORY / file).read_text()
    names = {reason: REFUSALS[reason].__name__ for reason in ELSEWHERE[file]}
    assert [reason for reason, name in names.items() if f'"{reason}"' not in text and name not in text] == []


@pytest.mark.parametrize("reason", PROVOKED)
def test_a_reason(reason: str, stack: Stack) -> None:
    status, provoke = PROVOKED[reason]
    reply = provoke(stack)
    refusal = REFUSALS[reason]
    assert reply.refusal == (status, refusal.code, reason)
    assert status == refusal.status
    assert reply.json["message"] == refusal.text()
    assert reply.json["action"] == refusal.action
    assert (status == 401) == (refusal.action == "login")
    if reason != "malformed_request":  # refused before there is a request to number
        assert len(reply.json["request_id"]) == 36


@pytest.mark.parametrize(
    ("fault", "code"), [("-1", 4021), ("45011", 4023), ("truncated", 4021)], ids=["busy", "limit", "garbage"]
)
def test_tsf_style_answers_401_for_a_drop_in(fault: str, code: int, stack: Stack) -> None:
    reply = _with_fault(fault, "/tsf/login")(stack)
    assert reply.refusal[:2] == (401, code)


def test_tsf_style_leaves_the_rest_as_it_is(stack: Stack) -> None:
    assert stack.gateway("/tsf/x").refusal[:2] == (401, 4001)
    assert stack.gateway("/tsf/login", ("js_code", "a&b")).refusal[:2] == (400, 4000)


def test_a_backends_own_errors_pass_as_they_are(stack: Stack) -> None:
    state = stack.log_in("zhangsan")
    for status in (400, 401, 404, 500, 503):
        reply = stack.gateway(f"/mall/orders/1?status={status}", ("user_session", state))
        assert (reply.status, reply.raw) == (status, b'{"from":"backend"}')
        assert "x-menshen-code" not in reply.headers
