"""Which app is meant, where the token is, and what a refusal looks like to Authing's client."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from menshen.config.presets import presets
from menshen.config.snapshot import App, LoginPlugin
from menshen.errors import (
    AmbiguousCredential,
    CallMalformed,
    CodeUsed,
    LoginLimit,
    LoginRefused,
    SessionMissing,
    refusals,
)
from menshen.gateway.issue import Caller
from menshen.gateway.request import AuthRequest
from menshen.secret import Secret
from menshen.web.user_api.authing.wire import AUTHING, GRAPHQL, NUMBERS, bearer_state, plugin_of
from menshen.web.user_api.call import Call
from tests.gateway.samples import NOW, OTHER, SHOP, plugin, session
from tests.web.user_api.asking import SNAPSHOT

BEARING = replace(session("header"), name="Authorization", prefix="Bearer ")
CHAT = App("chat", "qq", "1100000001", Secret("planted-app-secret-of-chat"))
PLUGINS = (
    plugin(),
    plugin(name="bearing", session=BEARING),
    plugin(name="cookie", session=session("cookie", "cookie")),
    plugin(name="other-login", app=OTHER),
    plugin(name="chat-login", app=CHAT),
)


def asking(**headers: str) -> AuthRequest:
    return AuthRequest("POST x", {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()})


def call(plugins: tuple[LoginPlugin, ...], **headers: str) -> Call:
    states: Any = None
    return Call(asking(**headers), "", SNAPSHOT, plugins, states, Caller("192.0.2.1", "", "r1"), NOW, None)


def state(**headers: str) -> bytes:
    return bearer_state(asking(**headers), PLUGINS)[1]


# The app


@pytest.mark.parametrize("name", ["x_authing_app_id", "x_authing_userpool_id"])
def test_an_app_is_named_by_name_or_appid_in_either_header(name: str) -> None:
    assert plugin_of(call(PLUGINS, **{name: OTHER.name})).app is OTHER
    assert plugin_of(call(PLUGINS, **{name: OTHER.appid})).app is OTHER


def test_the_plugin_is_the_one_that_reads_what_this_client_sends() -> None:
    assert plugin_of(call(PLUGINS, x_authing_app_id="shop")).name == "bearing"
    assert plugin_of(call((PLUGINS[2], PLUGINS[0]), x_authing_app_id="shop")).name == "cookie"


@pytest.mark.parametrize("appid", ["", "undefined", "60f0c3b1", "shop,other", CHAT.appid])
def test_the_only_wechat_app_needs_no_name(appid: str) -> None:
    assert plugin_of(call((PLUGINS[0], PLUGINS[4]), x_authing_app_id=appid)).app is SHOP


@pytest.mark.parametrize(
    ("plugins", "headers"),
    [
        (PLUGINS, {}),
        (PLUGINS, {"x_authing_app_id": "60f0c3b1"}),
        (PLUGINS, {"x_authing_app_id": "shop,other"}),
        (PLUGINS, {"x_authing_app_id": "shop", "x_authing_userpool_id": OTHER.appid}),
        (PLUGINS, {"x_authing_app_id": "chat"}),
        (PLUGINS[4:], {}),
        ((), {"x_authing_app_id": "shop"}),
    ],
)
def test_it_must_be_clear_which_app_is_meant(plugins: tuple[LoginPlugin, ...], headers: dict[str, str]) -> None:
    with pytest.raises(CallMalformed):
        plugin_of(call(plugins, **headers))


# The token


@pytest.mark.parametrize("sent", ["Bearer a.b", "bearer a.b", "BEARER  a.b ", "a.b"])
def test_the_token_is_what_authorization_bears(sent: str) -> None:
    assert state(authorization=sent) == b"a.b"


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": ""}, {"authorization": "Bearer "}, {"authorization": "Bearer"}]
)
def test_no_token_is_none(headers: dict[str, str]) -> None:
    with pytest.raises(SessionMissing):
        state(**headers)


@pytest.mark.parametrize("elsewhere", [{"user_session": "a.b"}, {"cookie": "user_session=a.b"}])
def test_a_login_state_elsewhere_is_no_token(elsewhere: dict[str, str]) -> None:
    with pytest.raises(SessionMissing):
        state(**elsewhere)


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer a.b,Bearer c.d"},
        {"authorization": "Bearer a.b", "cookie": "user_session=c.d"},
    ],
)
def test_two_tokens_are_ambiguous(headers: dict[str, str]) -> None:
    with pytest.raises(AmbiguousCredential):
        state(**headers)


def test_the_same_token_at_two_places_is_one() -> None:
    assert state(authorization="Bearer a.b", cookie="user_session=a.b") == b"a.b"


def test_a_token_in_the_body_counts_with_the_others() -> None:
    assert bearer_state(asking(), PLUGINS, b"a.b")[1] == b"a.b"
    assert bearer_state(asking(authorization="Bearer a.b"), PLUGINS, b"a.b")[1] == b"a.b"
    with pytest.raises(AmbiguousCredential):
        bearer_state(asking(authorization="Bearer a.b"), PLUGINS, b"c.d")


def test_a_token_is_of_the_app_that_is_named() -> None:
    readers, _ = bearer_state(asking(authorization="Bearer a.b", x_authing_app_id="other"), PLUGINS)
    assert [reader.name for reader in readers] == ["other-login"]
    readers, _ = bearer_state(asking(authorization="Bearer a.b"), PLUGINS)
    assert {reader.app.name for reader in readers} == {"shop", "other"}


# Refusals


@pytest.mark.parametrize("refusal", list(refusals()), ids=lambda refusal: refusal.reason)
def test_every_refusal_is_told_in_authings_envelope(refusal: Any) -> None:
    answer = AUTHING.refused(refusal(), "r1")
    assert answer.status == refusal.status
    assert dict(answer.headers)[b"x-menshen-code"] == b"%d" % refusal.code
    assert answer.reason == refusal.reason
    body = json.loads(answer.body)
    assert set(body) == {"code", "message", "data"}
    assert body["code"] == NUMBERS.get(refusal.reason, refusal.code) != 200
    assert body["message"] == refusal.text()
    ours = {"code": refusal.code, "reason": refusal.reason, "action": refusal.action, "request_id": "r1"}
    assert body["data"] == ours
    errors = json.loads(GRAPHQL.refused(refusal(), "r1").body)
    assert errors == {"data": None, "errors": [{"message": body}]}


def test_numbers_are_of_reasons_that_there_are() -> None:
    assert set(NUMBERS) <= {refusal.reason for refusal in refusals()}


def test_a_route_for_this_client_refuses_with_the_same_numbers_in_the_same_envelope() -> None:
    """What the preset writes, an operator could; what this wire says, it says by itself. A page reads both."""
    templates = dict(presets()["authing"]["refusals"])
    usual = templates.pop("any")
    assert {reason: template["code"] for reason, template in templates.items()} == NUMBERS
    said = json.loads(AUTHING.refused(CodeUsed(), "r1").body)
    for template in (usual, *templates.values()):
        assert set(template["data"]) == set(said["data"])
        assert set(template) == set(said)


def test_what_a_refusal_keeps_for_the_log_is_not_told() -> None:
    answer = AUTHING.refused(CodeUsed("planted-detail"), "r1")
    assert b"planted" not in answer.body
    assert json.loads(AUTHING.refused(LoginRefused("only for members"), "r1").body)["message"] == "only for members"


def test_when_to_come_back_is_told() -> None:
    assert dict(AUTHING.refused(LoginLimit("x", retry_after=7), "r1").headers)[b"retry-after"] == b"7"
