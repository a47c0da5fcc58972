"""The book's mini-program code, unmodified but for its URL: bind once with a password, then log in silently.

The document is ``seeds/002_9ccccfb3cefeea0f.txt``, run where the seeds are at hand; a page of the same shape is kept
beside the test.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.edge.conftest import APPID, Stack
from tests.edge.people import people_stack
from tests.edge.processes import REPOSITORY

WX = REPOSITORY / "tests" / "wx"
DOCUMENTS = [WX / "book_document.txt", *REPOSITORY.parent.glob("shared/seeds/002_9ccccfb3cefeea0f.txt")]

URL = "https://test.com/login"
BESIDE_THE_CODE = re.compile(r"^ +username: 'zhangsan',.*\n +password: 'pwd123456',.*\n", re.MULTILINE)

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with people_stack(tmp_path_factory.mktemp("book")) as running:
        account = {"username": "zhangsan", "password": "pwd123456", "account": "employee-0042"}
        assert running.emulator.put_json("/emulator/accounts", account).status == 200
        yield running


def page(stack: Stack, document: Path, user: str, **replace: str) -> dict[str, Any]:
    """Tap the page's login button on this user's phone."""
    settings = {
        "emulator": stack.emulator.origin,
        "appid": APPID,
        "user": user,
        "document": str(document),
        "replace": {URL: f"{stack.gateway.origin}/book/login", **replace},
        "call": ["tapLogin"],
    }
    run = subprocess.run(
        ["node", str(WX / "seed_page.js"), json.dumps(settings)], capture_output=True, text=True, timeout=90
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_password_is_sent_once_and_never_again(document: Path, stack: Stack) -> None:
    user = f"zhangsan-of-{document.name}"
    if document != DOCUMENTS[0]:
        account = {"username": "zhangsan", "password": "pwd123456", "account": f"employee-of-{document.name}"}
        assert stack.emulator.put_json("/emulator/accounts", account).status == 200
    first = page(stack, document, user)
    (login,) = first["responses"]
    assert login["statusCode"] == 200, login
    assert first["printed"] == [login["data"]["sessionId"]], "the page reads res.data.sessionId"
    assert login["data"]["sessionId"]
    assert "sessionid" not in login["header"]

    # From now on the page leaves username and password out: the code alone says who it is.
    beside = BESIDE_THE_CODE.search(document.read_text(encoding="utf-8"))
    assert beside is not None
    later = page(stack, document, user, **{beside[0]: ""})
    (again,) = later["responses"]
    assert again["statusCode"] == 200, again
    assert again["data"]["uid"] == login["data"]["uid"]
    assert again["data"]["sessionId"] != login["data"]["sessionId"]

    account = "employee-0042" if document == DOCUMENTS[0] else f"employee-of-{document.name}"
    for session in (login["data"]["sessionId"], again["data"]["sessionId"]):
        seen = stack.gateway("/book/orders/1", ("sessionId", session)).seen
        assert seen["x-menshen-account"] == account
        assert seen["x-menshen-user"] == login["data"]["uid"]
        assert "sessionid" not in seen


def test_a_wrong_password_binds_nothing_and_leaves_the_code(stack: Stack) -> None:
    code = stack.code("lisi")
    refused = stack.gateway(f"/book/login?username=zhangsan&password=wrong&code={code}")
    assert refused.refusal == (403, 4003, "account_refused")
    unknown = stack.gateway(f"/book/login?username=nobody&password=wrong&code={code}")
    assert {**unknown.json, "request_id": ""} == {**refused.json, "request_id": ""}
    # The password is compared before the code is spent: the same code logs in, without an account.
    session = stack.gateway(f"/book/login?code={code}").json["sessionId"]
    assert stack.gateway("/book/orders/1", ("sessionId", session)).seen["x-menshen-account"] == ""


def test_username_and_password_stop_at_the_gateway(stack: Stack) -> None:
    """With ``respond: upstream`` the login request goes on to the backend, without what is none of its business."""
    account = {"username": "wangwu", "password": "pwd-of-wangwu", "account": "employee-0043"}
    assert stack.emulator.put_json("/emulator/accounts", account).status == 200
    reply = stack.gateway(f"/passing/login?a=1&who=wangwu&word=pwd-of-wangwu&code={stack.code('wangwu')}&b=2")
    assert reply.status == 200, reply.raw
    assert reply.headers["passing_session"]
    assert reply.seen["x-menshen-account"] == "employee-0043"
    assert b"wangwu" not in reply.raw
    assert (reply.json["path"], reply.json["query"]) == ("/passing/login", "a=1&b=2")


def test_a_signed_state_tells_the_account_without_asking_anybody(stack: Stack) -> None:
    """Envoy reads it from the state; a user who has none has an empty header, whatever he sends."""
    account = {"username": "sunqi", "password": "pwd-of-sunqi", "account": "employee-0044"}
    assert stack.emulator.put_json("/emulator/accounts", account).status == 200
    forged = ("x-menshen-account", "employee-0001")
    for bound in ("", "employee-0044"):
        state = stack.gateway("/signed/login", ("js_code", stack.code("sunqi"))).headers["signed_session"]
        assert stack.gateway("/signed/orders", ("signed_session", state), forged).seen["x-menshen-account"] == bound
        body = {"username": "sunqi", "password": "pwd-of-sunqi", "code": stack.code("sunqi"), "app": "shop"}
        assert stack.gateway.post_json("/v1/login", body).status == 200
