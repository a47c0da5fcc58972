"""The gateway's own JSON: values in the places that a template gives them."""

from __future__ import annotations

import pytest

from menshen.config.templates import OF_USER, REPLY_PLACEHOLDERS, tells_user
from menshen.gateway.reply import render_reply
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
