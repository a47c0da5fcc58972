"""The page of Authing's guide on the SDK's Authing shape, unmodified but for the SDK's path and the server's address.

The document is ``seeds/004_d8efc5bbfe385d09.txt``, run where the seeds are at hand; a page of the same shape is kept
beside the test. Its buttons are pressed as its markup names their handlers.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.edge.conftest import APPID, Stack, running_stack
from tests.edge.processes import REPOSITORY

WX = REPOSITORY / "tests" / "wx"
DOCUMENTS = [WX / "authing_document.txt", *REPOSITORY.parent.glob("shared/seeds/004_d8efc5bbfe385d09.txt")]
SDK = REPOSITORY / "sdk" / "miniprogram" / "miniprogram_dist" / "authing.js"

ONE_APP = """\
version: 1
apps:
  - {{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{emulator}/wechat"}}
upstreams:
  - {{name: orders, endpoints: ["{backend}"], timeout: 10}}
groups:
  - {{name: mall, prefix: /mall, upstream: orders, apis: [{{name: all, path: /*}}]}}
plugins:
  - {{name: shop-login, type: WeChatMpLogin, app: shop}}
bindings:
  - {{plugin: shop-login, group: mall}}
"""

USER_INFO, PHONE = ("press", "getUserInfo"), ("press", "getPhoneNumber")

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed"),
    pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("authing"), ONE_APP) as running:
        yield running


def page(stack: Stack, document: Path, user: str, *do: tuple[object, ...], **more: object) -> dict[str, Any]:
    """Use the page on this user's phone, step by step; each document has users of its own."""
    assert SDK.exists(), "the SDK is not built: make sdk"
    settings = {
        "emulator": stack.emulator.origin,
        "appid": APPID,
        "user": f"{user}-of-{document.name}",
        "document": str(document),
        "sdk": str(SDK),
        "host": stack.gateway.origin,
        "do": [list(step) for step in do],
        **more,
    }
    run = subprocess.run(
        ["node", str(WX / "authing_document.js"), json.dumps(settings)], capture_output=True, text=True, timeout=90
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def number(document: Path, last: int) -> str:
    return f"1380000{DOCUMENTS.index(document)}{last:03d}"


def me(stack: Stack, token: str) -> Any:
    reply = stack.gateway("/v1/me", ("user_session", token))
    assert reply.status == 200, reply.raw
    return reply.json


def test_the_button_logs_in_and_the_token_opens_the_business(document: Path, stack: Stack) -> None:
    profile = {"nickName": "阿里斯"}
    found = page(stack, document, "button", USER_INFO, profile=profile)
    (told,) = found["told"]
    assert told["dialogs"] == []
    userinfo = told["userinfo"]
    assert userinfo["nickname"] == "阿里斯", "decrypted with the session_key of that very code"
    assert found["printed"] == [userinfo], "console.log(userinfo)"
    seen = stack.gateway("/mall/orders/1", ("user_session", userinfo["token"])).seen
    assert seen["x-menshen-user"] == userinfo["_id"] == me(stack, userinfo["token"])["uid"]


def test_who_agreed_before_is_logged_in_without_the_button(document: Path, stack: Stack) -> None:
    (pressed,) = page(stack, document, "agreed", USER_INFO)["told"]
    (started,) = page(stack, document, "agreed", ("start",), agreed=True)["told"]
    assert started["dialogs"] == []
    assert started["userinfo"]["_id"] == pressed["userinfo"]["_id"]


def test_who_did_not_agree_is_left_alone(document: Path, stack: Stack) -> None:
    exchanges = stack.exchanges()
    (started,) = page(stack, document, "reserved", ("start",))["told"]
    assert started == {"userinfo": None, "dialogs": []}
    assert stack.exchanges() == exchanges


@pytest.mark.parametrize("old", [False, True], ids=["code", "encryptedData"])
def test_the_phone_button_binds_the_number(document: Path, stack: Stack, old: bool) -> None:
    phone = number(document, 1 + old)
    _, bound = page(stack, document, f"phone-{old}", USER_INFO, (*PHONE, {"old": old}), phone=phone)["told"]
    assert bound["dialogs"] == []
    masked = f"{phone[:3]}****{phone[-4:]}"
    assert bound["userinfo"]["phone"] == masked
    assert me(stack, bound["userinfo"]["token"])["phone"] == masked


def test_a_phone_number_is_bound_after_a_login_only(document: Path, stack: Stack) -> None:
    exchanges = stack.exchanges()
    (told,) = page(stack, document, "hasty", PHONE, phone=number(document, 3))["told"]
    assert told["userinfo"] is None
    # That SDK rejects with a text, as this one does; the page reads its `message`.
    assert [title for title, _reason in told["dialogs"]] == ["操作失败"]
    assert stack.exchanges() == exchanges


def test_a_user_who_says_no_is_told_of_in_a_dialog(document: Path, stack: Stack) -> None:
    exchanges = stack.exchanges()
    (told,) = page(stack, document, "private", (*USER_INFO, {"deny": True}))["told"]
    assert told["userinfo"] is None
    ((title, _reason),) = told["dialogs"]
    assert title == "操作失败"
    assert stack.exchanges() == exchanges


def test_a_code_that_was_used_is_told_of_in_a_dialog(document: Path, stack: Stack) -> None:
    code = stack.code(f"twice-of-{document.name}")
    once, again = page(stack, document, "twice", (*USER_INFO, {"code": code}), (*USER_INFO, {"code": code}))["told"]
    assert once["userinfo"]["token"]
    assert again["userinfo"] is None
    assert again["dialogs"][0][0] == "操作失败"
