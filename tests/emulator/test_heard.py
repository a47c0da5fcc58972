"""What is kept of a login to be shown: enough to see it, and no secret."""

from __future__ import annotations

import json
import time

from menshen.emulator.answer import Answer
from menshen.emulator.dialect import Asked
from menshen.emulator.heard import HeardLogins

CANARY = "0123456789abcdef0123456789abcdef"  # the secret that conftest registers


def test_a_login_is_shown_without_what_is_secret_of_it(emulate, clock):
    async def main(http):
        code = await http.code()
        session = await http.exchange(code)
        await http.exchange(code)
        _, seen = await http.control("GET", f"wechat/calls?code={code}")
        accepted, refused = seen["heard"]
        assert accepted["query"] == {
            "appid": "wx4f4bc4dec97d474b",
            "secret": "***",
            "js_code": code,
            "grant_type": "authorization_code",
        }
        assert (accepted["method"], accepted["path"]) == ("GET", "/wechat/sns/jscode2session")
        assert accepted["at"] == clock.time
        assert accepted["status"] == 200
        assert accepted["answer"] == {"session_key": "***", "openid": session["openid"]}
        assert accepted["headers"]["host"] == http.origin.removeprefix("http://")
        assert refused["answer"]["errcode"] == 40163
        shown = json.dumps(seen)
        assert CANARY not in shown
        assert session["session_key"] not in shown

    emulate(main)


def test_a_secret_in_a_place_of_its_own_is_not_kept_either(emulate):
    """Whoever writes to the platform by hand puts secrets anywhere."""

    async def main(http):
        code = await http.code()
        url = http.url(code, access_token="canary-of-a-token", js_code_="canary-of-a-code")
        async with http.session.get(url, headers={"Authorization": "Bearer canary", "Cookie": "a=canary"}) as answer:
            assert answer.status == 200
        _, seen = await http.control("GET", f"wechat/calls?code={code}")
        (heard,) = seen["heard"]
        assert "canary" not in json.dumps(heard)
        assert heard["headers"]["authorization"] == heard["headers"]["cookie"] == "***"

    emulate(main)


def test_an_answer_that_is_no_json_is_none(emulate):
    async def main(http):
        for fault in ("html", "truncated"):
            code = await http.code()
            status, _ = await http.control("POST", "wechat/faults", {"fault": fault})
            assert status == 200
            async with http.session.get(http.url(code)) as answer:
                await answer.read()
            _, seen = await http.control("GET", f"wechat/calls?code={code}")
            assert [heard["answer"] for heard in seen["heard"]] == [None], fault

    emulate(main)


def test_codes_that_nobody_asked_with_have_no_calls(emulate):
    async def main(http):
        assert (await http.control("GET", "wechat/calls?code=never"))[1]["heard"] == []
        await http.exchange("", js_code=None)
        assert (await http.control("GET", "wechat/calls?code="))[1]["heard"] == []
        assert "heard" not in (await http.control("GET", "wechat/calls"))[1]

    emulate(main)


def test_what_is_kept_is_bounded():
    heard = HeardLogins(most=3)
    answer = Answer(b"{}", "text/plain")
    for n in range(10):
        heard.note(time.time(), ("GET", "/", asked(f"c{n}", "x" * 10_000)), (), answer)
    for _ in range(100):
        heard.note(time.time(), ("GET", "/", asked("c9")), (), answer)
    assert heard.of("c6") == ()
    assert len(heard.of("c9")) == 20
    assert len(heard.of("c9")[0].query["appid"]) == 300


def asked(code: str, appid: str = "") -> Asked:
    return Asked({"js_code": code, "appid": appid}, appid, "", code, None)
