"""The gateway's own JSON: values in the places that a template gives them."""

from __future__ import annotations

from typing import Any

import pytest

from menshen.config.templates import OF_USER, REPLY_PLACEHOLDERS, tells_user
from menshen.errors import SessionExpired
from menshen.gateway.answer import answer_refusal
from menshen.gateway.reply import render_refusal, render_reply
from menshen.gateway.returning import Handed
from menshen.gateway.shown_user import ShownUser
from menshen.sessions.claims import SessionClaims
from tests.gateway.samples import plugin

USER = ShownUser("小王", 1, "zh_CN", "深圳", "广东", "中国", "/v1/avatars/a.png", "zhang", "138****0000", 1, 2)
CLAIMS = SessionClaims("u1", "s1", "wechat", "wx1", "o1", "", 1, 121)


@pytest.mark.parametrize(
    ("reply", "tells"),
    [
        (None, False),
        ({"a": "$session", "b": "$$nickname"}, False),
        ({"a": [{"b": "hello $nickname"}]}, True),
        ({"a": "$phone"}, True),
    ],
)
def test_the_user_is_read_only_where_a_template_says_something_of_him(reply: dict[str, object], tells: bool) -> None:
    assert tells_user(reply) is tells


def test_the_users_values_keep_their_types() -> None:
    template = {name: f"${name}" for name in sorted(OF_USER)} | {"greeting": "你好，$nickname"}
    told = render_reply(plugin(reply=template), CLAIMS, Handed("st", 60), new_user=False, user=USER)
    assert told.pop("greeting") == "你好，小王"
    assert told == {name: getattr(USER, name) for name in OF_USER}


def test_every_placeholder_that_a_document_may_have_is_filled() -> None:
    template = {name: f"${name}" for name in REPLY_PLACEHOLDERS}
    told = render_reply(plugin(reply=template), CLAIMS, Handed("st", 60), new_user=False, user=USER)
    assert not [name for name, value in told.items() if value == f"${name}"]


OURS = {"code": 4021, "reason": "platform_busy", "message": "Busy.", "action": "retry", "request_id": "r1"}


@pytest.mark.parametrize(
    ("refusals", "made"),
    [
        (None, OURS),
        ({"login": {"code": -1}}, OURS),
        ({"retry": {"code": "$code", "text": "$reason: $message", "n": [None, "$$"]}, "any": {}}, None),
        ({"any": {"action": "$action", "id": "$request_id"}, "login": {}}, {"action": "retry", "id": "r1"}),
        ({"platform_busy": {"code": 1}, "retry": {"code": 2}}, {"code": 1}),
        ({"retry": {}}, {}),
    ],
)
def test_a_refusal_has_the_shape_of_its_reason_its_action_or_any(refusals: Any, made: Any) -> None:
    if made is None:
        made = {"code": 4021, "text": "platform_busy: Busy.", "n": [None, "$"]}
    assert render_refusal(plugin(refusals=refusals), OURS) == made


def test_without_a_login_plugin_a_refusal_is_ours() -> None:
    assert render_refusal(None, OURS) == OURS


def test_status_and_code_of_a_refusal_stay() -> None:
    answer = answer_refusal(SessionExpired(), "r1", plugin(refusals={"any": {"code": -1}}))
    assert (answer.status, answer.body, answer.reason) == (401, b'{"code":-1}', "session_expired")
    assert (b"x-menshen-code", b"4024") in answer.headers
