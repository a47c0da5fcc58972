"""What the diagram says: what the platform heard, what the backend got, and no secret."""

from __future__ import annotations

import html
import json
import re

import aiohttp
import pytest
from starlette.types import Receive, Scope, Send

from menshen.web.console.try_it.shortening import shortener
from tests.web.console.try_it.stage import APPID, PHONE, SECRET, Stage, staged

STATE = "eyJhbGciOiJkaXIifQ..planted-login-state-0123456789.tag"


def kinds(steps: str) -> list[str]:
    return re.findall(r'data-kind="(\w+)"', steps)


async def exchanging(scope: Scope, receive: Receive, send: Send) -> None:
    """A gateway as far as the diagram sees it: it asks the platform, and answers with a login state."""
    headers = dict(scope["headers"])
    query = {
        "appid": APPID,
        "secret": SECRET,
        "js_code": headers[b"js_code"].decode(),
        "grant_type": "authorization_code",
    }
    async with aiohttp.ClientSession() as client:
        url = headers[b"x-emulator"].decode() + "/wechat/sns/jscode2session"
        async with client.get(url, params=query) as answer:
            who = json.loads(await answer.read())
    seen = {
        "method": "GET",
        "path": "/mall/login",
        "query": "",
        "headers": [["x-menshen-openid", who.get("openid", "")], ["x-menshen-assertion", "e" * 200]],
        "body": "",
        "body_bytes": 0,
    }
    told = [(b"user_session", STATE.encode()), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": told})
    await send({"type": "http.response.body", "body": json.dumps(seen).encode()})


def test_a_login_is_drawn_from_the_code_to_the_login_state() -> None:
    async def work(stage: Stage) -> None:
        page = await stage.browser.get("/console/try")
        assert page.status == 200
        got = json.loads((await stage.browser.post("/console/try/login", {"phone": PHONE, "person": "lisi"})).text)
        code = got["code"]
        assert kinds(got["steps"]) == ["platform_login", "code"]
        assert code not in got["steps"]
        assert f"{code[:8]}… (32)" in got["steps"]

        headers = [["js_code", code], ["x-emulator", stage.platform], ["X-Menshen-Openid", "forged"]]
        answer = json.loads((await stage.wish(headers=headers)).text)
        steps = html.unescape(answer["steps"])
        assert kinds(steps) == [
            "request_with_code",
            "code2session",
            "identity",
            "to_backend",
            "from_backend",
            "login_state",
        ]
        (heard,) = stage.emulator.heard("wechat", code)
        assert heard.answer is not None
        assert steps.count(heard.answer["openid"]) == 3, "told by the platform, to the backend, and in its echo"
        assert '"session_key": "***"' in steps
        assert "<dt>?secret</dt><dd>***</dd>" in steps
        assert "GET /wechat/sns/jscode2session" in steps
        taken = re.search(r'step-note soft">(.*?)</p>', steps, re.DOTALL)
        assert taken is not None
        assert re.findall(r"<code>(.*?)</code>", taken[1]) == ["js_code", "x-emulator", "X-Menshen-Openid"]
        for secret in (code, SECRET, STATE, "e" * 200):
            assert secret not in steps
        assert answer["header"]["user_session"] == STATE, "the phone itself needs the whole of it"

        # A second try with the code: what was heard of the first is not drawn again.
        again = json.loads((await stage.wish(headers=headers)).text)
        assert kinds(again["steps"])[:3] == ["request_with_code", "code2session", "no_identity"]
        assert "40163" in again["steps"]

    staged(work, app=exchanging)


def test_class_50_what_anybody_sends_is_text_in_the_diagram() -> None:
    """Attack class 50: a backend's answer is HTML to nobody."""

    async def evil(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"x-evil", b"<script>alert(1)</script>"), (b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"<img src=x onerror=alert(2)>"})

    async def work(stage: Stage) -> None:
        headers = [["x-a", "<b>"], ["x-b", '"><svg/onload=alert(3)>']]
        steps = json.loads((await stage.wish(headers=headers)).text)["steps"]
        assert kinds(steps) == ["request_without", "to_unknown_backend", "from_backend", "answer"]
        for tag in ("<script", "<img", "<svg", "<b>"):
            assert tag not in steps
        assert "<img src=x onerror=alert(2)>" in html.unescape(steps)

    staged(work, app=evil)


def test_a_refusal_says_code_reason_and_action() -> None:
    body = {"code": 4024, "reason": "session_expired", "message": "gone", "action": "login", "request_id": "r"}

    async def refusing(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": [(b"x-menshen-code", b"4024")]})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    async def work(stage: Stage) -> None:
        steps = json.loads((await stage.wish(headers=[["user_session", STATE]])).text)["steps"]
        assert kinds(steps) == ["request", "refusal"]
        for said in ("4024 session_expired", "<dt>action</dt><dd>login</dd>", "gone"):
            assert said in steps
        assert STATE not in steps

    staged(work, app=refusing)


def test_a_body_that_is_no_object_is_shown_as_it_is() -> None:
    async def odd(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-menshen-code", b"1")]})
        await send({"type": "http.response.body", "body": b"\xff\xfe not json"})

    async def work(stage: Stage) -> None:
        answer = json.loads((await stage.wish()).text)
        assert kinds(answer["steps"])[-1] == "answer"
        assert "not json" in answer["text"]

    staged(work, app=odd)


@pytest.mark.parametrize(
    "text",
    [
        "user_session=planted-login-state",
        "a=1; user_session=planted-login-state; b=2",
        '{"user_session": "planted-login-state"}',
        "/mall?x=1&User_Session=planted-login-state&y=2",
    ],
)
def test_a_login_state_is_cut_wherever_it_stands(text: str) -> None:
    cut = shortener([text], [], ["user_session"])
    assert "planted-login-state" not in cut(text)
    assert cut(text).endswith(text.partition("planted-login-state")[2])
    assert cut("and again: planted-login-state") == "and again: planted-… (19)"


def test_what_is_no_credential_stays_whole() -> None:
    cut = shortener(["user_session=short"], ["", "tiny"], ["user_session", ""])
    for text in (
        "user_session=short",
        "x-request-id: 53a80798-a78d-4b13-bbcd-d8f62a0cb6f2",
        "oABCDEFGHIJKLMNOPQRSTUVWXYZ0",
    ):
        assert cut(text) == text
