"""A login as each faked platform answers it."""

from __future__ import annotations

import base64
import json
import re

import pytest

APPID = "wx4f4bc4dec97d474b"
RID = r"[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}"


def test_wechat_success_on_the_wire(emulate):
    async def main(http):
        code = await http.code()
        assert re.fullmatch(r"[0-9A-Za-z]{32}", code)
        status, kind, body = await http.ask("GET", str(http.url(code)).removeprefix(http.origin))
        assert (status, kind) == (200, "text/plain")
        fields = json.loads(body)
        assert list(fields) == ["session_key", "openid"]
        assert re.fullmatch(r"o[0-9A-Za-z_-]{27}", fields["openid"])
        assert len(base64.b64decode(fields["session_key"], validate=True)) == 16
        assert len(fields["session_key"]) == 24

    emulate(main)


def test_wechat_error_on_the_wire(emulate, clock):
    async def main(http):
        status, kind, body = await http.ask("GET", str(http.url("nonsense")).removeprefix(http.origin))
        assert (status, kind) == (200, "text/plain")
        fields = json.loads(body)
        assert fields["errcode"] == 40029
        rid = re.fullmatch(rf"invalid code, rid: ({RID})", fields["errmsg"])[1]
        assert int(rid[:8], 16) == int(clock())

    emulate(main)


def test_qq_success(emulate):
    async def main(http):
        fields = await http.exchange(await http.code(platform="qq"), "qq")
        assert list(fields) == ["errcode", "errmsg", "session_key", "openid", "uin", "unionid"]
        assert (fields["errcode"], fields["uin"]) == (0, "")
        assert re.fullmatch(r"[0-9A-F]{32}", fields["openid"])
        assert re.fullmatch(r"UID_[0-9A-F]{32}", fields["unionid"])
        key = base64.b64decode(fields["session_key"], validate=True)
        assert len(key) == 16
        assert key.decode("ascii").isprintable()

    emulate(main, {"unionid": True})


def test_switches_of_an_app(emulate):
    async def main(http):
        fields = await http.exchange(await http.code())
        assert re.fullmatch(r"o[0-9A-Za-z_-]{27}", fields["unionid"])
        assert fields["unionid"] != fields["openid"]
        assert (fields["errcode"], fields["errmsg"]) == (0, "ok")
        assert {"expires_in", "extra"} < set(fields)

    emulate(main, {"unionid": True, "errcode_on_success": True, "extra_fields": True})


@pytest.mark.parametrize(("platform", "errcode"), [("wechat", 40163), ("qq", 40029)])
def test_a_code_works_once(emulate, clock, platform, errcode):
    async def main(http):
        code = await http.code(platform=platform)
        assert "openid" in await http.exchange(code, platform)
        assert (await http.exchange(code, platform))["errcode"] == errcode
        clock.time += 301
        assert (await http.exchange(code, platform))["errcode"] == 40029

    emulate(main)


def test_a_code_lives_five_minutes(emulate, clock):
    async def main(http):
        early, late = await http.code(), await http.code()
        clock.time += 299.9
        assert "openid" in await http.exchange(early)
        clock.time += 0.1
        assert (await http.exchange(late))["errcode"] == 40029

    emulate(main)


def test_a_code_is_of_one_app_on_one_platform(emulate):
    async def main(http):
        await http.control("POST", "wechat/apps", {"appid": "wxother", "secret": "s"})
        code = await http.code()
        assert (await http.exchange(code, appid="wxother", secret="s"))["errcode"] == 40029
        assert (await http.exchange(code, "qq"))["errcode"] == 40029
        assert "openid" in await http.exchange(code)

    emulate(main)


@pytest.mark.parametrize(
    ("change", "errcode", "errmsg"),
    [
        ({"appid": None, "secret": None}, 41002, "appid missing"),
        ({"appid": ""}, 41002, "appid missing"),
        ({"secret": None, "js_code": None}, 41004, "appsecret missing"),
        ({"js_code": None, "grant_type": None}, 41008, "missing code"),
        ({"js_code": ""}, 41008, "missing code"),
        ({"grant_type": None, "appid": "wxnone"}, 40002, "invalid grant_type"),
        ({"grant_type": "client_credential"}, 40002, "invalid grant_type"),
        ({"appid": "APPID", "secret": "SECRET", "js_code": "JSCODE"}, 40013, "invalid appid"),
        ({"secret": "wrong", "js_code": "wrong"}, 40125, "invalid appsecret"),
        ({"js_code": "wrong"}, 40029, "invalid code"),
    ],
)
def test_the_order_of_the_checks(emulate, change, errcode, errmsg):
    async def main(http):
        code = await http.code()
        fields = await http.exchange(code, **change)
        assert fields["errcode"] == errcode
        assert re.fullmatch(rf"{errmsg}, rid: {RID}", fields["errmsg"])
        # None of them spent the code.
        assert "openid" in await http.exchange(code)

    emulate(main)


