"""``bindPhone`` and ``loginByPhone``, the new way (a code) and the old (encrypted data)."""

from __future__ import annotations

import pytest

from tests.edge.conftest import APPID, Stack
from tests.sdk.gateway import Phone

WAYS = pytest.mark.parametrize("old", [False, True], ids=["code", "encrypted-data"])


@WAYS
def test_a_number_is_bound_and_the_new_state_kept(stack: Stack, old: bool) -> None:
    found = Phone(stack, f"bind-{old}").runs("phone_number", how="bindPhone", old=old, phone=f"1380000001{old:d}")
    assert found["profile"]["phone"] == f"138****001{old:d}"
    assert found["bound"]["uid"] == found["profile"]["uid"]
    assert found["kept"]["state"] not in ("", found["before"])


@WAYS
def test_one_logs_in_by_a_number(stack: Stack, old: bool) -> None:
    found = Phone(stack, f"enter-{old}").runs("phone_number", how="loginByPhone", old=old, phone=f"1380000002{old:d}")
    assert found["profile"]["phone"] == f"138****002{old:d}"
    assert (found["bound"]["newUser"], found["bound"]["expiresIn"]) == (True, 20 * 60)


def test_a_user_who_says_no_is_an_error_of_its_own(stack: Stack) -> None:
    found = Phone(stack, "denied").runs("phone_number", how="bindPhone", denied=True)
    assert (found["bound"]["error"]["reason"], found["bound"]["error"]["action"]) == ("phone_denied", "none")


def test_data_of_a_key_that_the_gateway_does_not_have_yet_is_bound_after_a_login(stack: Stack) -> None:
    phone = Phone(stack, "rotated")
    state = phone.log_in().state
    assert stack.emulator.post_json("/emulator/wechat/session-key", {"appid": APPID, "user": "rotated"}).status == 200
    exchanges = stack.exchanges()
    found = phone.runs("bound_later", {"state": state}, phone="13800000030")
    assert found["bound"]["uid"]
    assert stack.exchanges() == exchanges + 1
