"""The control API: counts, many codes, faults, and everything that is wrong with a request."""

from __future__ import annotations

import asyncio
import json
import time

import aiohttp
import pytest

APPID = "wx4f4bc4dec97d474b"


def test_an_app_is_answered_without_its_secret(emulate):
    async def main(http):
        status, body = await http.control("POST", "wechat/apps", {"appid": "wx1", "secret": "canary", "unionid": True})
        assert status == 200
        assert body == {"appid": "wx1", "unionid": True, "errcode_on_success": False, "extra_fields": False}

    emulate(main)


def test_calls_are_counted(emulate):
    async def main(http):
        assert await http.control("GET", "wechat/calls") == (200, {"total": 0, "codes": {}, "apis": {}})
        first, second = await http.code(), await http.code()
        for code in (first, second, second):
            await http.exchange(code)
        await http.exchange("", js_code=None)
        assert await http.control("GET", "wechat/calls") == (
            200,
            {"total": 4, "codes": {first: 1, second: 2}, "apis": {}},
        )
        assert (await http.control("GET", f"wechat/calls?code={first}"))[1]["codes"] == {first: 1}
        assert (await http.control("GET", "wechat/calls?code=never"))[1]["codes"] == {"never": 0}
        assert (await http.control("GET", "qq/calls"))[1]["total"] == 0

    emulate(main)


def test_many_codes_at_once(emulate):
    async def main(http):
        status, body = await http.control("POST", "qq/codes", {"appid": APPID, "count": 2000, "user_prefix": "bench-"})
        assert status == 200
        assert len(set(body["codes"])) == 2000
        some = [await http.exchange(code, "qq") for code in body["codes"][:3]]
        assert len({fields["openid"] for fields in some}) == 3

    emulate(main)


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("wechat/apps", {}, "appid"),
        ("wechat/apps", {"appid": "wx1"}, "secret"),
        ("wechat/apps", {"appid": "", "secret": "s"}, "length"),
        ("wechat/apps", {"appid": 1, "secret": "s"}, "str"),
        ("wechat/apps", {"appid": "wx1", "secret": "s", "unionId": True}, "unionId"),
        ("wechat/apps", [], "object"),
        ("wechat/login", {"appid": APPID}, "user"),
        ("wechat/login", {"appid": APPID, "user": ""}, "length"),
        ("wechat/login", {"appid": APPID, "user": "u" * 257}, "length"),
        ("wechat/codes", {"appid": APPID, "count": 0}, "count"),
        ("wechat/codes", {"appid": APPID, "count": 10**9}, "count"),
        ("wechat/faults", {"fault": "flood"}, "no fault 'flood'"),
        ("wechat/faults", {"fault": "48001"}, "no fault '48001' of api 'login'"),
        ("wechat/faults", {"fault": "40226", "api": "phone"}, "no fault '40226' of api 'phone'"),
        ("wechat/faults", {"fault": "502", "api": "sms"}, "api"),
        ("wechat/phone", {"appid": APPID}, "user"),
        ("wechat/phone", {"appid": APPID, "user": "a", "phone": "+86135"}, "phone"),
        ("wechat/phone", {"appid": APPID, "user": "a", "country_code": "086"}, "country_code"),
        ("wechat/open-data", {"appid": APPID, "user": "a"}, "kind"),
        ("wechat/open-data", {"appid": APPID, "user": "a", "kind": "address"}, "kind"),
        ("wechat/session-key", {"appid": APPID}, "user"),
        ("wechat/faults", {"fault": "502", "times": 1, "rate": 1}, "not both"),
        ("wechat/faults", {"fault": "502", "times": 0}, "times"),
        ("wechat/faults", {"fault": "502", "rate": 1.5}, "rate"),
        ("wechat/faults", {"fault": "502", "rate": 0}, "rate"),
        ("wechat/faults", {"fault": "latency"}, "seconds"),
        ("wechat/faults", {"fault": "502", "seconds": 1}, "seconds"),
        ("wechat/faults", {"fault": "latency", "seconds": -1}, "seconds"),
    ],
)
def test_wrong_requests(emulate, path, body, says):
    async def main(http):
        status, answer = await http.control("POST", path, body)
        assert status == 400
        assert says in answer["error"]

    emulate(main)


def test_requests_that_are_no_json_or_too_much_or_elsewhere(emulate):
    async def main(http):
        for raw in (b"", b"{", b"\xff", b'{"appid":"wx","user":"\\ud800"}'):
            status, kind, body = await http.ask("POST", "/emulator/wechat/login", data=raw)
            assert (status, kind) == (400, "application/json")
            assert json.loads(body)["error"]
        status, _, _ = await http.ask("POST", "/emulator/wechat/login", data=b" " * 70_000)
        assert status == 413
        assert (await http.control("PUT", "wechat/faults"))[0] == 405
        assert (await http.control("GET", "wechat/nothing"))[0] == 404

    emulate(main)


