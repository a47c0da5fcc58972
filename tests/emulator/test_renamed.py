"""Baidu and Kuaishou as they are faked: names of their own, a form or a query, errors in their words."""

from __future__ import annotations

import pytest

SECRET = "0123456789abcdef0123456789abcdef"
APP = "app-1"
LOGIN = {"baidu": "/baidu/oauth/jscode2sessionkey", "kuaishou": "/kuaishou/oauth2/mp/code2session"}
TOKEN = {"baidu": "/baidu/oauth/2.0/token", "kuaishou": "/kuaishou/oauth2/access_token"}
BOTH = pytest.mark.parametrize("platform", LOGIN)


def form(platform: str, given: str, **change: str) -> dict[str, str]:
    names = {"baidu": ("client_id", "sk", "code"), "kuaishou": ("app_id", "app_secret", "js_code")}[platform]
    return dict(zip(names, (APP, SECRET, given), strict=True)) | change


@pytest.fixture
def asking(emulate):
    """Runs ``main(ask, code)`` against one platform: ``ask(path, ...)`` gives status and fields."""

    def start(platform, main, **settings):
        async def whole(http):
            app = {"appid": APP, "secret": SECRET} | settings
            assert (await http.control("POST", f"{platform}/apps", app))[0] == 200

            async def ask(path, method="POST", **how):
                async with http.session.request(method, http.origin + path, **how) as response:
                    assert response.headers["content-type"].startswith("application/json")
                    return response.status, await response.json()

            return await main(ask, lambda user="alice": http.code(user, platform, APP))

        return emulate(whole)

    return start


@BOTH
@pytest.mark.parametrize("place", ["data", "params"])
def test_a_login_by_form_or_by_query(asking, platform, place):
    async def main(ask, code):
        status, fields = await ask(LOGIN[platform], **{place: form(platform, await code())})
        assert status == 200
        expected = {"baidu": {"openid", "session_key"}, "kuaishou": {"result", "open_id", "session_key"}}
        assert set(fields) == expected[platform]

    asking(platform, main)


def test_only_kuaishou_gives_a_unionid(asking):
    async def main(ask, code):
        return (await ask(LOGIN[platform], data=form(platform, await code())))[1]

    for platform in LOGIN:
        assert ("union_id" in asking(platform, main, unionid=True)) == (platform == "kuaishou")


WRONG = {
    "baidu": [
        ({"code": "never-given"}, 400, {"error": "invalid_grant"}),
        ({"client_id": "another"}, 400, {"error": "invalid_client"}),
        ({"sk": "another"}, 400, {"error": "invalid_client"}),
        ({"sk": ""}, 200, {"errno": 10010100, "error": "parameter is invalid"}),
        ({"code": ""}, 200, {"errno": 10010100}),
        ({"client_id": ""}, 200, {"errno": 10010100}),
    ],
    "kuaishou": [
        ({"js_code": "never-given"}, 200, {"result": 100200105, "error": "invalid_grant"}),
        ({"app_id": "another"}, 200, {"result": 100200101}),
        ({"app_secret": "another"}, 200, {"result": 100200101}),
        ({"app_secret": ""}, 200, {"result": 100200100}),
        ({"js_code": ""}, 200, {"result": 100200100}),
        ({"app_id": ""}, 200, {"result": 100200100}),
    ],
}


@pytest.mark.parametrize(
    ("platform", "change", "status", "said"), [(name, *row) for name, rows in WRONG.items() for row in rows]
)
def test_what_is_wrong_is_said_in_the_platforms_words(asking, platform, change, status, said):
    async def main(ask, code):
        got, fields = await ask(LOGIN[platform], data=form(platform, await code(), **change))
        assert got == status
        assert said.items() <= fields.items()

    asking(platform, main)


@BOTH
def test_a_code_is_good_once(asking, platform):
    async def main(ask, code):
        asked = form(platform, await code())
        assert "session_key" in (await ask(LOGIN[platform], data=asked))[1]
        assert (await ask(LOGIN[platform], data=asked))[1]["error"] == "invalid_grant"

    asking(platform, main)


@BOTH
def test_access_tokens_have_a_grant_type_of_their_own(asking, platform):
    names = {"baidu": ("client_id", "client_secret"), "kuaishou": ("app_id", "app_secret")}[platform]
    asked = dict(zip(names, (APP, SECRET), strict=True)) | {"grant_type": "client_credentials"}

    async def main(ask, code):
        status, fields = await ask(TOKEN[platform], "GET", params=asked)
        assert (status, fields["expires_in"]) == (200, 7200)
        assert (await ask(TOKEN[platform], data=asked))[1]["access_token"] != fields["access_token"]
        status, fields = await ask(TOKEN[platform], data=asked | {"grant_type": "client_credential"})
        assert fields["error"] == "unsupported_grant_type"

    asking(platform, main)


@BOTH
def test_the_quota(asking, platform):
    async def main(ask, code):
        for _ in range(100):
            await ask(LOGIN[platform], data=form(platform, await code()))
        status, fields = await ask(LOGIN[platform], data=form(platform, await code()))
        assert (status, fields.get("errno")) == {"baidu": (200, 18), "kuaishou": (429, None)}[platform]

    asking(platform, main)
