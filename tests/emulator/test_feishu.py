"""Feishu as it is faked: JSON both ways, and a token in a header that alone says whose app it is."""

from __future__ import annotations

import pytest

from menshen.emulator.state import AppSettings, Emulator, NotFaked

SECRET = "0123456789abcdef0123456789abcdef"
APP = "app-1"
LOGIN = "/feishu/open-apis/mina/v2/tokenLoginValidate"
TOKEN = "/feishu/open-apis/auth/v3/app_access_token/internal"
CREDENTIALS = {"app_id": APP, "app_secret": SECRET}


@pytest.fixture
def asking(emulate):
    """Runs ``main(ask, code)``: ``ask(path, ...)`` gives status and fields."""

    def start(main):
        async def whole(http):
            assert (await http.control("POST", "feishu/apps", {"appid": APP, "secret": SECRET}))[0] == 200

            async def ask(path, json, method="POST", **headers):
                async with http.session.request(method, http.origin + path, json=json, headers=headers) as response:
                    assert response.headers["content-type"] == "application/json; charset=utf-8"
                    return response.status, await response.json()

            return await main(ask, lambda user="alice": http.code(user, "feishu", APP))

        return emulate(whole)

    return start


async def bearer(ask) -> dict[str, str]:
    return {"Authorization": f"Bearer {(await ask(TOKEN, CREDENTIALS))[1]['app_access_token']}"}


def test_a_login_and_a_used_code(asking):
    async def main(ask, code):
        asked, header = {"code": await code()}, await bearer(ask)
        status, fields = await ask(LOGIN, asked, **header)
        assert (status, fields["code"]) == (200, 0)
        assert len(fields["data"]["session_key"]) == 32
        assert {"access_token", "refresh_token", "tenant_key", "union_id"} <= set(fields["data"])
        assert await ask(LOGIN, asked, **header) == (200, {"code": 10213, "msg": "code appid not match"})

    asking(main)


def test_a_token_is_given_again(asking):
    async def main(ask, code):
        status, first = await ask(TOKEN, CREDENTIALS)
        assert (status, first["code"], first["expire"]) == (200, 0, 7200)
        assert (await ask(TOKEN, CREDENTIALS))[1]["app_access_token"] == first["app_access_token"]

    asking(main)


@pytest.mark.parametrize(
    ("path", "body", "headers", "said"),
    [
        (TOKEN, CREDENTIALS | {"app_id": "another"}, {}, (400, 10014)),
        (TOKEN, CREDENTIALS | {"app_secret": "another"}, {}, (400, 10014)),
        (TOKEN, {"app_id": APP}, {}, (400, 10003)),
        (TOKEN, {}, {}, (400, 10003)),
        (LOGIN, {"code": "never-given"}, {}, (400, 99991661)),
        (LOGIN, {"code": "never-given"}, {"Authorization": "Basic abc"}, (400, 99991661)),
        (LOGIN, {"code": "never-given"}, {"Authorization": "Bearer never-given"}, (400, 99991664)),
        (LOGIN, {}, {"Authorization": "Bearer never-given"}, (400, 10003)),
    ],
)
def test_what_is_wrong_is_said_in_its_numbers(asking, path, body, headers, said):
    async def main(ask, code):
        status, fields = await ask(path, body, **headers)
        assert (status, fields["code"]) == said

    asking(main)


def test_a_wrong_code_and_a_wrong_method(asking):
    async def main(ask, code):
        header = await bearer(ask)
        assert (await ask(LOGIN, {"code": "never-given"}, **header))[1]["code"] == 10213
        assert (await ask(LOGIN, {"code": "never-given"}, "PUT", **header))[1]["code"] == 99991301

    asking(main)


def test_the_quota(asking):
    async def main(ask, code):
        header = await bearer(ask)
        for _ in range(100):
            await ask(LOGIN, {"code": await code()}, **header)
        status, fields = await ask(LOGIN, {"code": await code()}, **header)
        assert (status, fields["code"]) == (429, 99991400)

    asking(main)


def test_the_users_own_tokens_are_not_shown_to_who_looks_at_a_login(emulate):
    async def main(http):
        await http.control("POST", "feishu/apps", {"appid": APP, "secret": SECRET})
        code = await http.code("alice", "feishu", APP)
        async with http.session.post(http.origin + TOKEN, json=CREDENTIALS) as response:
            header = {"Authorization": f"Bearer {(await response.json())['app_access_token']}"}
        async with http.session.post(http.origin + LOGIN, json={"code": code}, headers=header) as response:
            data = (await response.json())["data"]
        shown = (await http.control("GET", f"feishu/calls?code={code}"))[1]["heard"][0]
        assert shown["answer"]["data"]["open_id"] == data["open_id"]
        secret = [data["access_token"], data["refresh_token"], data["session_key"], header["Authorization"]]
        assert not any(text in str(shown) for text in secret)

    emulate(main)


def test_there_are_no_numbers():
    emulator = Emulator()
    emulator.add_app("feishu", APP, AppSettings(SECRET))
    with pytest.raises(NotFaked):
        emulator.phone_data("feishu", APP, "alice", "", "86", {})
    with pytest.raises(NotFaked):
        emulator.phone("feishu", APP, "alice")