def test_unknown_app_and_platform(emulate):
    async def main(http):
        more = {"codes": {"count": 1}, "open-data": {"user": "a", "kind": "phone"}}
        for path in ("wechat/login", "wechat/codes", "wechat/phone", "wechat/open-data", "wechat/session-key"):
            body = {"appid": "wxnone"} | more.get(path.removeprefix("wechat/"), {"user": "a"})
            status, answer = await http.control("POST", path, body)
            assert status == 404
            assert "wxnone" in answer["error"]
            assert "/emulator/wechat/apps" in answer["error"]
        for method, path, body in [
            ("POST", "nokia/apps", {"appid": "a", "secret": "s"}),
            ("POST", "nokia/login", {"appid": "a", "user": "u"}),
            ("POST", "nokia/codes", {"appid": "a", "count": 1}),
            ("POST", "nokia/faults", {"fault": "502"}),
            ("DELETE", "nokia/faults", None),
            ("GET", "nokia/calls", None),
        ]:
            status, answer = await http.control(method, path, body)
            assert (status, answer) == (404, {"error": "no platform nokia"})

    emulate(main)


async def fault(http, platform="wechat", **body):
    status, _ = await http.control("POST", f"{platform}/faults", body)
    assert status == 200


async def raw(http, code):
    return await http.ask("GET", str(http.url(code)).removeprefix(http.origin))


@pytest.mark.parametrize(
    ("name", "errcode", "platform"),
    [
        (-1, -1, "wechat"),
        ("45011", 45011, "wechat"),
        (40226, 40226, "wechat"),
        ("-1", -1, "qq"),
        (45011, 45011, "qq"),
    ],
)
def test_errcode_faults_strike_as_often_as_told_and_leave_the_code(emulate, name, errcode, platform):
    async def main(http):
        await fault(http, platform, fault=name, times=2)
        code = await http.code(platform=platform)
        assert [(await http.exchange(code, platform)).get("errcode") for _ in range(2)] == [errcode] * 2
        assert "openid" in await http.exchange(code, platform)

    emulate(main)


def test_a_fault_at_the_code_waits_for_a_good_code(emulate):
    async def main(http):
        await fault(http, fault="40226")
        assert (await http.exchange("wrong"))["errcode"] == 40029
        assert (await http.exchange(await http.code()))["errcode"] == 40226

    emulate(main)


def test_faults_in_front_leave_the_code(emulate):
    async def main(http):
        for name in ("502", "html", "redirect"):
            await fault(http, fault=name)
        code = await http.code()
        assert (await raw(http, code))[0] == 502
        status, kind, body = await raw(http, code)
        assert (status, kind) == (200, "text/html; charset=utf-8")
        assert body.startswith(b"<html>")
        assert (await raw(http, code))[0] == 302
        assert "openid" in await http.exchange(code)

    emulate(main)


@pytest.mark.parametrize("name", ["truncated", "huge", "control_characters", "extra_fields", "string_errcode"])
def test_faults_after_the_exchange_spend_the_code(emulate, name):
    async def main(http):
        await fault(http, fault=name)
        code = await http.code()
        status, kind, body = await raw(http, code)
        assert (status, kind) == (200, "text/plain")
        if name == "truncated":
            with pytest.raises(json.JSONDecodeError):
                json.loads(body)
        elif name == "huge":
            assert len(body) > 1_000_000
        elif name == "control_characters":
            assert b"\x01\x0b\n" in body
            assert "openid" in json.loads(body, strict=False)
        else:
            assert {"extra_fields": "extra", "string_errcode": "errcode"}[name] in json.loads(body)
        assert (await http.exchange(code))["errcode"] == 40163

    emulate(main)


def test_string_errcode_of_an_error(emulate):
    async def main(http):
        await fault(http, fault="string_errcode")
        assert (await http.exchange("wrong"))["errcode"] == "40029"

    emulate(main)


def test_timeout_keeps_silent_and_spends_the_code(emulate):
    async def main(http):
        await fault(http, fault="timeout")
        code = await http.code()
        with pytest.raises(TimeoutError):
            async with http.session.get(http.url(code), timeout=aiohttp.ClientTimeout(total=2.5)):
                pass
        assert (await http.exchange(code))["errcode"] == 40163

    emulate(main)


def test_latency_goes_with_another_fault_and_holds_up_nobody_else(emulate):
    async def main(http):
        await fault(http, fault="latency", seconds=0.5, rate=1, user="late")
        await fault(http, fault="-1", user="late")
        late = await http.code("late")
        began = time.monotonic()
        assert (await http.exchange(late))["errcode"] == -1
        assert time.monotonic() - began >= 0.5
        await fault(http, fault="latency", seconds=600, rate=1, user="slow")
        slow, quick = await http.code("slow"), await http.code("quick")
        waiting = asyncio.create_task(http.exchange(slow))
        await asyncio.sleep(0.02)
        assert "openid" in await http.exchange(quick)
        assert not waiting.done()
        waiting.cancel()

    emulate(main)


def test_a_user_filter(emulate):
    async def main(http):
        await fault(http, fault="40226", times=5, user="mallory")
        assert "openid" in await http.exchange(await http.code("alice"))
        assert (await http.exchange(await http.code("mallory")))["errcode"] == 40226

    emulate(main)


def test_a_rate(emulate):
    async def main(http):
        await fault(http, fault="-1", rate=0.5)
        outcomes = [(await http.exchange("x"))["errcode"] for _ in range(100)]
        assert 25 < outcomes.count(-1) < 75
        assert set(outcomes) == {-1, 40029}

    emulate(main)


def test_faults_are_cleared_and_are_of_one_platform(emulate):
    async def main(http):
        await fault(http, fault="502", rate=1)
        assert "openid" in await http.exchange(await http.code(platform="qq"), "qq")
        assert await http.control("DELETE", "wechat/faults") == (200, {})
        assert "openid" in await http.exchange(await http.code())

    emulate(main)