@pytest.mark.parametrize(
    "change", [{"appid": None}, {"secret": None}, {"appid": "wrong"}, {"secret": "wrong"}, {"grant_type": "x"}]
)
def test_qq_has_one_number_for_wrong_parameters(emulate, change):
    async def main(http):
        fields = await http.exchange(await http.code(platform="qq"), "qq", **change)
        assert fields["errcode"] == -101222100

    emulate(main)


def test_a_post_has_no_appid(emulate):
    async def main(http):
        code = await http.code()
        status, _, body = await http.ask("POST", str(http.url(code)).removeprefix(http.origin), data=b"")
        assert status == 200
        assert json.loads(body)["errcode"] == 41002
        assert re.fullmatch(rf"appid missing rid: {RID}", json.loads(body)["errmsg"])

    emulate(main)


def test_parameters_are_decoded_and_the_first_counts(emulate):
    async def main(http):
        code = await http.code()
        path = f"/wechat/sns/jscode2session?appid={APPID}&secret=%E9%97%A8&grant_type=authorization_code"
        await http.control("POST", "wechat/apps", {"appid": APPID, "secret": "门"})
        _, _, body = await http.ask("GET", f"{path}&js_code=x%26appid%3Dy&js_code={code}")
        assert json.loads(body)["errcode"] == 40029
        _, _, body = await http.ask("GET", f"{path}&js_code={code}&appid=other")
        assert "openid" in json.loads(body)

    emulate(main)


def test_openids_are_of_the_user_in_the_app_and_outlive_the_emulator(emulate):
    async def identities(http):
        await http.control("POST", "wechat/apps", {"appid": "wxother", "secret": "s", "unionid": True})
        alice = await http.exchange(await http.code("alice"))
        again = await http.exchange(await http.code("alice"))
        bob = await http.exchange(await http.code("bob"))
        other = await http.exchange(await http.code("alice", appid="wxother"), appid="wxother", secret="s")
        assert alice["openid"] == again["openid"]
        assert len({alice["openid"], bob["openid"], other["openid"]}) == 3
        assert alice["unionid"] == other["unionid"] != bob["unionid"]
        return alice["openid"], alice["unionid"]

    first = emulate(identities, {"unionid": True})
    second = emulate(identities, {"unionid": True})
    assert first == second
    assert emulate(identities, {"unionid": True}, key=b"another") != first


def test_the_session_key_stays_for_a_minute_then_changes(emulate, clock):
    async def main(http):
        async def key(user="alice"):
            return (await http.exchange(await http.code(user)))["session_key"]

        first = await key()
        clock.time += 59
        assert await key() == first
        assert await key("bob") != first
        earlier = await http.code()
        clock.time += 2
        second = await key()
        assert second != first
        # One valid key at a time: a code from before the change gets the present key.
        assert (await http.exchange(earlier))["session_key"] == second

    emulate(main)


def test_a_hundred_exchanges_a_minute_for_one_user(emulate, clock):
    async def main(http):
        _, body = await http.control("POST", "wechat/codes", {"appid": APPID, "count": 3, "user_prefix": "u"})
        for code in body["codes"]:
            assert "openid" in await http.exchange(code)
        for _ in range(2):
            assert "openid" in await http.exchange(await http.code("u0"))
        held = await http.code("u0")
        assert (await http.exchange(held))["errcode"] == 45011
        assert "openid" in await http.exchange(await http.code("u1"))
        clock.time += 60
        assert "openid" in await http.exchange(held)

    emulate(main, quota=3)


def test_other_paths_are_not_there(emulate):
    async def main(http):
        for path in ("/", "/sns/jscode2session", "/wechat/sns/jscode2session/", "/alipay/sns/jscode2session"):
            status, _, body = await http.ask("GET", path)
            assert (status, json.loads(body)) == (404, {"error": "Not Found"})

    emulate(main)
