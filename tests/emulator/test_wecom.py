"""WeCom as it is faked: calls that name a corp or a token and no app, and errors with a trail."""

from __future__ import annotations

import re

import pytest

CORP, SECRET, APP = "ww0123456789abcdef", "a-secret-of-the-linked-app", "wx0000000000000001"
TRAIL = re.compile(r", hint: \[[0-9]{25}\], from ip: 127\.0\.0\.1, more info at https://[a-z./]+\?e=(-?[0-9]+)")


@pytest.fixture
def asking(emulate):
    """Runs ``main(http, token, login)`` with one app: ``token(**params)`` and ``login(**params)`` give the fields."""

    def start(main):
        async def whole(http):
            app = {"appid": APP, "secret": SECRET, "platform_key": CORP}
            assert (await http.control("POST", "wecom/apps", app))[1]["platform_key"] == CORP

            def call(path, usual):
                async def ask(**change):
                    given = {name: value for name, value in (usual | change).items() if value is not None}
                    return await http.call("GET", path, "wecom", params=given)

                return ask

            token = call("cgi-bin/gettoken", {"corpid": CORP, "corpsecret": SECRET})
            login = call("cgi-bin/miniprogram/jscode2session", {"grant_type": "authorization_code"})
            return await main(http, token, login)

        return emulate(whole)

    return start


def test_a_login_says_whose_member_it_is(asking):
    async def main(http, token, login):
        good = (await token())["access_token"]
        told = await login(access_token=good, js_code=await http.code("alice", "wecom", APP))
        assert set(told) == {"errcode", "errmsg", "corpid", "userid", "session_key", "deviceid"}
        assert (told["corpid"], told["errcode"]) == (CORP, 0)

    asking(main)


def test_an_app_without_a_corp_is_of_the_emulators(asking):
    async def main(http, token, _login):
        told = (await http.control("POST", "wecom/apps", {"appid": "wx2", "secret": "other"}))[1]
        assert (await token(corpid=told["platform_key"], corpsecret="other"))["errcode"] == 0

    asking(main)


def test_who_asks_for_a_token_gets_the_present_one(asking):
    async def main(http, token, _login):
        first = await token()
        assert (await token())["access_token"] == first["access_token"]
        assert first["expires_in"] == 7200
        assert (await http.control("DELETE", "wecom/access-token", {"appid": APP}))[0] == 200
        assert (await token())["access_token"] != first["access_token"]

    asking(main)


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"corpid": "ww9999999999999999"}, 40013),
        ({"corpid": APP}, 40013),  # most take the mini program's AppID for it
        ({"corpid": None}, 41002),
        ({"corpsecret": "another"}, 40001),
        ({"corpsecret": None}, 41004),
    ],
)
def test_what_is_wrong_with_a_token_that_is_asked_for(asking, change, errcode):
    async def main(_http, token, _login):
        assert (await token(**change))["errcode"] == errcode

    asking(main)


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"access_token": None}, 41001),
        ({"access_token": "never-given"}, 40014),
        ({"js_code": None}, 41008),
        ({"js_code": "0" * 32}, 40029),
        ({"grant_type": None}, 40063),
    ],
)
def test_what_is_wrong_with_a_login(asking, change, errcode):
    async def main(http, token, login):
        usual = {"access_token": (await token())["access_token"], "js_code": await http.code("alice", "wecom", APP)}
        told = await login(**(usual | change))
        assert told["errcode"] == errcode
        found = TRAIL.search(told["errmsg"])
        assert found is not None
        assert found[1] == str(errcode)

    asking(main)


def test_a_token_is_of_one_app_and_a_code_of_one(asking):
    async def main(http, token, login):
        await http.control("POST", "wecom/apps", {"appid": "wx2", "secret": "other", "platform_key": CORP})
        mine, other = (await token())["access_token"], (await token(corpsecret="other"))["access_token"]
        code = await http.code("alice", "wecom", "wx2")
        assert (await login(access_token=mine, js_code=code))["errcode"] == 40029
        assert (await login(access_token=other, js_code=code))["errcode"] == 0
        assert (await login(access_token=other, js_code=code))["errcode"] == 40029

    asking(main)
