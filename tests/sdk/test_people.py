"""Profile, avatar, account, and the end of a session."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.edge.conftest import Stack
from tests.edge.people import happens
from tests.sdk.gateway import Phone
from tests.users.image_samples import png

PASSWORD = "planted-Password-1"


@pytest.fixture
def avatar(tmp_path: Path) -> str:
    file = tmp_path / "tmp_avatar.png"
    file.write_bytes(png())
    return str(file)


def test_nickname_and_avatar_are_kept_and_shown(stack: Stack, avatar: str) -> None:
    found = Phone(stack, "named").runs("profile", change={"nickname": "门神", "gender": 1, "avatar": avatar})
    assert found["changed"] == found["profile"]
    assert (found["profile"]["nickname"], found["profile"]["gender"]) == ("门神", 1)
    assert found["profile"]["avatar"].startswith(f"{stack.gateway.origin}/v1/avatars/")
    assert found["avatar"]["status"] == 200
    assert base64.b64decode(found["avatar"]["bytes"]).startswith(b"\x89PNG")


def test_an_expired_state_uploads_an_avatar_unseen(stack: Stack, avatar: str) -> None:
    phone = Phone(stack, "late-avatar")
    found = phone.runs("profile", phone.expired(), change={"avatar": avatar})
    assert found["profile"]["avatar"]


def test_what_is_no_image_is_refused_in_an_upload_too(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "tmp_avatar.png"
    file.write_bytes(b"<svg/>")
    found = Phone(stack, "no-image").runs("profile", change={"avatar": str(file)})
    assert (found["changed"]["error"]["reason"], found["changed"]["error"]["statusCode"]) == ("avatar_invalid", 415)


def test_an_account_is_bound(stack: Stack) -> None:
    account = {"username": "sdk-account", "password": PASSWORD}
    assert stack.emulator.put_json("/emulator/accounts", {**account, "account": "employee-7"}).status == 200
    found = Phone(stack, "owner").runs("account", account=account)
    assert found["profile"]["account"] == "employee-7"
    wrong = Phone(stack, "no-owner").runs("account", account={**account, "password": "planted-Password-2"})
    assert wrong["bound"]["error"]["reason"] == "account_refused"


@pytest.mark.parametrize("everywhere", [False, True], ids=["here", "everywhere"])
def test_who_logs_out_is_out(stack: Stack, everywhere: bool) -> None:
    phone = Phone(stack, f"leaving-{everywhere}")
    other = phone.log_in().state
    found = phone.runs("leaving", all=everywhere)
    assert (found["before"], found["during"], found["apart"], found["after"]) == (False, True, False, False)
    assert (found["left"], found["stolen"]) == (True, False)
    happens(lambda: phone.runs("checking", {"state": other})["good"] is not everywhere)


def test_checking_logs_nobody_in(stack: Stack) -> None:
    phone = Phone(stack, "checked")
    planted = phone.expired()
    exchanges = stack.exchanges()
    found = phone.runs("checking", planted)
    assert (found["good"], found["kept"]["state"]) == (False, planted["state"])
    assert stack.exchanges() == exchanges


def test_checking_fails_where_nobody_answers(stack: Stack) -> None:
    options = {"baseUrl": "http://127.0.0.1:9"}
    found = Phone(stack, "unchecked").runs("checking", {"state": "any"}, options=options)
    assert found["good"]["error"]["reason"] == "network"
