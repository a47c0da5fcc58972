"""DingTalk as it is faked: a token in the query that alone says whose app it is, and refusals within 88."""

from __future__ import annotations

import pytest

from menshen.emulator.state import AppSettings, Emulator, NotFaked

SECRET = "0123456789abcdef0123456789abcdef"
APP = "app-1"
LOGIN = "/dingtalk/topapi/v2/user/getuserinfo"
TOKEN = "/dingtalk/gettoken"
CREDENTIALS = {"appkey": APP, "appsecret": SECRET}


@pytest.fixture
def asking(emulate):
    """Runs ``main(ask, code)``: ``ask(method, path, ...)`` gives the fields of an answer."""

    def start(main, **settings):
        async def whole(http):
            app = {"appid": APP, "secret": SECRET, **settings}
            assert (await http.control("POST", "dingtalk/apps", app))[0] == 200

            async def ask(method, path, **how):
                async with http.session.request(method, http.origin + path, **how) as response:
                    assert response.status == 200
                    return await response.json()

            return await main(ask, lambda user="alice": http.code(user, "dingtalk", APP))

        return emulate(whole)

    return start


async def token_of(ask) -> dict[str, str]:
    return {"access_token": (await ask("GET", TOKEN, params=CREDENTIALS))["access_token"]}


@pytest.mark.parametrize("place", ["json", "data"])
def test_a_login_in_json_and_by_form_and_a_used_code(asking, place):
    async def main(ask, code):
        asked = {"params": await token_of(ask), place: {"code": await code()}}
        fields = await ask("POST", LOGIN, **asked)
        assert (fields["errcode"], len(fields["result"]["userid"])) == (0, 16)
        assert "session_key" not in str(fields)
        again = await ask("POST", LOGIN, **asked)
        assert (again["errcode"], again["errmsg"]) == (40078, "不存在的临时授权码")

    asking(main)


def test_a_unionid_for_an_app_that_has_one(asking):
    async def main(ask, code):
        return (await ask("POST", LOGIN, params=await token_of(ask), json={"code": await code()}))["result"]

    assert "unionid" not in asking(main)
    assert asking(main, unionid=True)["unionid"].endswith("iEiE")


def test_a_token_is_given_again(asking):
    async def main(ask, code):
        first = await ask("GET", TOKEN, params=CREDENTIALS)
        assert (first["errcode"], first["expires_in"]) == (0, 7200)
        assert (await ask("GET", TOKEN, params=CREDENTIALS))["access_token"] == first["access_token"]

    asking(main)


@pytest.mark.parametrize(
    ("query", "body", "number", "within"),
    [
        ({"access_token": "never-given"}, {"code": "x"}, 88, "40014"),
        ({}, {"code": "x"}, 88, "40000"),
        ({"access_token": "never-given"}, {}, 41026, None),
    ],
)
def test_what_is_wrong_with_a_login(asking, query, body, number, within):
    async def main(ask, code):
        fields = await ask("POST", LOGIN, params=query, json=body)
        assert (fields["errcode"], fields.get("sub_code")) == (number, within)

    asking(main)


@pytest.mark.parametrize(
    ("change", "number"), [({"appkey": "another"}, 40096), ({"appsecret": "another"}, 40096), ({"appkey": ""}, 40035)]
)
def test_what_is_wrong_with_credentials(asking, change, number):
    async def main(ask, code):
        assert (await ask("GET", TOKEN, params=CREDENTIALS | change))["errcode"] == number

    asking(main)


def test_the_quota(asking):
    async def main(ask, code):
        token = await token_of(ask)
        for _ in range(100):
            await ask("POST", LOGIN, params=token, json={"code": await code()})
        assert (await ask("POST", LOGIN, params=token, json={"code": await code()}))["errcode"] == 90018

    asking(main)


def test_there_is_no_open_data():
    emulator = Emulator()
    emulator.add_app("dingtalk", APP, AppSettings(SECRET))
    for made in (
        lambda: emulator.user_info("dingtalk", APP, "alice", {}, {}),
        lambda: emulator.phone_data("dingtalk", APP, "alice", "", "86", {}),
        lambda: emulator.phone("dingtalk", APP, "alice"),
    ):
        with pytest.raises(NotFaked):
            made()
