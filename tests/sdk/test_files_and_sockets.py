"""Uploads and WebSockets with the login state."""

from __future__ import annotations

import json
from pathlib import Path

from tests.edge.conftest import Stack
from tests.sdk.gateway import Phone


def test_a_file_reaches_the_backend_with_its_form(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "note.txt"
    file.write_text("内容")
    phone = Phone(stack, "uploading")
    answer = phone.runs("uploading", phone.expired(), url="/mall/files", file=str(file))["answer"]
    assert answer["statusCode"] == 200
    seen = json.loads(answer["data"])
    assert 'name="picture"; filename="note.txt"' in seen["body"]
    assert "附言" in seen["body"]
    assert dict(seen["headers"])["x-menshen-openid"]


def test_a_socket_is_opened_with_a_state_that_is_good(stack: Stack) -> None:
    phone = Phone(stack, "talking")
    planted = phone.expired()
    exchanges = stack.exchanges()
    hello, echoed = phone.runs("socket", planted, url="/mall/chat")["heard"]
    seen = dict(json.loads(hello))
    assert seen["x-menshen-openid"].startswith("o")
    assert "user_session" not in seen
    assert echoed == "你好"
    assert stack.exchanges() == exchanges + 1


def test_where_no_login_is_to_be_had_no_socket_is_opened(stack: Stack) -> None:
    phone = Phone(stack, "silent")
    planted = phone.expired()
    with stack.faulty(fault="-1", rate=1.0):
        found = phone.runs("socket", planted, url="/mall/chat")
    assert found["error"]["reason"] == "platform_says_busy"
