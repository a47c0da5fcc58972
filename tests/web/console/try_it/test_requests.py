"""What a phone sends goes to the gateway and into its group, or nowhere (server-side request forgery)."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from menshen.config.snapshot import Endpoint
from menshen.web.console.try_it.calling import NoAnswer, calling, to_gateway
from menshen.web.console.try_it.outgoing import MOST_BODY, Outgoing
from tests.web.console.try_it.stage import PHONE, SECRET, Stage, staged

LINE = "\r\nX-Smuggled: yes"


def told(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_request_arrives_as_the_page_made_it() -> None:
    async def work(stage: Stage) -> None:
        headers = [["content-type", "application/json"], ["js_code", "a b"], ["X-Menshen-Openid", "forged"]]
        got = await stage.wish(method="POST", path="/mall/orders/1?a=%20b", headers=headers, body='{"a":1}')
        assert got.status == 200, got.text
        answer = told(got.text)
        assert answer["statusCode"] == 200
        seen = json.loads(answer["text"])
        assert (seen["method"], seen["path"], seen["query"], seen["body"]) == (
            "POST",
            "/mall/orders/1",
            "a=%20b",
            '{"a":1}',
        )
        ((_, _, arrived),) = stage.received.requests
        names = [name for name, _ in arrived]
        assert sorted(names) == ["connection", "content-length", "content-type", "host", "js_code", "x-menshen-openid"]
        assert "cookie" not in names, "the operator's session goes nowhere"

    staged(work)


@pytest.mark.parametrize(
    "path",
    [
        "http://169.254.169.254/latest/meta-data",
        "//169.254.169.254/mall",
        "/mall//169.254.169.254",
        "@169.254.169.254/mall",
        "/@169.254.169.254/mall",
        ":9/mall",
        "",
        "mall/login",
        "/",
        "/hidden/x",
        "/mallet",
        "/mall/../hidden/x",
        "/mall/..",
        "/mall/./x",
        "/mall/%2e%2e/hidden/x",
        "/mall/%2E./hidden/x",
        "/mall/..%2fhidden",
        "/mall/..%5chidden",
        "/mall/..\\hidden",
        "/mall;/../hidden",
        "/mall/\u0000",
        "/mall/x\r\nHost: evil.example",
        "/mall/x HTTP/1.1",
        "/mall/订单",
        "/mall/x#fragment",
        "/mall/" + "x" * 5000,
    ],
)
def test_class_43_no_path_leads_out_of_the_group(path: str) -> None:
    async def work(stage: Stage) -> None:
        got = await stage.wish(path=path)
        assert got.status == 400, got.text
        assert stage.received.requests == []

    staged(work)


@pytest.mark.parametrize(
    "header",
    [
        ["x-a", f"b{LINE}"],
        [f"x-a{LINE}", "b"],
        ["x-a", "b\nc"],
        ["x-a", "b\x00c"],
        ["x-a", "订单"],
        ["", "b"],
        ["x a", "b"],
        ["x-a:", "b"],
        ["Host", "evil.example"],
        ["host", "evil.example"],
        ["Connection", "js_code"],
        ["Content-Length", "0"],
        ["content_length", "0"],
        ["Transfer-Encoding", "chunked"],
        ["transfer_encoding", "chunked"],
        ["TE", "trailers"],
        ["Trailer", "js_code"],
        ["Upgrade", "websocket"],
        ["Expect", "100-continue"],
        ["Proxy-Authorization", "x"],
        ["X-Forwarded-For", "10.0.0.1"],
        ["x_forwarded_host", "evil.example"],
        ["Forwarded", "for=10.0.0.1"],
        ["X-Real-Ip", "10.0.0.1"],
        ["X-Envoy-Original-Path", "/hidden"],
        ["x-a", "b" * 30_000],
    ],
)
def test_class_43_no_header_changes_where_or_how_a_request_goes(header: list[str]) -> None:
    async def work(stage: Stage) -> None:
        got = await stage.wish(headers=[["js_code", "x"], header])
        assert got.status == 400, got.text
        assert stage.received.requests == []

    staged(work)


@pytest.mark.parametrize(
    "change",
    [
        {"method": "CONNECT"},
        {"method": "TRACE"},
        {"method": "get"},
        {"method": "GET /x HTTP/1.1\r\n"},
        {"phone": "shop-login@hidden"},
        {"phone": ""},
        {"body": "x" * (MOST_BODY + 1)},
        {"body": "\ud800" * MOST_BODY},
        {"headers": [["x-a", "b"]] * 33},
        {"host": "evil.example"},
        {"url": "http://evil.example"},
        {"headers": {"x-a": "b"}},
    ],
)
def test_what_no_phone_asks_for_is_not_sent(change: dict[str, Any]) -> None:
    async def work(stage: Stage) -> None:
        got = await stage.wish(**change)
        assert got.status in (400, 409), got.text
        assert stage.received.requests == []

    staged(work)


def test_class_43_a_redirect_is_told_and_not_followed() -> None:
    async def away(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"location", b"http://169.254.169.254/"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
        await send({"type": "http.response.start", "status": 302, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def work(stage: Stage) -> None:
        answer = told((await stage.wish()).text)
        assert answer["statusCode"] == 302
        assert answer["header"]["location"] == "http://169.254.169.254/"
        assert answer["header"]["set-cookie"] == ["a=1", "b=2"]
        assert len(stage.received.requests) == 1
        again = await stage.wish()
        assert "cookie" not in dict(stage.received.requests[1][2]), again.text

    staged(work, app=away)


def test_class_43_an_answer_without_end_is_cut_off() -> None:
    async def endless(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1000):
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def work(stage: Stage) -> None:
        got = await stage.wish()
        assert got.status == 502
        assert told(got.text) == {"fail": "the answer is over 256 KiB"}

    staged(work, app=endless)


def test_a_gateway_that_is_not_there_fails_as_a_phone_fails() -> None:
    async def main() -> None:
        async with calling() as client:
            request = Outgoing("GET", "/mall/login?code=canary", (), b"")
            began = time.monotonic()
            with pytest.raises(NoAnswer) as raised:
                await to_gateway(client, Endpoint("0.0.0.0", 9), "127.0.0.1:9", request, tls=False)
            assert time.monotonic() - began < 60
            assert "canary" not in str(raised.value)

    asyncio.run(main())


def test_a_person_that_nobody_chose_has_no_phone() -> None:
    async def work(stage: Stage) -> None:
        got = await stage.browser.post("/console/try/login", {"phone": PHONE, "person": "<b>mallory</b>"})
        assert got.status == 400

    staged(work)


def test_sessions_end_only_of_whom_the_emulator_knows() -> None:
    async def work(stage: Stage) -> None:
        code = await stage.code()
        got = await stage.browser.post("/console/try/end", {"phone": PHONE, "code": code})
        assert got.status == 400, "the code was not exchanged yet"
        query = f"appid=wx4f4bc4dec97d474b&secret={SECRET}&js_code={code}&grant_type=authorization_code"
        openid = json.loads(stage.emulator.code2session("wechat", "GET", query.encode()).body)["openid"]
        got = await stage.browser.post("/console/try/end", {"phone": PHONE, "code": code})
        assert got.status == 200, got.text
        ((key, by),) = stage.ended
        assert (key.platform, key.appid, key.openid, by) == ("wechat", "wx4f4bc4dec97d474b", openid, "li")

    staged(work)
